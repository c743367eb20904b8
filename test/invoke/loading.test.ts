import { build } from 'esbuild';
import { expect, it } from 'vitest';

/** The packages that importing a module loads at once. */
async function loadedWith(entry: string): Promise<string[]> {
  const { metafile } = await build({
    entryPoints: [entry],
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    metafile: true,
    write: false,
    logLevel: 'silent',
  });
  const seen = new Set<string>();
  const packages = new Set<string>();
  const visit = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const { path, kind, external } of metafile.inputs[file]?.imports ?? [])
      if (kind === 'import-statement') {
        if (external === true) packages.add(path);
        else visit(path);
      }
  };
  visit(entry);
  return [...packages].filter((name) => !name.startsWith('node:')).sort();
}

it('importing the helper loads no package', async () => {
  expect(await loadedWith('invoke/index.ts')).toEqual([]);
});

it('the first call loads the client of the table, and no other', async () => {
  const clients = (await loadedWith('invoke/governing.ts')).filter((name) => name.startsWith('@aws-sdk/'));
  expect(clients).toEqual(['@aws-sdk/client-dynamodb']);
});
