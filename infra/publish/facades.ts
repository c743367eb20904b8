import { readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Metafile } from 'esbuild';

/** A file that only passes on what another one has. */
interface Facade {
  readonly path: string;
  /** The file that has it. */
  readonly behind: string;
}

/**
 * Lets `import()` load a shared file itself, and takes away the file between them.
 *
 * A bundler gives each module that is loaded by `import()` a file of its own, also where its code is in one that others share:
 * then it holds an import and an export of the same names. Finding and reading such a file takes Node a millisecond.
 *
 * @param keep files that the package names
 */
export async function withoutFacades(outDir: string, root: string, metafile: Metafile, keep: string): Promise<void> {
  const fileOf = (path: string): string => `./${relative(outDir, join(root, path))}`;
  const paths = Object.keys(metafile.outputs);
  const codes = new Map(
    await Promise.all(paths.map(async (path) => [path, await readFile(join(root, path), 'utf8')] as const)),
  );
  const facades = facadesOf(metafile).filter(
    ({ path }) => fileOf(path) !== `./${keep}` && !RENAMES.test(codes.get(path) ?? ''),
  );
  for (const [path, code] of codes) {
    const direct = facades.reduce(
      (text, facade) => text.replaceAll(`import("${fileOf(facade.path)}")`, `import("${fileOf(facade.behind)}")`),
      code,
    );
    if (direct !== code) await writeFile(join(root, path), direct);
  }
  await Promise.all(facades.map(({ path }) => rm(join(root, path))));
}

/** Two modules of a file have the same name for something: the file has another one for the second. */
const RENAMES = /\bas\b/;

function facadesOf({ outputs }: Metafile): Facade[] {
  return Object.entries(outputs).flatMap(([path, { entryPoint, inputs, imports, exports }]) => {
    const hasCode = Object.values(inputs).some(({ bytesInOutput }) => bytesInOutput > 0);
    if (entryPoint === undefined || hasCode) return [];
    const behind = imports.find((file) => exports.every((name) => outputs[file.path]?.exports.includes(name)));
    return behind === undefined ? [] : [{ path, behind: behind.path }];
  });
}
