import type { Budget } from '../budgets/definition.ts';
import { type Clock, type EpochMs, epochMs } from '../clock.ts';
import type { Journal } from '../journal.ts';
import { add, displayUsd, subtract, ZERO } from '../money.ts';
import type { Period } from '../period.ts';
import type { IndexEntry, ProfileIndex } from '../profiles/profile-index.ts';
import type { LedgerKey, LedgerStore, TrueUpWrite } from './ledger.ts';
import { coveredProfiles, mergeUsage, type RecordedUsage, readRecordedUsage } from './recorded-usage.ts';
import type { Openings } from './seeding.ts';
import {
  type BudgetFinding,
  closedUntil,
  compare,
  type Finding,
  METRICS_DELAY_MS,
  type MeteredSpend,
  NOTHING_FOUND,
  planTrueUp,
} from './true-up.ts';
import { HOUR_MS, hourAt, NO_TOTALS, startOfHour, type UsageRecords } from './usage-record.ts';

export interface TrueUp {
  readonly ledger: Pick<LedgerStore, 'read' | 'trueUp'>;
  readonly openings: Pick<Openings, 'list'>;
  readonly records: UsageRecords;
  readonly metered: MeteredSpend;
  readonly index: Pick<ProfileIndex, 'list'>;
  readonly clock: Clock;
  readonly journal: Journal;
}

export type TrueUpOutcome =
  /** The governor has not provided the item of this period. */
  | 'not-provisioned'
  /** The ledger holds everything already that the comparison shows. */
  | 'nothing-new'
  | 'trued-up'
  /** Others changed the item at each try; the next run goes on. */
  | 'stale';

/** A call that ran when its period ended is over by then: an attempt that was given up later began in this period. */
const LONGEST_CALL_MS = HOUR_MS;
/** In open hours metrics are compared up to here, records up to now: a process writes its records each minute. */
const OPEN_LAG_MS = 5 * 60_000;
const MAX_PASSES = 4;

/**
 * Trues up a budget in a period that has begun, the current one or the one before it: spend that AWS metered and no helper recorded becomes `unattributed`, and
 * `unconfirmed` money is confirmed or taken off where the metrics prove it. Profiles are attributed by the tags that the
 * index has now. One that joined or left the budget in this period proves nothing about `unconfirmed`, as some of its
 * attempts may never have been counted here.
 *
 * Reads the period's usage records and two windows of metrics for each profile: meant to run about once an hour.
 */
export async function trueUpBudget(
  ports: TrueUp,
  budget: Budget,
  period: Period,
  { delayMs = METRICS_DELAY_MS }: { readonly delayMs?: number } = {},
): Promise<TrueUpOutcome> {
  const now = ports.clock.now();
  const key: LedgerKey = { budget: budget.id, period: period.id };
  // Before the records: who takes a first lease after this completes nothing in an hour that is closed.
  const seen = await ports.ledger.read(key);
  if (seen === undefined) return 'not-provisioned';

  const from = epochMs(Math.ceil(period.startsAt / HOUR_MS) * HOUR_MS);
  const lately = startOfHour(hourAt(epochMs(now - delayMs - HOUR_MS)));
  const { watermarks } = await readRecordedUsage(ports.records, { from: lately, until: now });
  const closed = Math.min(closedUntil(now, seen.holders, watermarks, delayMs) ?? from, hourBefore(period.endsAt));
  const finding = await findAll(ports, budget, key, {
    from,
    closed: epochMs(Math.max(from, closed)),
    recorded: epochMs(Math.min(now, period.endsAt)),
    metered: epochMs(Math.min(now - OPEN_LAG_MS, period.endsAt)),
  });

  for (let pass = 0; pass < MAX_PASSES; pass++) {
    const item = await ports.ledger.read(key);
    if (item === undefined) return 'not-provisioned';
    const change = planTrueUp(item, finding);
    if (change === undefined) return 'nothing-new';
    if ((await ports.ledger.trueUp(key, change)) === 'changed') {
      tell(ports, key, change);
      return 'trued-up';
    }
  }
  return 'stale';
}

/** The last full hour of a period ends here. */
const hourBefore = (endsAt: EpochMs): EpochMs => startOfHour(hourAt(endsAt));

interface Hours {
  /** First full hour of the period. */
  readonly from: EpochMs;
  readonly closed: EpochMs;
  /** Up to where records and metrics of the open hours are read. */
  readonly recorded: EpochMs;
  readonly metered: EpochMs;
}

async function findAll(ports: TrueUp, budget: Budget, key: LedgerKey, hours: Hours): Promise<BudgetFinding> {
  const { from, closed, recorded, metered } = hours;
  const begun = epochMs(Math.min(closed, from + LONGEST_CALL_MS));
  const first = await readRecordedUsage(ports.records, { from, until: begun });
  const sofar = mergeUsage(first, await readRecordedUsage(ports.records, { from: begun, until: closed }));
  const all = mergeUsage(sofar, await readRecordedUsage(ports.records, { from: closed, until: recorded }));
  const changedCoverage = await ports.openings.list(key);
  let sum: BudgetFinding = { closedExcess: ZERO, openExcess: ZERO, confirmed: ZERO, unspent: ZERO, decidable: ZERO };
  for (const entry of coveredProfiles(budget.selector, await ports.index.list())) {
    const doubtful = changedCoverage.has(entry.arn) ? unconfirmedOf(sofar, entry) : unconfirmedOf(first, entry);
    const past = await find(ports, entry, sofar, { from, until: closed }, doubtful);
    const present = await find(ports, entry, all, { from, until: metered }, ZERO);
    sum = {
      closedExcess: add(sum.closedExcess, past.excess),
      openExcess: add(sum.openExcess, present.excess),
      confirmed: add(sum.confirmed, past.confirmed),
      unspent: add(sum.unspent, past.unspent),
      decidable: add(sum.decidable, subtract(unconfirmedOf(sofar, entry), doubtful)),
    };
  }
  return sum;
}

const unconfirmedOf = ({ totals }: RecordedUsage, { arn }: IndexEntry) => totals.get(arn)?.unconfirmed ?? ZERO;

/** Without metrics or a price nothing is found: neither an excess nor a proof. */
async function find(
  ports: TrueUp,
  { arn, rates }: IndexEntry,
  { totals }: RecordedUsage,
  { from, until }: { readonly from: EpochMs; readonly until: EpochMs },
  doubtful: Finding['excess'],
): Promise<Finding> {
  if (rates === undefined || from >= until) return NOTHING_FOUND;
  const metered = await ports.metered.window(arn, from, until);
  return metered === undefined ? NOTHING_FOUND : compare(rates, metered, totals.get(arn) ?? NO_TOTALS, doubtful);
}

function tell(ports: TrueUp, { budget, period }: LedgerKey, { from, to }: TrueUpWrite): void {
  ports.journal.decided('true up', {
    budget,
    period,
    because: 'token metrics and usage records were compared',
    confirmed: displayUsd(subtract(to.resolution.confirmed, from.resolution.confirmed)),
    unspent: displayUsd(subtract(to.resolution.unspent, from.resolution.unspent)),
    unattributed: displayUsd(to.unattributed),
  });
  if (to.unattributed > from.unattributed)
    ports.journal.counted('UnattributedSpendFound', {
      budget,
      period,
      source: 'token metrics',
      unattributed: displayUsd(to.unattributed),
    });
}
