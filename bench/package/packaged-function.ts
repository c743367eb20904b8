import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unzipSync } from 'fflate';
import type { PackagedStack } from '../../infra/package.ts';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A function as it is deployed. */
export interface PackagedFunction {
  /** Of its handler: `sweep`. */
  readonly name: string;
  /** The bundle, taken out of its zip. */
  readonly path: string;
  readonly bytes: number;
}

export async function unpackFunctions(stack: PackagedStack, folder: string): Promise<readonly PackagedFunction[]> {
  return await Promise.all(
    stack.artifacts.map(async ({ fileName }) => {
      const name = basename(fileName, '.zip');
      const bundle = unzipSync(await readFile(join(stack.artifactsDir, fileName)))['index.mjs'];
      if (bundle === undefined) throw new Error(`${fileName} holds no index.mjs`);
      await mkdir(join(folder, name), { recursive: true });
      const path = join(folder, name, 'index.mjs');
      await writeFile(path, bundle);
      return { name, path, bytes: bundle.length };
    }),
  );
}
