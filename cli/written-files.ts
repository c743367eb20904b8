import { rename, rm, writeFile } from 'node:fs/promises';

/** A file that is to be there as a whole or as it was. */
export interface WantedFile {
  readonly path: string;
  readonly text: string;
}

/** Writes all files aside and only then renames them into place: whoever interrupts leaves none of them half-written. */
export async function writeTogether(files: readonly WantedFile[]): Promise<void> {
  const aside = files.map(({ path, text }) => ({ path, text, part: `${path}.${process.pid}.part` }));
  try {
    for (const { part, text } of aside) await writeFile(part, text);
    for (const { part, path } of aside) await rename(part, path);
  } finally {
    for (const { part } of aside) await rm(part, { force: true });
  }
}
