import type { Story } from '../run/story.ts';
import { ledgerAtRest } from './ledger-at-rest.ts';
import { awsBudgetsOnce, deadLettersExplained, noticesOnce } from './outside-at-rest.ts';
import { profilesAtRest } from './profiles-at-rest.ts';
import { billingSetUp, outlookFromSpend, shadowsCount, signalsHold } from './watchers-at-rest.ts';

/** What must hold once faults are over, graces and delays have passed, and the sweeps have done what was left. */
export function atRest(story: Story): void {
  ledgerAtRest(story);
  profilesAtRest(story);
  awsBudgetsOnce(story);
  noticesOnce(story);
  deadLettersExplained(story);
  signalsHold(story);
  shadowsCount(story);
  outlookFromSpend(story);
  billingSetUp(story);
  holdsEnded(story);
}

/** Of processes that ended in order: nothing is held that no call holds. */
function holdsEnded({ world: { judge, bill }, fleet }: Story): void {
  for (const { host, governing } of fleet.starts) {
    if (host.isGone || governing === undefined) continue;
    const { calls, budgets, openStreams } = governing.snapshot();
    const reserved = calls.admitted + calls.retried;
    const ended = calls.settled + calls.unconfirmed + calls.released;
    judge.check(
      'holds-end',
      reserved === ended && openStreams === 0,
      () => `${host.name}: ${reserved} reservations, ${ended} ended, ${openStreams} streams are open`,
    );
    const billed = bill.attempts.filter(({ process, isGoverned }) => isGoverned && process === host.name).length;
    judge.check(
      'holds-end',
      billed <= calls.settled + calls.unconfirmed,
      () => `${host.name}: ${billed} attempts ran, and ${calls.settled + calls.unconfirmed} reservations paid for them`,
    );
    for (const { key, held } of budgets)
      judge.check('holds-end', held === 0, () => `${host.name} still holds ${held} of ${key.budget} ${key.period}`);
  }
}
