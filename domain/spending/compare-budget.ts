import { add, type NanoUsd, subtract, ZERO } from '../money.ts';
import type { ProfileArn } from '../profiles/profile-arn.ts';
import type { IndexEntry } from '../profiles/profile-index.ts';
import { type Checkpoint, provenUnspent } from './checkpoint.ts';
import type { Metered, MeteredWindow } from './metered-spend.ts';
import type { RecordedUsage } from './recorded-usage.ts';
import { type BudgetFinding, compare, type Finding, NOTHING_FOUND } from './true-up.ts';
import { addUsage, NO_USAGE, type Usage } from './usage.ts';
import { NO_TOTALS, type TimeWindow } from './usage-record.ts';

/** What is compared with the metrics of a budget's profiles. */
export interface BudgetReadings {
  readonly profiles: readonly {
    readonly entry: IndexEntry;
    /** Unconfirmed money that may be another period's or budget's. */
    readonly doubtful: NanoUsd;
  }[];
  /** From the period's beginning to the end of the last closed hour. */
  readonly past: TimeWindow;
  /** From there on, as far as metrics are compared. */
  readonly present: TimeWindow;
  readonly recordedPast: RecordedUsage;
  /** Up to now. */
  readonly recorded: RecordedUsage;
  readonly checkpoints: readonly Checkpoint[];
  /** Whether everything that the covered profiles spent in the period was told to this item, and nothing else was. */
  readonly isWhole: boolean;
}

/** Spend of one profile that AWS metered and nobody recorded, since the period's beginning. */
export interface OutsideSpend {
  readonly profile: ProfileArn;
  /** In closed hours, without what unconfirmed attempts explain. */
  readonly closed: NanoUsd;
  /** Up to now, likewise; some of it may be in leases or on its way into a record. */
  readonly open: NanoUsd;
}

export const unconfirmedOf = ({ totals }: RecordedUsage, { arn }: IndexEntry): NanoUsd =>
  totals.get(arn)?.unconfirmed ?? ZERO;

/**
 * Compares all profiles of a budget. A profile that is not told of proves nothing, and takes the proof by checkpoints from
 * all of them.
 */
export function compareBudget(
  { profiles, past, present, recordedPast, recorded, checkpoints, isWhole }: BudgetReadings,
  metered: (window: MeteredWindow) => Metered,
): {
  readonly finding: BudgetFinding;
  readonly outside: readonly OutsideSpend[];
  readonly unreadable: ReadonlyMap<ProfileArn, string>;
} {
  const unreadable = new Map<ProfileArn, string>();
  const outside: OutsideSpend[] = [];
  const meteredIn = ({ arn: profile, rates }: IndexEntry, window: TimeWindow): Metered => {
    // Without a price nothing is concluded, and in an empty window nothing is metered.
    if (rates === undefined || window.from >= window.until) return { kind: 'silent' };
    const answer = metered({ profile, ...window });
    if (answer.kind === 'unreadable') unreadable.set(profile, answer.why);
    return answer;
  };
  let sum = { closedExcess: ZERO, openExcess: ZERO, confirmed: ZERO, unspent: ZERO, decidable: ZERO };
  let spentAtMost: NanoUsd | undefined = isWhole ? ZERO : undefined;
  for (const { entry, doubtful } of profiles) {
    const before = meteredIn(entry, past);
    const all = addMetered(before, meteredIn(entry, present));
    const closedHours = find(entry, before.kind === 'told' ? before.usage : undefined, recordedPast, doubtful);
    const openHours = find(entry, all, recorded, ZERO);
    const closed = subtract(closedHours.excess, unconfirmedOf(recordedPast, entry));
    const open = subtract(openHours.excess, unconfirmedOf(recorded, entry));
    if (closed > 0n || open > 0n) outside.push({ profile: entry.arn, closed, open });
    sum = {
      closedExcess: add(sum.closedExcess, closedHours.excess),
      openExcess: add(sum.openExcess, openHours.excess),
      confirmed: add(sum.confirmed, closedHours.confirmed),
      unspent: add(sum.unspent, closedHours.unspent),
      decidable: add(sum.decidable, subtract(unconfirmedOf(recordedPast, entry), doubtful)),
    };
    const settled = recordedPast.totals.get(entry.arn)?.settled ?? ZERO;
    spentAtMost =
      spentAtMost === undefined || !closedHours.isConclusive
        ? undefined
        : add(spentAtMost, settled, closedHours.excessAtMost);
  }
  const unspentInAll = provenUnspent(checkpoints, past.until, spentAtMost);
  return { finding: { ...sum, unspentInAll }, outside, unreadable };
}

/** Silence proves nothing, but takes nothing from what was metered beside it: for an excess it is none. */
function addMetered(one: Metered, other: Metered): Usage | undefined {
  if (one.kind === 'unreadable' || other.kind === 'unreadable') return undefined;
  return addUsage(one.kind === 'told' ? one.usage : NO_USAGE, other.kind === 'told' ? other.usage : NO_USAGE);
}

/** Without metrics or a price nothing is found: neither an excess nor a proof. */
const find = (
  { arn, rates }: IndexEntry,
  metered: Usage | undefined,
  { totals }: RecordedUsage,
  doubtful: NanoUsd,
): Finding =>
  rates === undefined || metered === undefined
    ? NOTHING_FOUND
    : compare(rates, metered, totals.get(arn) ?? NO_TOTALS, doubtful);
