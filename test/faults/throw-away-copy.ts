import { mkdtempSync, rmSync } from 'node:fs';
import { cp, mkdir, readdir, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
const LEFT_OUT = new Set(['.git', 'node_modules', '.build', '.serverless', 'coverage']);

/** A temporary directory for a copy of this project, which nothing that happens to it changes. */
export class ThrowAwayCopy {
  readonly root = mkdtempSync(join(tmpdir(), 'faults-'));

  /** Copies the project as it is at this moment. */
  async fill(): Promise<void> {
    await cp(PROJECT, this.root, { recursive: true, filter: (path) => !LEFT_OUT.has(basename(path)) });
    // Package by package: what tools write beside them, such as caches, stays in the copy.
    const packages = join(this.root, 'node_modules');
    await mkdir(packages);
    for (const name of await readdir(join(PROJECT, 'node_modules')))
      if (!name.startsWith('.vite')) await symlink(join(PROJECT, 'node_modules', name), join(packages, name));
  }

  /** Synchronous, because it is also called when the process is told to end. */
  remove(): void {
    rmSync(this.root, { recursive: true, force: true, maxRetries: 3 });
  }
}
