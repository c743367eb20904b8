/** In words, why a file cannot be read or written; with the system's own word, which can be looked up. */
export function fileTrouble(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const words = code === undefined ? undefined : WORDS[code];
  return words === undefined ? `cannot be read or written (${code ?? message})` : `${words} (${code})`;
}

/** Source: errno(3). */
const WORDS: Readonly<Record<string, string>> = {
  EACCES: 'you may not read or write it: look at its permissions',
  EPERM: 'you may not read or write it: look at its permissions',
  EEXIST: 'there is a file of this name, where a folder was expected',
  EISDIR: 'this is a folder, and a file was expected',
  ELOOP: 'its links lead round in a circle',
  EMFILE: 'too many files are open',
  ENAMETOOLONG: 'the name is too long',
  ENOENT: 'there is no such file or folder',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'a part of this path is a file, where a folder was expected',
  EROFS: 'nothing can be written to this disk',
};

/** As {@link fileTrouble}, of a file that was to be read: what is missing is then the file. */
export const readingTrouble = (error: unknown): string =>
  (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file (ENOENT)' : fileTrouble(error);

/** Of a file that was to be made: what is missing is then its folder. */
export const writingTrouble = (error: unknown): string =>
  (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such folder (ENOENT)' : fileTrouble(error);
