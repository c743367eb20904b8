import type { Clock } from '../clock.ts';
import { epochMs } from '../clock.ts';
import type { Gauges, Journal } from '../journal.ts';
import { add, displayUsd, NANO_PER_USD, ZERO } from '../money.ts';
import type { Policy } from '../policy/policy.ts';
import type { IndexEntry, ProfileIndex } from '../profiles/profile-index.ts';
import { readRecordedUsage } from '../spending/recorded-usage.ts';
import type { UsageRecords } from '../spending/usage-record.ts';
import { tagValue } from '../tags.ts';
import type { CostTagKey } from './cost-tag-key.ts';
import {
  BILLING_LAG_MS,
  type BilledDay,
  compareDay,
  DAY_MS,
  type Drift,
  type DriftDetected,
  daysFrom,
  endOfDay,
  isLateFor,
  isPast,
  type RecordedSpend,
  startOfDay,
  type UtcDay,
  utcDayAt,
} from './drift.ts';
import { isRefused, type Refused } from './payer.ts';

/** What AWS bills this account for Bedrock: usage alone, without credits, refunds and tax. */
export interface Bill {
  /**
   * Days from the first to the last; one that AWS did not answer is left out.
   * @throws {Fault} where anything of them cannot be read
   */
  read(
    tagKey: CostTagKey,
    days: { readonly first: UtcDay; readonly last: UtcDay },
  ): Promise<readonly BilledDay[] | Refused>;
}

export interface DriftPorts {
  readonly policy: Policy;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly gauges: Gauges;
  readonly bill: Bill;
  readonly records: Pick<UsageRecords, 'read'>;
  readonly index: Pick<ProfileIndex, 'list'>;
}

export interface DriftReport {
  /** Days that were compared for the first time. */
  readonly compared: readonly UtcDay[];
  readonly detected: readonly DriftDetected[];
  /** To begin after, next time. */
  readonly comparedUntil?: UtcDay;
}

/** Days that are looked at again, because records of AWS arrive late. */
const AGAIN = 2;
/** No gap is longer: what is older is nobody's surprise. */
const MOST_DAYS = 14;
/**
 * Compares what AWS bills with what the helper has recorded, for days that are over for a day at least. One question to
 * Cost Explorer. The profiles' tags are those of the index now: a profile that was retagged counts where it belongs now.
 *
 * Of each day the largest drifts are told.
 *
 * @param comparedUntil what the last report said
 * @throws {Fault} where the bill, a usage record or the index cannot be read: nothing is concluded then
 */
export async function checkDrift(ports: DriftPorts, comparedUntil: UtcDay | undefined): Promise<DriftReport | Refused> {
  const now = ports.clock.now();
  const last = utcDayAt(epochMs(startOfDay(utcDayAt(epochMs(now - BILLING_LAG_MS))) - 1));
  const again = utcDayAt(epochMs(startOfDay(last) - AGAIN * DAY_MS));
  const next = comparedUntil === undefined ? again : utcDayAt(endOfDay(comparedUntil));
  const oldest = utcDayAt(epochMs(startOfDay(last) - (MOST_DAYS - 1) * DAY_MS));
  const first = [next < again ? next : again, oldest].sort().at(-1) ?? again;
  const billed = await ports.bill.read(ports.policy.tenantTag, { first, last });
  if (isRefused(billed)) return billed;
  const entries = await ports.index.list();
  const compared: UtcDay[] = [];
  const detected: DriftDetected[] = [];
  let until = comparedUntil;
  let isUnbroken = true;
  for (const day of daysFrom(first, last)) {
    const recorded = await recordedOn(ports, entries, day);
    const ofDay = billed.find((each) => each.day === day);
    const isLate = isLateFor(day, now);
    const comparison = ofDay && compareDay(ofDay, recorded, isLate);
    if (comparison?.kind !== 'compared') {
      isUnbroken &&= isLate;
      const decision = isLate ? 'give up on the bill' : 'wait for the bill';
      ports.journal.decided(decision, { day, because: 'AWS shows nothing of it' });
      continue;
    }
    for (const drift of largestPast(ports, day, comparison.drifts)) detected.push({ type: 'DriftDetected', ...drift });
    const isNew = comparedUntil === undefined || day > comparedUntil;
    if (isNew && isUnbroken) {
      compared.push(day);
      until = day;
      tell(ports, day, comparison);
    }
  }
  return { compared, detected, ...(until === undefined ? {} : { comparedUntil: until }) };
}

/** So many drifts of a day are told: a price that is wrong makes all tenants drift, and is one piece of news. */
const MOST_TOLD = 100;

function largestPast({ policy, journal }: DriftPorts, day: UtcDay, drifts: readonly Drift[]): readonly Drift[] {
  const past = drifts.filter((drift) => isPast(drift, policy.drift));
  if (past.length <= MOST_TOLD) return past;
  journal.decided('tell the largest drifts', { day, drifting: past.length, told: MOST_TOLD });
  const sizeOf = ({ difference }: Drift) => (difference < 0n ? -difference : difference);
  return past.sort((a, b) => (sizeOf(a) > sizeOf(b) ? -1 : sizeOf(a) < sizeOf(b) ? 1 : 0)).slice(0, MOST_TOLD);
}

async function recordedOn(
  { records, policy }: DriftPorts,
  entries: readonly IndexEntry[],
  day: UtcDay,
): Promise<ReadonlyMap<string, RecordedSpend>> {
  const { totals } = await readRecordedUsage(records, { from: startOfDay(day), until: endOfDay(day) });
  const tags = new Map(entries.map((entry) => [entry.arn, entry.tags]));
  const byTenant = new Map<string, RecordedSpend>();
  for (const [arn, { settled, unconfirmed }] of totals) {
    // Empty for a profile without the tag, and for one that the index does not know.
    const tenant = tagValue(tags.get(arn) ?? {}, policy.tenantTag) ?? '';
    if (settled + unconfirmed === 0n) continue;
    const before = byTenant.get(tenant) ?? { settled: ZERO, unconfirmed: ZERO };
    byTenant.set(tenant, {
      settled: add(before.settled, settled),
      unconfirmed: add(before.unconfirmed, unconfirmed),
    });
  }
  return byTenant;
}

/** So many tenants are named on one line of the log, those with the largest drift. */
const MOST_NAMED = 20;

function tell(
  { journal, gauges }: DriftPorts,
  day: UtcDay,
  { drifts, unassigned }: { readonly drifts: readonly Drift[]; readonly unassigned: BilledDay['unassigned'] },
): void {
  const worstFirst = [...drifts].sort((a, b) => Math.abs(b.percent) - Math.abs(a.percent));
  journal.decided('compare bill with records', {
    day,
    billed: displayUsd(add(...drifts.map(({ billed }) => billed))),
    recorded: displayUsd(add(...drifts.map(({ settled }) => settled))),
    unconfirmed: displayUsd(add(...drifts.map(({ unconfirmed }) => unconfirmed))),
    unassigned: displayUsd(unassigned),
    driftPercent: Object.fromEntries(
      worstFirst.slice(0, MOST_NAMED).map(({ tenant = '(all)', percent }) => [tenant, String(percent)]),
    ),
  });
  gauges.measured('DriftPercent', Math.abs(worstFirst[0]?.percent ?? 0));
  gauges.measured('UnassignedSpendUsd', Number(unassigned / (NANO_PER_USD / 100n)) / 100);
}
