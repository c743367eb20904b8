import { type Clock, type EpochMs, epochMs } from '../clock.ts';
import { type Period, periodAt } from '../period.ts';
import { inTurn } from '../profiles/in-turn.ts';
import type { ProfileArn } from '../profiles/profile-arn.ts';
import type { KeptHistory, TagHistories } from '../profiles/tag-history.ts';
import { endOfHour, HOUR_MS, startOfHour, type TimeWindow } from '../spending/usage-record.ts';
import type { Borrower } from './borrower.ts';
import type { RecordRequest } from './lease-protocol.ts';
import { FACTS_MS } from './lending-facts.ts';

/**
 * What of a usage record its caller may tell. A record of a profile says of its spend that the helper has counted it, and so
 * the true-up does not count it as spend from outside in the budgets that cover the profile now. So nobody tells of a
 * profile that is another's, but for what was spent while it was the caller's own.
 */

/**
 * A record names the hour in which a call was complete: the profile may have changed hands so long before that hour began, as
 * the call ran or as the process had not read the index again. The true-up holds nothing for certain of a period that is not
 * older (`LONGEST_CALL_MS` there). A process that cannot read the index for longer is not believed: what it spends is
 * another's bill by then, and counts there.
 */
const LATE_MS = HOUR_MS;

/** A request of each of them waits for the table at one time. */
const HISTORIES_AT_ONCE = 10;

/**
 * Profiles of the record that are not the caller's, and were not in the hour of the record, or in that before it.
 * @throws {Fault} where a history cannot be read: then nothing is concluded
 */
export async function foreignTotals(
  { histories, clock }: { readonly histories: Pick<TagHistories, 'get'>; readonly clock: Clock },
  borrower: Borrower,
  { hour, totals }: Pick<RecordRequest, 'hour' | 'totals'>,
): Promise<ReadonlySet<ProfileArn>> {
  const now = clock.now();
  const startsAt = startOfHour(hour);
  const foreign = new Set<ProfileArn>();
  const doubtful: { readonly arn: ProfileArn; readonly isOwn: boolean; readonly window: TimeWindow }[] = [];
  for (const { profile: arn } of totals) {
    const periods = borrower.budgetsOf(arn)?.map(({ period, timeZone }) => periodAt(period, timeZone, startsAt));
    const isOwn = borrower.ownsProfile(arn);
    // Of profiles that there are not, a caller could name any number: none of them costs a request.
    if (periods === undefined) foreign.add(arn);
    else if (!isOwn || periods.some(({ endsAt }) => endsAt <= now))
      doubtful.push({ arn, isOwn, window: { from: sinceWhen(startsAt, periods), until: endOfHour(hour) } });
  }
  let failure: { readonly cause: unknown } | undefined;
  const limits = { atOnce: HISTORIES_AT_ONCE, isTimeUp: () => failure !== undefined };
  await inTurn(doubtful, limits, async ({ arn, isOwn, window }) => {
    try {
      const { history } = await histories.get(arn);
      const isUnknown = history.every(({ from }) => from >= window.until);
      if (!borrower.ownedIn(history, window) && !(isOwn && isUnknown)) foreign.add(arn);
    } catch (cause) {
      failure ??= { cause };
    }
  });
  if (failure !== undefined) throw failure.cause;
  return foreign;
}

/**
 * Who has a profile in one period says nothing of another: a word about its first hour would explain away what goes round the
 * helper for as long as it lasts. So an owner of before counts since the period began, and one of now in periods that are over
 * by what was then.
 */
const sinceWhen = (hour: EpochMs, periods: readonly Period[]): EpochMs =>
  epochMs(Math.max(hour - LATE_MS, ...periods.map(({ startsAt }) => startsAt)));

const MAX_REMEMBERED = 1_000;

/**
 * Reads each history once in a while, whoever asks how often: they lie in one partition of the table, which the governor
 * itself needs. What was so some seconds ago is as good: they are asked about times that are over.
 */
export function rememberedHistories(histories: Pick<TagHistories, 'get'>, clock: Clock): Pick<TagHistories, 'get'> {
  const known = new Map<ProfileArn, { readonly kept: KeptHistory; readonly at: EpochMs }>();
  return {
    async get(arn) {
      const at = clock.now();
      const found = known.get(arn);
      // A clock that was set back would make it young for ever.
      if (found !== undefined && at >= found.at && at - found.at <= FACTS_MS) return found.kept;
      const kept = await histories.get(arn);
      if (known.size >= MAX_REMEMBERED) known.clear();
      known.set(arn, { kept, at });
      return kept;
    },
  };
}
