import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What runs in AWS and in tenants' processes; the rest of infra/ packages and publishes it. */
const FOLDERS = ['domain', 'aws', 'handlers', 'invoke', 'infra/functions'];
const FILES = [
  'billing',
  'composition',
  'equipment',
  'function-settings',
  'handler-of',
  'made-once',
  'resolver',
  'surroundings',
  'telling',
];
/** The port itself. */
const MACHINE = 'aws/machine.ts';

const FORBIDDEN = [
  /\bDate\.now\b/,
  /\bnew Date\(\s*\)/,
  /\bDate\(\s*\)/,
  /\bperformance\b/,
  /\bhrtime\b/,
  /\b(?:set|clear)(?:Timeout|Interval|Immediate)\b/,
  /\bMath\.random\b/,
  /\brandom(?:UUID|Bytes|Int|FillSync|Fill)\b/,
  /\bgetRandomValues\b/,
  /['"](?:node:)?timers(?:\/promises)?['"]/,
  /\bAbortSignal\.timeout\b/,
  /\bTemporal\.Now\b|\/Now['"]/,
];

const sources = (folder: string): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `${folder}/${name}`);

/** Without comments and without what is quoted in them. */
const codeOf = (file: string): string =>
  readFileSync(join(ROOT, file), 'utf8')
    .replaceAll(/\/\*[\s\S]*?\*\//g, '')
    .replaceAll(/^\s*\/\/.*$/gm, '');

describe('the product', () => {
  it('takes time, timers, chance and ids from its machine alone', () => {
    const files = [...FOLDERS.flatMap(sources), ...FILES.map((name) => `infra/${name}.ts`)].filter(
      (file) => file !== MACHINE,
    );
    expect(files.length).toBeGreaterThan(200);
    const found = files.flatMap((file) =>
      FORBIDDEN.flatMap((pattern) => {
        const match = pattern.exec(codeOf(file));
        return match === null ? [] : [`${file}: ${match[0]}`];
      }),
    );
    expect(found).toEqual([]);
  });

  it('finds all of them in the port, so that none is misspelt here', () => {
    const port = codeOf(MACHINE);
    for (const used of [
      'Date.now',
      'performance',
      'setTimeout',
      'setInterval',
      'Math.random',
      'randomUUID',
      'randomBytes',
      "'node:timers/promises'",
    ])
      expect(
        FORBIDDEN.some((pattern) => pattern.test(port) && pattern.test(used)),
        used,
      ).toBe(true);
  });
});
