import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EXAMPLE_POLICY } from '../../infra/package.ts';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

/**
 * A project of its own in a temporary directory: this one's `infra/` and what it imports.
 *
 * @param handlers `small`: one for each function, that does nothing; `real`: this project's
 */
export async function copyProject(
  handlers: 'small' | 'real' = 'small',
): Promise<{ readonly root: string; remove(): Promise<void> }> {
  const root = await mkdtemp(join(tmpdir(), 'packaged-project-'));
  await cp(join(PROJECT, 'infra'), join(root, 'infra'), {
    recursive: true,
    filter: (source) => !['.build', '.serverless'].includes(basename(source)),
  });
  for (const folder of ['domain', 'aws']) await cp(join(PROJECT, folder), join(root, folder), { recursive: true });
  await mkdir(join(root, 'examples/insurer'), { recursive: true });
  for (const file of ['package.json', 'package-lock.json', EXAMPLE_POLICY])
    await cp(join(PROJECT, file), join(root, file));
  await symlink(join(PROJECT, 'node_modules'), join(root, 'node_modules'));
  const remove = () => rm(root, { recursive: true, force: true });
  if (handlers === 'real') {
    await cp(join(PROJECT, 'handlers'), join(root, 'handlers'), { recursive: true });
    return { root, remove };
  }
  await mkdir(join(root, 'handlers'));
  const service = await readFile(join(root, 'infra/serverless.yml'), 'utf8');
  for (const [, name] of service.matchAll(/\.build\/([a-z-]+)\.zip/g)) {
    await writeFile(
      join(root, `handlers/${name}.ts`),
      `export const handler = async (): Promise<string> => '${name}';\n`,
    );
  }
  return { root, remove };
}
