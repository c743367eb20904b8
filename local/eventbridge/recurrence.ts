import type { World } from '../service.ts';
import type { Schedule } from './schedule.ts';

/**
 * Fires at the due times of a schedule until the returned function is called. When the virtual clock jumps, the due
 * times of this schedule on the way are coalesced into the last one: a month passes without a thousand sweeps.
 */
export function recur(clock: World['clock'], schedule: Schedule, fire: (due: number) => void): () => void {
  let cancel = (): void => {};
  const awaitDue = (due: number | undefined): void => {
    if (due !== undefined) cancel = clock.at(due, () => ring(due));
  };
  const ring = (due: number): void => {
    const later = schedule.last(due, clock.horizon());
    if (later !== undefined) {
      awaitDue(later);
      return;
    }
    awaitDue(schedule.next(due));
    fire(due);
  };
  awaitDue(schedule.next(clock.now()));
  return () => cancel();
}
