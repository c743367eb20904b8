import { figure, note } from '../figures.ts';
import { firstSweep } from './first-sweep.ts';
import { benchGovernedEvents } from './governed-events.ts';
import { mismatchesAfter } from './lost-events.ts';
import { secondSweepWrites, sweepCalls } from './sweep-calls.ts';

const PROFILES = 10_000;

export const PARTS = ['sweep', 'events'] as const;

/** What a sweep of ten thousand profiles costs in requests, whether it finds what lost events have left, and what an event costs. */
export async function run(full: boolean, only?: string): Promise<void> {
  if (only !== 'events') await benchSweeps();
  if (only !== 'sweep') await benchGovernedEvents(full);
}

async function benchSweeps(): Promise<void> {
  const all = await sweepCalls(PROFILES, { mixed: false });
  note(`requests for each profile with those of 20 budgets: ${all.withBudgets.toPrecision(3)}`);
  figure('sweep_calls_per_profile', all.perProfile);
  const mixed = await sweepCalls(PROFILES, { mixed: true });
  note(`the same with 5 % of the profiles untagged: ${mixed.withBudgets.toPrecision(3)}`);
  figure('sweep_calls_mixed', mixed.perProfile);
  figure('sweep_wrong_actions', all.wrongActions + mixed.wrongActions);
  figure('second_sweep_writes', await secondSweepWrites(PROFILES));
  figure('index_mismatches', await mismatchesAfter(PROFILES));
  const first = await firstSweep(PROFILES, { tenants: 100, toMend: 0 });
  note(
    `the first sweep takes ${first.seconds.toFixed(0)} virtual seconds of 270, with ${first.peak} requests in its busiest`,
  );
  figure('first_sweep_profiles', first.report.readSingly, { atLeast: PROFILES });
  const mending = await firstSweep(PROFILES, { tenants: 100, toMend: 0.2 });
  figure('first_sweep_profiles_fifth_to_mend', mending.report.readSingly);
}
