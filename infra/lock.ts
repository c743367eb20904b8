import { lstat, readlink, rm, symlink } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';

const POLL_MS = 50;

/**
 * Runs `work` while no other process of this machine holds the lock at `path`. The lock is a symbolic link to the
 * holder's process id: one system call makes it, content and all, or fails because another holds it.
 *
 * A lock whose holder is no longer running, or that is older than `abandonedAfterMs`, counts as left behind. So two may
 * work at once in the worst case: the lock saves work, and what it guards must bear that.
 */
export async function withLock<T>(path: string, abandonedAfterMs: number, work: () => Promise<T>): Promise<T> {
  while (!(await acquire(path))) {
    if (await isAbandoned(path, abandonedAfterMs)) await rm(path, { force: true });
    else await wait(POLL_MS);
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

async function acquire(path: string): Promise<boolean> {
  try {
    await symlink(String(process.pid), path);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}

async function isAbandoned(path: string, abandonedAfterMs: number): Promise<boolean> {
  try {
    const [holder, { mtimeMs }] = await Promise.all([readlink(path), lstat(path)]);
    return Date.now() - mtimeMs > abandonedAfterMs || !isRunning(Number(holder));
  } catch (error) {
    // Released in the meantime.
    if (hasCode(error, 'ENOENT')) return false;
    throw error;
  }
}

function isRunning(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return hasCode(error, 'EPERM');
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
