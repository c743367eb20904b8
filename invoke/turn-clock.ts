import type { Clock, EpochMs } from '../domain/clock.ts';

/**
 * Reads a clock once for everything that happens without waiting: a call asks for the time several times (its period,
 * each lease), and reading the machine's clock costs as much as all the rest of a reservation. What comes after an
 * `await` reads it anew, so a process that was frozen meanwhile sees the time at which it woke.
 */
export function turnClock(clock: Clock): Clock {
  let known: EpochMs | undefined;
  const forget = (): void => {
    known = undefined;
  };
  return {
    now() {
      if (known === undefined) {
        known = clock.now();
        queueMicrotask(forget);
      }
      return known;
    },
  };
}
