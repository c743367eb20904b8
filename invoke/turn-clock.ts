import type { Clock, EpochMs } from '../domain/clock.ts';

const TURN = Promise.resolve();

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
        // Node makes an async resource for each `queueMicrotask`, which costs more than reading the clock.
        void TURN.then(forget);
      }
      return known;
    },
  };
}
