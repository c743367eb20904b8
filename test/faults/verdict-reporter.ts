import { writeFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';

/** Where {@link VerdictReporter} writes, as JSON. */
export const VERDICTS_FILE = 'VERDICTS_FILE';

export interface Verdict {
  readonly file: string;
  readonly title: string;
  readonly state: 'passed' | 'failed';
  /** For each error of a failed test its name and those of its causes. */
  readonly errors: readonly (readonly string[])[];
  readonly message: string;
}

export interface Verdicts {
  readonly tests: readonly Verdict[];
  /** What kept files from being loaded, or failed outside of any test. */
  readonly broken: readonly string[];
}

interface Failure {
  readonly name?: string | undefined;
  readonly message: string;
  readonly cause?: unknown;
}

const isFailure = (value: unknown): value is Failure =>
  typeof value === 'object' && value !== null && 'message' in value && typeof value.message === 'string';

const namesOf = (error: unknown): string[] =>
  isFailure(error) ? [error.name ?? 'Error', ...namesOf(error.cause)] : [];

/** Tells of each test that ran how it ended, and of each error what it is. */
export default class VerdictReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly Failure[]): void {
    const tests = modules.flatMap((module): Verdict[] =>
      [...module.children.allTests()].flatMap((test): Verdict[] => {
        const { state, errors = [] } = test.result();
        if (state !== 'passed' && state !== 'failed') return [];
        const message = errors[0]?.message ?? '';
        return [{ file: module.relativeModuleId, title: test.name, state, errors: errors.map(namesOf), message }];
      }),
    );
    const broken = [...modules.flatMap((module) => module.errors()), ...unhandled].map(({ message }) => message);
    const path = process.env[VERDICTS_FILE];
    if (path !== undefined) writeFileSync(path, JSON.stringify({ tests, broken } satisfies Verdicts));
  }
}
