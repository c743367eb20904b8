import { readFile } from 'node:fs/promises';
import { LineCounter, parseDocument } from 'yaml';
import { type Policy, readPolicy } from '../domain/policy/policy.ts';
import { UserError } from './user-error.ts';

export interface PolicyFile {
  readonly policy: Policy;
  /** The plain document, as it is stored. */
  readonly document: unknown;
}

/**
 * Reads and checks a policy file, as a whole and before anything happens.
 * @throws {UserError} with a line for each problem: `governance.yaml:12: budgets[2].limit: expected an amount such as "500 USD"`
 */
export async function readPolicyFile(path: string): Promise<PolicyFile> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new UserError([`${path}: cannot be read (${error.code ?? error.message})`]);
  });
  const lines = new LineCounter();
  const yaml = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  if (yaml.errors.length > 0)
    throw new UserError(
      yaml.errors.map(
        (error) =>
          `${path}:${lines.linePos(error.pos[0]).line}: ${error.message.split('\n')[0]?.replace(/ at line.*$/, '') ?? 'not YAML'}`,
      ),
    );
  const document: unknown = yaml.toJS({ maxAliasCount: 100 });
  const reading = readPolicy(document);
  if (reading.kind === 'valid') return { policy: reading.policy, document };
  throw new UserError(
    reading.problems.map(({ place, message, path: steps }) => {
      const line = lineOf(yaml, lines, steps);
      return `${path}${line === undefined ? '' : `:${line}`}: ${place}: ${message}`;
    }),
  );
}

/** The line of the place, or of the nearest thing around it that is there. */
function lineOf(
  yaml: ReturnType<typeof parseDocument>,
  lines: LineCounter,
  path: readonly PropertyKey[],
): number | undefined {
  for (let length = path.length; length > 0; length--) {
    const node = yaml.getIn(path.slice(0, length), true);
    const start =
      typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range)
        ? Number(node.range[0])
        : undefined;
    if (start !== undefined) return lines.linePos(start).line;
  }
  return undefined;
}
