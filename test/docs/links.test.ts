import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { documents, ROOT } from './fences.ts';

/** Made by `npm run docs:api` and by packaging; not in a fresh clone. */
const GENERATED = /^(docs\/api|infra\/\.(build|serverless))\//;
const FOLDERS = [
  'aws',
  'bench',
  'cli',
  'docs',
  'domain',
  'examples',
  'handlers',
  'infra',
  'invoke',
  'local',
  'simulation',
  'test',
];
const PATH = new RegExp(`\`((?:${FOLDERS.join('|')})/[\\w./-]*)\``, 'g');

const withoutBlocks = (text: string): string => text.replaceAll(/^ *```.*?^ *```/gms, '');

/** As GitHub names the anchor of a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(' ', '-');

const anchorsIn = (text: string): ReadonlySet<string> =>
  new Set([...withoutBlocks(text).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => anchorOf(heading)));

const read = async (file: string): Promise<string> => await readFile(join(ROOT, file), 'utf8');

/** Links of a document that lead nowhere. */
async function brokenLinksOf(file: string): Promise<string[]> {
  const text = withoutBlocks(await read(file));
  const broken: string[] = [];
  for (const [, target = ''] of text.replaceAll(/`[^`\n]*`/g, '').matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(target)) continue;
    const [path = '', anchor] = target.split('#');
    const linked = path === '' ? file : join(dirname(file), path);
    if (GENERATED.test(`${linked}/`)) continue;
    if (!existsSync(join(ROOT, linked))) broken.push(target);
    else if (anchor !== undefined && !anchorsIn(await read(linked)).has(anchor)) broken.push(target);
  }
  return broken;
}

/** Paths that a document names and that are nowhere; tests may be named without their ending. */
const missingPathsOf = (text: string): string[] =>
  [...withoutBlocks(text).matchAll(PATH)]
    .map(([, path = '']) => path)
    .filter((path) => !GENERATED.test(path))
    .filter((path) => !existsSync(join(ROOT, path)) && !existsSync(join(ROOT, 'test', `${path}.test.ts`)));

describe('the documents', async () => {
  const files = await documents();

  it.each(files)('%s links to what is there, and names files that are', async (file) => {
    expect(await brokenLinksOf(file)).toEqual([]);
    expect(missingPathsOf(await read(file))).toEqual([]);
  });

  it('would be found wrong', () => {
    expect(missingPathsOf('see `domain/nowhere.ts` and `domain/money.ts`')).toEqual(['domain/nowhere.ts']);
    expect(anchorOf('What is verified, and where')).toBe('what-is-verified-and-where');
  });
});
