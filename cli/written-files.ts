import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { unlessTwice } from './interruption.ts';
import { complain } from './output/print.ts';

/** A file that is to be there as a whole or as it was. */
export interface WantedFile {
  readonly path: string;
  readonly text: string;
}

/**
 * Writes all files aside and only then renames them into place: whoever interrupts finds all of them, and no other.
 *
 * @param newFolder is made first, where it is not there
 */
export async function writeTogether(files: readonly WantedFile[], newFolder?: string): Promise<void> {
  await unlessTwice(
    () => complain(`Interrupted: the files are written to the end, ${files.length} of them.`),
    async () => {
      if (newFolder !== undefined) await makeFolder(newFolder);
      await written(files);
    },
  );
}

async function written(files: readonly WantedFile[]): Promise<void> {
  const aside = files.map(({ path, text }) => ({ path, text, part: `${path}.${process.pid}.part` }));
  try {
    for (const { part, text } of aside) await writeFile(part, text);
    for (const { part, path } of aside) await rename(part, path);
  } finally {
    for (const { part } of aside) await rm(part, { force: true });
  }
}

/**
 * Makes a folder, and those above it that are missing. Node's own way of doing so never ends where the system has no such
 * folder and lets none be made, as in /proc.
 */
async function makeFolder(path: string): Promise<void> {
  const made = await mkdir(path).catch((error: NodeJS.ErrnoException) => error);
  if (made === undefined) return;
  if (made.code === 'EEXIST' && (await stat(path)).isDirectory()) return;
  if (made.code !== 'ENOENT' || dirname(path) === path) throw made;
  await makeFolder(dirname(path));
  await mkdir(path);
}
