import type { Budget } from '../budgets/definition.ts';
import { type Clock, type EpochMs, epochMs } from '../clock.ts';
import type { Journal } from '../journal.ts';
import { add, displayUsd, max, min, type NanoUsd, subtract } from '../money.ts';
import type { Period } from '../period.ts';
import type { ProfileArn } from '../profiles/profile-arn.ts';
import type { ProfileIndex } from '../profiles/profile-index.ts';
import type { TagHistories } from '../profiles/tag-history.ts';
import { cellKey, cellsOf } from './cell.ts';
import { type Checkpoint, type Checkpoints, checkpointOf, withCheckpoint } from './checkpoint.ts';
import { type BudgetReadings, compareBudget, type OutsideSpend, unconfirmedOf } from './compare-budget.ts';
import { hasLeft, tagsBefore } from './earlier-coverage.ts';
import {
  type HolderId,
  type ItemsRead,
  type LeaseEntry,
  type LedgerItem,
  type LedgerKey,
  type LedgerStore,
  type TrueUpWrite,
  trueUpEffect,
} from './ledger.ts';
import type { Metered, MeteredWindow } from './metered-spend.ts';
import { coveredProfiles, mergeUsage, NO_RECORDED_USAGE, type RecordedUsage } from './recorded-usage.ts';
import type { Openings } from './seeding.ts';
import { type BudgetFinding, closedUntil, METRICS_DELAY_MS, planTrueUp } from './true-up.ts';
import type { UsageReadings } from './usage-readings.ts';
import { HOUR_MS, hourAt, startOfHour } from './usage-record.ts';

export interface TrueUp {
  readonly ledger: Pick<LedgerStore, 'read' | 'readTogether' | 'trueUp'>;
  readonly openings: Pick<Openings, 'list'>;
  readonly checkpoints: Checkpoints;
  readonly readings: UsageReadings;
  readonly index: Pick<ProfileIndex, 'list'>;
  readonly histories: Pick<TagHistories, 'list'>;
  readonly clock: Clock;
  readonly journal: Journal;
}

/** A budget in a period that has begun: the current one, or the one before it. */
export interface TrueUpTarget {
  readonly budget: Budget;
  readonly period: Period;
}

export type TrueUpOutcome =
  /** The governor has not provided the item of this period. */
  | 'not-provisioned'
  /** The ledger holds everything already that the comparison shows. */
  | 'nothing-new'
  | 'trued-up'
  /** Others changed the item at each try; the next run goes on. */
  | 'stale'
  /** Something could not be read or written, and was told to the journal; the next run tries again. */
  | 'failed';

export interface TrueUpReport extends TrueUpTarget {
  readonly outcome: TrueUpOutcome;
  /** Profiles whose metrics could not be read: nothing was concluded about them. */
  readonly unreadable: readonly ProfileArn[];
  /** What certainly went round the helper in this period, by profile; told anew by each run, also where it is counted already. */
  readonly outside: readonly { readonly profile: ProfileArn; readonly amount: NanoUsd }[];
  /** Everything that the ledger counts and did not learn from outside; absent where it was not read to the end. */
  readonly known?: NanoUsd;
}

/** A call that ran when its period ended is over by then: an attempt that was given up later began in this period. */
const LONGEST_CALL_MS = HOUR_MS;
/**
 * For so long a process may go on by what the index said before, and spend from budgets that cover a profile no longer: its
 * index is read again within a minute, but for as long as it cannot be.
 */
const STALE_INDEX_MS = 24 * HOUR_MS;
/** In open hours metrics are compared up to here, records up to now: a process writes its records each minute. */
const OPEN_LAG_MS = 5 * 60_000;
const MINUTE_MS = 60_000;
const MAX_PASSES = 4;

/**
 * Trues up budgets: spend that AWS metered and no helper recorded becomes `unattributed`, and `unconfirmed` money is
 * confirmed or taken off where that is proven. Profiles are attributed by the tags that the index has now, profiles that
 * ended in the period included; in a period that is over by those that they had at its end. One that joined or left the budget in this period proves nothing about `unconfirmed`,
 * as some of its attempts may never have been counted here.
 *
 * All metrics are read together, and one budget that fails holds up no other. Cheap enough for every sweep: closed hours
 * are read once an hour, see {@link UsageReadings}; what is left is a window of metrics for each profile. To be run after
 * leases were tidied.
 */
export async function trueUp(
  ports: TrueUp,
  targets: readonly TrueUpTarget[],
  { delayMs = METRICS_DELAY_MS }: { readonly delayMs?: number } = {},
): Promise<readonly TrueUpReport[]> {
  const reports: TrueUpReport[] = [];
  const attempt = async <Value>(target: TrueUpTarget, work: () => Promise<Value>): Promise<Value | undefined> => {
    try {
      return await work();
    } catch (error) {
      const { budget, period } = target;
      ports.journal.counted('TrueUpFailed', {
        budget: budget.id,
        period: period.id,
        error: error instanceof Error ? error.message : String(error),
      });
      reports.push({ ...target, outcome: 'failed', unreadable: [], outside: [] });
      return undefined;
    }
  };
  const run = ports.clock.now();
  const items = await ports.ledger.readTogether(targets.map(keyOf));
  const held: Held[] = [];
  for (const target of targets) {
    const found = await attempt(target, async () => await readLedger(ports, target, items));
    if (found === 'not-provisioned') reports.push({ ...target, outcome: found, unreadable: [], outside: [] });
    else if (found !== undefined) held.push(found);
  }
  // After all ledgers: who takes a first lease from now on completes nothing in an hour that is closed, and who gave its
  // money back before has had the metrics' delay to record what it completed in one.
  const cases: Case[] = [];
  const watermarks = recordsOf(ports, held, { now: run, delayMs });
  for (const each of held) {
    const known = await attempt(
      each.target,
      async () => await readRecords(ports, each, { now: run, delayMs, watermarks: await watermarks() }),
    );
    if (known !== undefined) cases.push(known);
  }
  const windows = cases.flatMap(({ profiles, past, present }) =>
    profiles.flatMap(({ entry: { arn: profile, rates } }) =>
      rates === undefined
        ? []
        : [
            { profile, ...past, isClosed: true },
            { profile, ...present, isClosed: false },
          ].filter(({ from, until }) => from < until),
    ),
  );
  const metered = await ports.readings.metered(windows);
  for (const known of cases)
    await attempt(known.target, async () => void reports.push(await conclude(ports, known, metered)));
  return reports;
}

const keyOf = ({ budget, period }: TrueUpTarget): LedgerKey => ({ budget: budget.id, period: period.id });

/** Who holds money of one budget in one period, and what its ledger has been told. */
interface Held {
  readonly target: TrueUpTarget;
  readonly item: LedgerItem;
  readonly holders: ReadonlyMap<HolderId, LeaseEntry>;
  readonly checkpoints: readonly Checkpoint[];
}

/** All that is known of it but for its metrics. */
type Case = Held & BudgetReadings;

async function readLedger(ports: TrueUp, target: TrueUpTarget, items: ItemsRead): Promise<Held | 'not-provisioned'> {
  const key = keyOf(target);
  const item = items(key);
  if (item === undefined) return 'not-provisioned';
  const checkpoints = await keepCheckpoint(ports, key, item);
  return { target, item, checkpoints, holders: await processesOf(ports, item) };
}

/**
 * Reads the records of all budgets together, when the first of them asks. Before them, how far each process has told
 * everything: what is read after that holds all of it.
 */
function recordsOf(
  { readings }: TrueUp,
  held: readonly Held[],
  { now, delayMs }: { readonly now: EpochMs; readonly delayMs: number },
): () => Promise<Watermarks> {
  let told: Promise<Watermarks> | undefined;
  const read = async (): Promise<Watermarks> => {
    const isHeld = held.some(({ holders }) => [...holders.values()].some(({ leased }) => leased > 0n));
    const lately = startOfHour(hourAt(epochMs(now - delayMs - HOUR_MS)));
    const { watermarks } = isHeld ? await readings.recorded({ from: lately, until: now }, now) : NO_RECORDED_USAGE;
    const from = epochMs(Math.min(...held.map(({ target: { period } }) => firstHourOf(period))));
    // Where that fails each reads its own hours, and tells.
    await readings.readAhead({ from, until: now }, now).catch(() => {});
    return watermarks;
  };
  return () => (told ??= read());
}

type Watermarks = RecordedUsage['watermarks'];

/** Its first full hour. */
const firstHourOf = ({ startsAt }: Period): EpochMs => epochMs(Math.ceil(startsAt / HOUR_MS) * HOUR_MS);

async function readRecords(
  ports: TrueUp,
  held: Held,
  { now, delayMs, watermarks }: { readonly now: EpochMs; readonly delayMs: number; readonly watermarks: Watermarks },
): Promise<Case> {
  const { item, holders } = held;
  const { budget, period } = held.target;
  const { readings } = ports;
  const from = firstHourOf(period);
  const until = Math.min(closedUntil(now, holders, watermarks, delayMs) ?? from, hourBefore(period.endsAt));
  const closed = epochMs(Math.max(from, until));
  const begun = epochMs(Math.min(closed, from + LONGEST_CALL_MS));
  const first = await readings.recorded({ from, until: begun }, now);
  const recordedPast = mergeUsage(first, await readings.recorded({ from: begun, until: closed }, now));
  const recent = { from: closed, until: epochMs(Math.min(now, period.endsAt)) };
  const recorded = mergeUsage(recordedPast, await readings.recorded(recent, now));
  // Where nothing is unconfirmed nothing is proven about it, and it does not matter whose it is.
  const changedCoverage = item.unconfirmed === 0n ? undefined : await ports.openings.list(item.key);
  const histories = await ports.histories.list();
  const listed = await ports.index.list();
  const entries = now < period.endsAt ? listed : tagsBefore(period.endsAt, listed, histories);
  const covered = coveredProfiles(budget.selector, entries);
  return {
    ...held,
    profiles: covered
      .filter(({ endedAt }) => endedAt === undefined || endedAt + LONGEST_CALL_MS >= period.startsAt)
      .map((entry) => ({
        entry,
        doubtful:
          changedCoverage === undefined || changedCoverage.has(entry.arn)
            ? unconfirmedOf(recordedPast, entry)
            : unconfirmedOf(first, entry),
      })),
    past: { from, until: closed },
    present: { from: closed, until: minuteAt(Math.min(now - OPEN_LAG_MS, period.endsAt)) },
    recordedPast,
    recorded,
    isWhole:
      changedCoverage?.size === 0 &&
      from === period.startsAt &&
      !hasLeft(budget.selector, histories, epochMs(period.startsAt - STALE_INDEX_MS)) &&
      // Helpers go by the index, which a policy that has just changed is ahead of.
      entries.every((entry) => covered.includes(entry) || entry.budgets.every(({ id }) => id !== budget.id)),
  };
}

/** The last full hour of a period ends here. */
const hourBefore = (endsAt: EpochMs): EpochMs => startOfHour(hourAt(endsAt));

const minuteAt = (at: number): EpochMs => epochMs(Math.floor(at / MINUTE_MS) * MINUTE_MS);

/** Nothing is kept while there is nothing to prove. */
async function keepCheckpoint(ports: TrueUp, key: LedgerKey, item: LedgerItem): Promise<readonly Checkpoint[]> {
  if (item.unconfirmed === 0n) return [];
  const known = await ports.checkpoints.list(key);
  const more = withCheckpoint(known, checkpointOf(item, ports.clock.now()));
  if (more === undefined) return known;
  await ports.checkpoints.keep(key, more);
  return more;
}

/**
 * The entries of processes, in the budget's own item and in those of its cells. A cell that was funded after the item was
 * read lends to processes that complete nothing in an hour that is closed.
 */
async function processesOf(ports: TrueUp, root: LedgerItem): Promise<ReadonlyMap<HolderId, LeaseEntry>> {
  const holders = new Map([...root.holders].filter(([, entry]) => entry.reported === undefined));
  for (const id of cellsOf(root))
    for (const [holder, entry] of (await ports.ledger.read(cellKey(root.key, id)))?.holders ?? [])
      holders.set(holder, entry);
  return holders;
}

async function conclude(
  ports: TrueUp,
  known: Case,
  metered: (window: MeteredWindow) => Metered,
): Promise<TrueUpReport> {
  const { target } = known;
  const { key } = known.item;
  const { finding, outside, unreadable } = compareBudget(known, metered);
  if (unreadable.size > 0) tellUnreadable(ports, key, unreadable);
  const report = (
    outcome: TrueUpOutcome,
    item?: Pick<LedgerItem, 'committed' | 'unattributed' | 'leased'>,
  ): TrueUpReport => ({
    ...target,
    outcome,
    unreadable: [...unreadable.keys()],
    outside: item === undefined ? [] : certainOf(outside, item),
    ...(item === undefined ? {} : { known: subtract(item.committed, item.unattributed) }),
  });
  // The item as it was before the records were read: what a call cost that they do not tell of yet was in a lease by then, and
  // no longer need be. All else that is decided on is a condition of the write.
  let seen: LedgerItem | undefined = known.item;
  for (let pass = 0; pass < MAX_PASSES; pass++) {
    const item: LedgerItem | undefined = seen ?? (await ports.ledger.read(key));
    seen = undefined;
    if (item === undefined) return report('not-provisioned');
    const change = planTrueUp(item, finding);
    if (change === undefined) return report('nothing-new', item);
    if ((await ports.ledger.trueUp(key, change)) === 'changed') {
      tell(ports, key, change, finding);
      const { unattributed } = change.to;
      const committed = add(item.committed, trueUpEffect(change).committed);
      return report('trued-up', { leased: item.leased, unattributed, committed });
    }
  }
  return report('stale');
}

/** By the measure of the budget as a whole: what leases may still tell, and what reclaimed ones have left, is nobody's bypass. */
function certainOf(
  outside: readonly OutsideSpend[],
  { leased, unattributed }: Pick<LedgerItem, 'unattributed' | 'leased'>,
): TrueUpReport['outside'] {
  return outside.flatMap(({ profile, closed, open }) => {
    const amount = min(unattributed, max(closed, subtract(open, leased)));
    return amount > 0n ? [{ profile, amount }] : [];
  });
}

function tellUnreadable(
  ports: TrueUp,
  { budget, period }: LedgerKey,
  unreadable: ReadonlyMap<ProfileArn, string>,
): void {
  const [why = ''] = unreadable.values();
  ports.journal.counted('MetricsUnreadable', { budget, period, profiles: [...unreadable.keys()], why });
}

function tell(
  ports: TrueUp,
  { budget, period }: LedgerKey,
  { from, to }: TrueUpWrite,
  { closedExcess, openExcess }: BudgetFinding,
): void {
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
      seen: displayUsd(max(closedExcess, openExcess)),
      unattributed: displayUsd(to.unattributed),
    });
}
