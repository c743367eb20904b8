import type { Budget } from '../budgets/definition.ts';
import type { Clock, EpochMs } from '../clock.ts';
import { Fault } from '../fault.ts';
import type { Journal } from '../journal.ts';
import { add, displayUsd, max, ZERO } from '../money.ts';
import { type Period, periodAt } from '../period.ts';
import { unreadableEntry } from '../profiles/index-entry-document.ts';
import type { ProfileArn } from '../profiles/profile-arn.ts';
import type { CoveringBudget, ProfileIndex } from '../profiles/profile-index.ts';
import { type LedgerKey, type LedgerStore, type NewItem, NO_OPENING, type Opening } from './ledger.ts';
import { coveredProfiles, type UsageSince } from './recorded-usage.ts';

/**
 * Seeding: a budget that begins to cover a profile in mid-period takes over what that profile has spent in the period
 * so far, read from the usage records.
 *
 * What each profile brought is kept on its own, by budget and period, and written before the ledger: the ledger's
 * opening is set to their sum, an absolute amount. So seeding may stop after any write and be done again, by several
 * at once, and no profile counts twice.
 *
 * Guaranteed: an opening never falls; a profile is taken over once for each budget and period, also where it leaves the
 * budget and comes back; the amount is in the ledger before the index lets helpers count the profile's calls against
 * the budget.
 *
 * Not guaranteed: calls that end after the usage records were last written (a minute) and before all helpers have read
 * the index again (half a minute, and the length of a call) are in neither. Nor is what a profile spends between
 * leaving a budget and coming back. A call may be in both where two functions govern the same new coverage and one of
 * them stalls, between reading the index and the usage, until the other has written the index and helpers have recorded
 * calls under it: half a minute and more. The history of tags has no say: what a profile spent under earlier tags counts
 * where it belongs now, and stays where it was counted.
 */

/** What each profile brought to a budget in a period. Written by the governor alone. */
export interface Openings {
  /** All of a budget and period, strongly consistent: every profile whose coverage changed in it. */
  list(key: LedgerKey): Promise<ReadonlyMap<ProfileArn, Opening>>;
  /**
   * Keeps what a profile brings, unless that is settled or more is kept: until the index says that the budget covers
   * the profile, it may still rise.
   */
  keep(key: LedgerKey, profile: ProfileArn, opening: Opening): Promise<void>;
  /** The budget has counted this profile's calls itself: whatever it brought is final, and nothing where nothing is kept. */
  settle(key: LedgerKey, profile: ProfileArn): Promise<void>;
}

export interface Seeding {
  readonly ledger: LedgerStore;
  readonly openings: Openings;
  readonly usage: UsageSince;
  readonly index: Pick<ProfileIndex, 'list'>;
  readonly clock: Clock;
  readonly journal: Journal;
}

/**
 * Provides the item of a period that has begun, opened with what the covered profiles have spent in it: in one write,
 * so that nothing is granted before it is counted.
 */
export async function provideOpened(
  ports: Seeding,
  budget: Budget,
  item: Omit<NewItem, 'opening'>,
): Promise<'created' | 'exists'> {
  const { totals } = await ports.usage.read(item.startsAt);
  // A profile of unknown tags that has spent nothing brings nothing; one that has may be this budget's.
  const spenders = new Set<string>(totals.keys());
  const entries = await ports.index.list((arn) => {
    if (spenders.has(arn)) throw unreadableEntry(arn);
  });
  for (const { arn } of coveredProfiles(budget.selector, entries)) {
    const spent = totals.get(arn);
    if (spent !== undefined) await ports.openings.keep(item.key, arn, spent);
  }
  const opening = await sumOf(ports, item.key);
  const outcome = await ports.ledger.provide(opening === undefined ? item : { ...item, opening });
  if (outcome === 'exists') await raiseOpening(ports, item.key);
  else if (opening !== undefined) tell(ports, item.key, 'the budget is new in a period that has begun', opening);
  return outcome;
}

/**
 * Follows a profile whose budgets change, before the index says so: budgets that did not cover it take over what it
 * has spent in the current period, and those that cover it no longer remember that they did.
 *
 * @param change what the index said, and will say. Not for a profile that is new to the index: no helper could call it,
 * and where its entry was lost, its spending has been counted already
 */
export async function followCoverage(
  ports: Seeding,
  profile: ProfileArn,
  change: { readonly before: readonly CoveringBudget[]; readonly after: readonly CoveringBudget[] },
): Promise<void> {
  const { before, after } = change;
  const keyOf = ({ id }: CoveringBudget, { id: period }: Period): LedgerKey => ({ budget: id, period });
  for (const left of before.filter((budget) => !covers(after, budget)))
    await ports.openings.settle(keyOf(left, periodNow(left, ports.clock.now())), profile);
  for (const joined of after.filter((budget) => !covers(before, budget))) {
    const period = periodNow(joined, ports.clock.now());
    const key = keyOf(joined, period);
    const { totals } = await ports.usage.read(period.startsAt);
    await ports.openings.keep(key, profile, totals.get(profile) ?? NO_OPENING);
    await raiseOpening(ports, key);
  }
}

const covers = (budgets: readonly CoveringBudget[], { id }: CoveringBudget): boolean =>
  budgets.some((budget) => budget.id === id);

const periodNow = ({ period, timeZone }: CoveringBudget, now: EpochMs): Period => periodAt(period, timeZone, now);

/** Only the opening is compared, which changes a few times in a period: four passes outlast every other writer. */
const MAX_PASSES = 4;

async function raiseOpening(ports: Seeding, key: LedgerKey): Promise<void> {
  for (let pass = 0; pass < MAX_PASSES; pass++) {
    const wanted = await sumOf(ports, key);
    const item = await ports.ledger.read(key);
    if (wanted === undefined || item === undefined) return;
    const from = item.opening ?? NO_OPENING;
    const to: Opening = {
      settled: max(from.settled, wanted.settled),
      unconfirmed: max(from.unconfirmed, wanted.unconfirmed),
    };
    if (to.settled === from.settled && to.unconfirmed === from.unconfirmed) return;
    if ((await ports.ledger.raiseOpening(key, { from, to })) === 'changed') {
      tell(ports, key, 'the budget covers further profiles', to);
      return;
    }
  }
  throw new Fault('OpeningNotSet', {
    doing: `counting what profiles had spent before budget ${key.budget} covered them`,
    problem: `its ledger item for ${key.period} was changed by others at each try`,
    next: 'The next event or sweep tries again; until then no helper counts these profiles against the budget.',
  });
}

/** Undefined where nothing was spent. */
async function sumOf(ports: Seeding, key: LedgerKey): Promise<Opening | undefined> {
  const openings = [...(await ports.openings.list(key)).values()];
  const settled = add(ZERO, ...openings.map((opening) => opening.settled));
  const unconfirmed = add(ZERO, ...openings.map((opening) => opening.unconfirmed));
  return settled === 0n && unconfirmed === 0n ? undefined : { settled, unconfirmed };
}

const tell = (ports: Seeding, key: LedgerKey, because: string, opening: Opening): void =>
  ports.journal.decided('open ledger with earlier spend', {
    budget: key.budget,
    period: key.period,
    because,
    settled: displayUsd(opening.settled),
    unconfirmed: displayUsd(opening.unconfirmed),
  });
