import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { expect, it } from 'vitest';

it('importing the helper does not load the Lambda client, which only the lease function needs', async () => {
  const { metafile } = await build({
    entryPoints: [fileURLToPath(new URL('../../invoke/index.ts', import.meta.url))],
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    metafile: true,
    write: false,
    logLevel: 'silent',
  });
  const imports = Object.values(metafile.outputs).flatMap((output) => output.imports);
  const kindsOf = (name: string) => new Set(imports.filter(({ path }) => path === name).map(({ kind }) => kind));
  expect(kindsOf('@aws-sdk/client-lambda')).toEqual(new Set(['dynamic-import']));
  expect(kindsOf('@aws-sdk/client-dynamodb')).toEqual(new Set(['import-statement']));
});
