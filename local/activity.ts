import type { Activity } from './service.ts';

/** Counts work in flight. The caller of `track` keeps its promise, with its failure; `settled` waits for either end. */
export function createActivity(): Activity {
  const pending = new Set<Promise<unknown>>();
  return {
    track(work) {
      const ended: Promise<unknown> = work.then(
        () => pending.delete(ended),
        () => pending.delete(ended),
      );
      pending.add(ended);
      return work;
    },
    async settled() {
      do {
        await Promise.all(pending);
        // What follows from work that has just ended may start more of it in this turn of the event loop.
        await new Promise((resume) => setImmediate(resume));
      } while (pending.size > 0);
    },
  };
}
