import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, isAbsolute, join, relative } from 'node:path';
import { unzipSync } from 'fflate';

/** Unpacked deployment packages, in a temporary folder of their own. */
export interface CodeStore {
  /** Unpacks a zip once and returns its folder and SHA-256 (base64, as Lambda reports it). */
  unpack(zip: Uint8Array): Promise<{ readonly folder: string; readonly sha256: string }>;
  close(): Promise<void>;
}

interface Root {
  readonly folder: string;
  readonly onExit: () => void;
}

/** Removed by close(), or at the latest when the process ends. */
async function makeRoot(): Promise<Root> {
  const folder = await mkdtemp(join(tmpdir(), 'embedded-lambda-'));
  const onExit = (): void => rmSync(folder, { recursive: true, force: true });
  process.once('exit', onExit);
  return { folder, onExit };
}

export function createCodeStore(): CodeStore {
  let root: Promise<Root> | undefined;
  const unpacked = new Map<string, Promise<string>>();

  const write = async (zip: Uint8Array, name: string): Promise<string> => {
    root ??= makeRoot();
    const folder = join((await root).folder, name);
    await mkdir(folder);
    for (const [path, content] of Object.entries(unzipSync(zip))) {
      const file = join(folder, path);
      const inside = relative(folder, file);
      if (inside.startsWith('..') || isAbsolute(inside))
        throw new Error(`the zip has an entry outside its folder: ${path}`);
      if (path.endsWith('/')) continue;
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, content);
    }
    return folder;
  };

  return {
    async unpack(zip) {
      const digest = createHash('sha256').update(zip).digest();
      const name = digest.toString('hex');
      const folder = unpacked.get(name) ?? write(zip, name);
      unpacked.set(name, folder);
      return { folder: await folder, sha256: digest.toString('base64') };
    },
    async close() {
      if (root === undefined) return;
      const { folder, onExit } = await root;
      process.off('exit', onExit);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
