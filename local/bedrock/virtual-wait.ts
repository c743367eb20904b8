import type { World } from '../service.ts';

/**
 * Resolves with true when so much virtual time has passed, or with false as soon as the signal is aborted. It is not
 * tracked as activity: work that waits for the clock would keep the clock from being moved.
 */
export async function waitFor(clock: World['clock'], ms: number, gone?: AbortSignal): Promise<boolean> {
  if (gone?.aborted === true) return false;
  if (ms <= 0) return true;
  return new Promise((resolve) => {
    const leave = (): void => {
      cancel();
      resolve(false);
    };
    const cancel = clock.at(clock.now() + ms, () => {
      gone?.removeEventListener('abort', leave);
      resolve(true);
    });
    gone?.addEventListener('abort', leave, { once: true });
  });
}
