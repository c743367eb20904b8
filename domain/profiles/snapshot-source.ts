import type { IndexSource } from './index-source.ts';

/**
 * A source with a copy of it elsewhere, for a process that starts while the source cannot be read. One that has read the
 * source keeps what it read, which is newer than the copy.
 */
export function withSnapshot(source: IndexSource, copy: IndexSource): IndexSource {
  let hasRead = false;
  return {
    name: `${source.name}, else ${copy.name}`,
    async read() {
      try {
        const reading = await source.read();
        hasRead = true;
        return reading;
      } catch (error) {
        if (hasRead) throw error;
        return await copy.read().catch(() => {
          throw error;
        });
      }
    },
  };
}
