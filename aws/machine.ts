import { randomBytes, randomUUID } from 'node:crypto';
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises';

/**
 * What a program takes from the machine that it runs on, and what no two runs have alike: time, waiting, chance. Nothing
 * else of the product reads a clock, sets a timer or draws a number; `npm run check` sees to it. So a whole fleet can run
 * on one virtual clock: see docs/testing.md.
 */
export interface Machine {
  /** The wall clock, in milliseconds since the epoch. It may be set. */
  wall(): number;
  /** Milliseconds since some moment. It is never set, and may stand still while the process is frozen. */
  monotonic(): number;
  /** Resolves after so many milliseconds. */
  wait(ms: number): Promise<unknown>;
  /** Runs once after so many milliseconds. Returns a function that cancels. */
  after(ms: number, run: () => void): () => void;
  /** Runs again and again, and keeps no process alive. Returns a function that ends it. */
  every(ms: number, run: () => void): () => void;
  /** Aborts after so many milliseconds, and keeps no process alive. */
  deadline(ms: number): AbortSignal;
  /** Resolves when everything else that is due has had its turn. */
  letOthersRun(): Promise<void>;
  /** From 0 to 1, 1 excluded. */
  random(): number;
  /** A name that nothing else has or will have: a UUID. */
  newId(): string;
  /** The same of 16 letters, digits, `-` and `_`. */
  newToken(): string;
}

export const thisMachine: Machine = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
  wait,
  after(ms, run) {
    const timeout = setTimeout(run, ms);
    return () => clearTimeout(timeout);
  },
  every(ms, run) {
    const interval = setInterval(run, ms);
    interval.unref();
    return () => clearInterval(interval);
  },
  deadline: (ms) => AbortSignal.timeout(ms),
  letOthersRun: () => turn(),
  random: () => Math.random(),
  newId: () => randomUUID(),
  newToken: () => randomBytes(12).toString('base64url'),
};
