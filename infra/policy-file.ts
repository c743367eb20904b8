import { isUtf8 } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { type Document, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, type YAMLError } from 'yaml';
import { type Policy, readPolicy } from '../domain/policy/policy.ts';
import { declaredProfiles } from '../domain/profiles/declared-profiles.ts';
import { readingTrouble } from './file-trouble.ts';
import { UserError } from './user-error.ts';

export interface PolicyFile {
  readonly policy: Policy;
  /** The plain document, as it is stored. */
  readonly document: unknown;
}

/** One thing wrong with a policy file. */
export interface FileProblem {
  /** Where it begins in the file; absent where that is nowhere. */
  readonly line?: number;
  /** Such as `budgets[2].limit`; absent where the file is no YAML. */
  readonly place?: string;
  readonly message: string;
}

/** A policy file that cannot be used, with each problem apart. */
export class PolicyFileError extends UserError {
  readonly found: readonly FileProblem[];

  constructor(path: string, found: readonly FileProblem[]) {
    super(
      found.map(({ line, place, message }) =>
        [line === undefined ? path : `${path}:${line}`, ...(place === undefined ? [] : [place]), message].join(': '),
      ),
    );
    this.found = found;
  }
}

/**
 * Reads and checks a policy file, as a whole and before anything happens.
 * @throws {UserError} with a line for each problem: `governance.yaml:12: budgets[2].limit: expected an amount such as "500 USD"`
 */
export async function readPolicyFile(path: string): Promise<PolicyFile> {
  if (path === '') throw new UserError(['--policy: expected the name of a file, not an empty text']);
  const bytes = await readFile(path).catch((error: unknown) => {
    throw new PolicyFileError(path, [{ message: readingTrouble(error) }]);
  });
  if (!isUtf8(bytes) || bytes.includes(0))
    throw new PolicyFileError(path, [{ message: 'expected a YAML file, and this is no text' }]);
  const lines = new LineCounter();
  const yaml = parseDocument(bytes.toString('utf8'), { lineCounter: lines, uniqueKeys: true, logLevel: 'error' });
  if (yaml.errors.length > 0)
    throw new PolicyFileError(
      path,
      yaml.errors.map((error) => ({ line: lines.linePos(error.pos[0]).line, message: describeSyntax(error) })),
    );
  const document = plainDocument(yaml, path);
  if (document === null || document === undefined)
    throw new PolicyFileError(path, [
      { message: 'expected a policy, and there is nothing in this file: `governor init` writes a first one' },
    ]);
  const reading = readPolicy(document);
  const declared = reading.kind === 'valid' ? declaredProfiles(reading.policy) : reading;
  if (reading.kind === 'valid' && declared.kind === 'valid') return { policy: reading.policy, document };
  throw new PolicyFileError(
    path,
    (declared.kind === 'valid' ? [] : declared.problems).map(({ place, message, path: steps }) => ({
      line: lines.linePos(offsetOf(yaml, steps)).line,
      place,
      message,
    })),
  );
}

function describeSyntax(error: YAMLError): string {
  if (error.code === 'MULTIPLE_DOCS') return 'expected one YAML document, and a second one begins here';
  return error.message.split('\n')[0]?.replace(/ at line.*$/, '') ?? 'not YAML';
}

/** Aliases may repeat a part of the policy; a file in which they multiply each other is refused before it fills the memory. */
function plainDocument(yaml: Document, path: string): unknown {
  try {
    return yaml.toJS({ maxAliasCount: 100 });
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    throw new PolicyFileError(path, [{ message: 'expected a policy whose aliases (*) do not multiply each other' }]);
  }
}

/** Where in the text a place of the policy begins, its key included; or the nearest thing around it that is there. */
function offsetOf(yaml: Document, path: readonly PropertyKey[]): number {
  let offset = 0;
  let node: unknown = yaml.contents;
  for (const step of path) {
    const pair = isMap(node) ? node.items.find(({ key }) => isScalar(key) && key.value === step) : undefined;
    const next: unknown = isSeq(node) ? node.items[Number(step)] : pair?.value;
    const start = pair === undefined ? next : pair.key;
    if (!isNode(start) || !start.range) break;
    offset = start.range[0];
    node = next;
  }
  return offset;
}
