import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EXAMPLE_POLICY } from '../../infra/package.ts';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

/** A project of its own in a temporary directory: this one's `infra/`, and a small handler for each of its functions. */
export async function copyProject(): Promise<{ readonly root: string; remove(): Promise<void> }> {
  const root = await mkdtemp(join(tmpdir(), 'packaged-project-'));
  await cp(join(PROJECT, 'infra'), join(root, 'infra'), {
    recursive: true,
    filter: (source) => !['.build', '.serverless'].includes(basename(source)),
  });
  // What a policy says of tags is read when the stack is packaged.
  await cp(join(PROJECT, 'domain'), join(root, 'domain'), { recursive: true });
  await mkdir(join(root, 'examples/insurer'), { recursive: true });
  for (const file of ['package.json', 'package-lock.json', EXAMPLE_POLICY])
    await cp(join(PROJECT, file), join(root, file));
  await symlink(join(PROJECT, 'node_modules'), join(root, 'node_modules'));
  await mkdir(join(root, 'handlers'));
  const service = await readFile(join(root, 'infra/serverless.yml'), 'utf8');
  for (const [, name] of service.matchAll(/\.build\/([a-z-]+)\.zip/g)) {
    await writeFile(
      join(root, `handlers/${name}.ts`),
      `export const handler = async (): Promise<string> => '${name}';\n`,
    );
  }
  return { root, remove: () => rm(root, { recursive: true, force: true }) };
}
