import { Temporal } from 'temporal-polyfill';
import { type EpochMs, shortTime } from '../clock.ts';
import { howMany } from '../how-many.ts';
import { displayUsd, percentOf } from '../money.ts';
import type { Policy } from '../policy/policy.ts';
import { spent } from '../spending/ledger.ts';
import { type Notice, noticeId } from '../standing/notice.ts';
import type { BudgetOutlook } from './budget-outlook.ts';

/** Lines beyond these are counted: SNS takes 256 KB, and nobody reads more. */
const MAX_LINES = 50;

/** The day whose digest is due, in the policy's time zone; undefined before its time of day, or where there is none. */
export function digestDue({ digest, timeZone }: Pick<Policy, 'digest' | 'timeZone'>, now: EpochMs): string | undefined {
  if (digest === 'off') return undefined;
  const local = Temporal.Instant.fromEpochMilliseconds(now).toZonedDateTimeISO(timeZone);
  return local.toPlainTime().toString({ smallestUnit: 'minute' }) < digest ? undefined : local.toPlainDate().toString();
}

/** How all budgets stand, those first of which most is spent. One for each day. */
export function digestNotice(
  policy: Pick<Policy, 'timeZone'>,
  day: string,
  outlooks: readonly BudgetOutlook[],
): Notice {
  const sorted = [...outlooks].sort((a, b) => shareOf(b) - shareOf(a) || a.budget.id.localeCompare(b.budget.id));
  const lines = sorted.slice(0, MAX_LINES).map(lineOf);
  const more = sorted.length - lines.length;
  const count = (standing: string): number => sorted.filter(({ item }) => item.terms.standing === standing).length;
  const counts = { budgets: sorted.length, throttled: count('throttled'), closed: count('closed') };
  return {
    id: noticeId('digest', day),
    kind: 'daily-digest',
    severity: 'info',
    facts: { day, timeZone: policy.timeZone, ...counts },
    subject: `Bedrock budgets on ${day}`,
    text: [
      `${howMany(counts.budgets, 'budget')}: ${counts.closed} closed, ${counts.throttled} throttled.`,
      ...lines,
      ...(more > 0 ? [`and ${more} more, of which less is spent`] : []),
    ].join('\n'),
  };
}

const shareOf = ({ budget, item }: BudgetOutlook): number => percentOf(spent(item), budget.limit);

function lineOf(outlook: BudgetOutlook): string {
  const { budget, period, item } = outlook;
  const figures = `${displayUsd(spent(item))} of ${displayUsd(budget.limit)} (${shareOf(outlook)}%)`;
  return `${budget.id} ${period.id}: ${item.terms.standing}, ${figures}, ${forecastOf(outlook)}`;
}

function forecastOf({ exhaustion, period }: BudgetOutlook): string {
  switch (exhaustion.kind) {
    case 'used-up':
      return 'used up';
    case 'standing-still':
      return 'nothing spent lately';
    case 'unknown':
      return 'no forecast yet';
    case 'foreseen':
      return exhaustion.expectedAt < period.endsAt
        ? `used up at ${shortTime(exhaustion.expectedAt)} at this pace`
        : `${displayUsd(exhaustion.atEnd)} at the end at this pace`;
  }
}
