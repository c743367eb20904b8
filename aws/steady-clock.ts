import { thisMachine } from './machine.ts';

/** A machine's clock is adjusted by less than this between two readings; more, and it was set. */
const TOLERANCE_MS = 250;

/**
 * The machine's clock, but one that is set back goes on as if it had not been: a lease that has ended must not come to
 * life again. A clock that jumps forward is believed, because that is also what a process sees that was frozen: the
 * monotonic clock may have stood still meanwhile.
 *
 * @returns milliseconds since the epoch, whole
 */
export function steadyClock(
  wall: () => number = thisMachine.wall,
  monotonic: () => number = thisMachine.monotonic,
): () => number {
  let last = wall();
  let lastMonotonic = monotonic();
  let skew = 0;
  return () => {
    const elapsed = monotonic() - lastMonotonic;
    const behind = last + elapsed - (wall() + skew);
    if (behind > TOLERANCE_MS) skew += Math.floor(behind);
    last = wall() + skew;
    lastMonotonic += elapsed;
    return last;
  };
}
