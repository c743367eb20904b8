import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Fault } from './fault.ts';
import { VERDICTS_FILE, type Verdict, type Verdicts } from './verdict-reporter.ts';

/** A test that a fault keeps from ending fails by its own time-out long before. */
const LONGEST_RUN_MS = 180_000;

const literally = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');

/** Runs single tests of a copy of the project, one run at a time. */
export class TestRuns {
  readonly #root: string;
  #child: ChildProcess | undefined;

  constructor(root: string) {
    this.#root = root;
  }

  /** Runs the tests of these faults and no others. */
  async run(faults: readonly Fault[]): Promise<Verdicts> {
    const files = new Set(faults.map(({ test }) => test.file));
    const titles = new Set(faults.map(({ test }) => literally(test.title)));
    const verdicts = join(this.#root, 'verdicts.json');
    await rm(verdicts, { force: true });
    const vitest = join(this.#root, 'node_modules/vitest/vitest.mjs');
    const reporter = join(this.#root, 'test/faults/verdict-reporter.ts');
    const options = ['run', '--reporter', reporter, '--testNamePattern', `(${[...titles].join('|')})$`];
    const child = spawn(process.execPath, [vitest, ...options, ...files], {
      cwd: this.#root,
      // A group of its own, so that its workers end with it.
      detached: true,
      env: { ...process.env, [VERDICTS_FILE]: verdicts },
      stdio: 'ignore',
    });
    this.#child = child;
    const late = setTimeout(() => this.stop(), LONGEST_RUN_MS);
    await once(child, 'exit');
    clearTimeout(late);
    this.#child = undefined;
    try {
      return JSON.parse(await readFile(verdicts, 'utf8')) as Verdicts;
    } catch {
      return { tests: [], broken: ['the test run ended without a verdict'] };
    }
  }

  stop(): void {
    const pid = this.#child?.pid;
    if (pid === undefined) return;
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // It has just ended by itself.
    }
  }
}

const verdictsOn = ({ test }: Fault, { tests }: Verdicts): readonly Verdict[] =>
  tests.filter(({ file, title }) => file === test.file && title === test.title);

/** Why the test says nothing about the product as it is; undefined where it passes, each time that it is run. */
export function baselineProblem(fault: Fault, verdicts: Verdicts): string | undefined {
  const ran = verdictsOn(fault, verdicts);
  if (ran.length === 0) return `no test of this title in ${fault.test.file}${because(verdicts)}`;
  const failed = ran.find(({ state }) => state === 'failed');
  return failed && `its test fails without the fault: ${failed.message}`;
}

/** Why the fault goes unseen; undefined where an assertion of its test fails with it, for one API or protocol at least. */
export function escapeOf(fault: Fault, verdicts: Verdicts): string | undefined {
  const ran = verdictsOn(fault, verdicts);
  if (ran.length === 0) return `its test did not run with the fault${because(verdicts)}`;
  const failed = ran.filter(({ state }) => state === 'failed');
  if (failed.length === 0) return 'its test passes with the fault';
  return failed.some(({ errors }) => errors.some((names) => names.includes('AssertionError')))
    ? undefined
    : `its test fails with the fault, and not by an assertion: ${failed[0]?.message}`;
}

const because = ({ broken }: Verdicts): string => (broken.length === 0 ? '' : `: ${broken.join('; ')}`);
