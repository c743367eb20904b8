import { copyFile, mkdtemp, readdir, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './fences.ts';

/** As the folder of a clone in which `npm ci` has run: what is written there is not written here. */
export async function clone(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'governor-getting-started-'));
  const hidden = ['package.json', 'governance.yaml', 'governance.schema.json', 'example.ts'];
  for (const name of await readdir(ROOT))
    if (!name.startsWith('.') && !hidden.includes(name)) await symlink(join(ROOT, name), join(folder, name));
  // A copy: npm runs scripts where the file is.
  await copyFile(join(ROOT, 'package.json'), join(folder, 'package.json'));
  return folder;
}
