import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { rollUp } from '../../infra/publish/roll-up.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'governor-declarations-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** Declarations as the compiler leaves them: path of the module → text. */
async function rolledUp(modules: Readonly<Record<string, string>>) {
  for (const [path, text] of Object.entries(modules)) {
    const file = join(folder, `${path}.d.ts`);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
  return await rollUp(folder, 'entry');
}

test('what is exported and what that mentions is in one file, with its comments; the rest is not', async () => {
  const { text, packages } = await rolledUp({
    entry: "export { type Governor, govern } from './inside/govern.ts';",
    'inside/govern': [
      "import type { Client } from '@aws-sdk/client';",
      "import type { Unused } from 'zod';",
      "import type { Clock } from '../clock.ts';",
      '/** Governs – for ever. */',
      'export interface Governor { readonly clock: Clock; client(): Client }',
      'export declare const hidden: Unused;',
      'export declare function govern(clock: Clock): Governor;',
    ].join('\n'),
    clock: '/** Tells the time. */\nexport interface Clock { now(): number; other?: { hidden: Away } }\ntype Away = 0;',
  });
  expect(packages).toEqual(['@aws-sdk/client']);
  expect(text).toBe(
    [
      "import type { Client } from '@aws-sdk/client';",
      '/** Governs – for ever. */',
      'export interface Governor { readonly clock: Clock; client(): Client }',
      '/** Tells the time. */',
      'interface Clock { now(): number; other?: { hidden: Away } }',
      'type Away = 0;',
      'export declare function govern(clock: Clock): Governor;',
      'export {};',
      '',
    ].join('\n'),
  );
});

test('a name is followed through members whose key is computed, and through overloads', async () => {
  const { text } = await rolledUp({
    entry: [
      'declare const brand: unique symbol;',
      'export type Brand = { readonly [brand]: true };',
      'interface A {}',
      'interface B {}',
      'export declare function of(a: A): void;',
      'export declare function of(b: B): void;',
    ].join('\n'),
  });
  expect(text.match(/^(declare const brand|interface [AB]|export declare function of)/gm)).toHaveLength(5);
});

test('two public types of one name are refused, and so is what is not understood', async () => {
  await expect(
    rolledUp({
      entry: "import type { T } from './a.ts';\nexport type X = T;\nexport { type Y } from './b.ts';",
      a: 'export type T = 1;',
      b: 'type T = 2;\nexport type Y = T;',
    }),
  ).rejects.toThrow('two declarations of T');
  await expect(rolledUp({ entry: "export type X = import('./a.ts').T;" })).rejects.toThrow('not understood');
  await expect(rolledUp({ entry: "export * from './a.ts';" })).rejects.toThrow('not understood');
});
