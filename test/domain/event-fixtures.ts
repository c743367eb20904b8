import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';

const FOLDER = new URL('../fixtures/events/', import.meta.url);

/** All captured and reconstructed events and payloads, by file name without its extension. */
export const EVENTS: ReadonlyMap<string, unknown> = new Map(
  readdirSync(FOLDER)
    .filter((name) => name.endsWith('.json'))
    .map((name) => [name.slice(0, -'.json'.length), JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8'))] as const),
);

export function event(name: string): unknown {
  if (!EVENTS.has(name)) throw new Error(`no fixture ${name}`);
  return EVENTS.get(name);
}

type Path = readonly (string | number)[];

/** The paths of all nodes of a JSON value, its root included. */
export const nodesOf = (value: unknown, path: Path = []): Path[] =>
  typeof value === 'object' && value !== null
    ? [
        path,
        ...Object.entries(value).flatMap(([key, part]) =>
          nodesOf(part, [...path, Array.isArray(value) ? Number(key) : key]),
        ),
      ]
    : [path];

/** A copy with the node at `path` replaced, or left out where `by` is undefined. */
export function replaced(value: unknown, path: Path, by: unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return by;
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value)
    .map(([key, part]) => [key, key === String(step) ? replaced(part, rest, by) : part] as const)
    .filter(([, part]) => part !== undefined);
  return Array.isArray(value) ? entries.map(([, part]) => part) : Object.fromEntries(entries);
}

export const at = (value: unknown, path: Path): unknown =>
  path.reduce<unknown>(
    (node, step) => (typeof node === 'object' && node !== null ? Reflect.get(node, step) : undefined),
    value,
  );

/** What a node may become: gone, null, another type, huge, or its own text damaged or percent-encoded. */
const replacements = (node: unknown): fc.Arbitrary<unknown> => {
  const plain: fc.Arbitrary<unknown> = fc.constantFrom<unknown>(
    undefined,
    null,
    true,
    0,
    -1,
    1e308,
    '',
    [],
    {},
    [null],
    'x'.repeat(100_000),
    '%',
    '%E0%A4%A',
    '__proto__',
    { toString: 1 },
    [[]],
  );
  if (typeof node !== 'string') return fc.oneof(plain, fc.jsonValue({ maxDepth: 2 }));
  const damaged = fc.constantFrom(
    encodeURIComponent(node),
    encodeURIComponent(encodeURIComponent(node)),
    node.toUpperCase(),
    `${node}\n`,
    ` ${node}`,
    `${node}${node}`,
    node.slice(0, -1),
    node.replaceAll('123456789012', '999999999999'),
    node.replaceAll('application-inference-profile', 'inference-profile'),
    node.replaceAll(':', '%3A'),
    node.replaceAll('/', '%2F'),
    node.replaceAll('us-east-1', 'us-east-1:999999999999'),
  );
  return fc.oneof(plain, damaged, fc.string());
};

/** The value with one to four of its nodes replaced. */
export const mutationsOf = (value: unknown): fc.Arbitrary<unknown> =>
  fc
    .array(
      fc.constantFrom(...nodesOf(value)).chain((path) => fc.tuple(fc.constant(path), replacements(at(value, path)))),
      { minLength: 1, maxLength: 4 },
    )
    .map((changes) => changes.reduce((mutant, [path, by]) => replaced(mutant, path, by), value));
