import type { BudgetId } from '../budgets/budget-id.ts';
import { budgetsInUse } from '../budgets/budgets-in-use.ts';
import { type Budget, budgetsCovering } from '../budgets/definition.ts';
import { type EpochMs, epochMs } from '../clock.ts';
import { Fault } from '../fault.ts';
import type { Journal } from '../journal.ts';
import { displayUsd, max, type NanoUsd } from '../money.ts';
import { nextPeriod, type Period, periodAt } from '../period.ts';
import type { Policy } from '../policy/policy.ts';
import type { IndexEntry } from '../profiles/profile-index.ts';
import { type CellItem, cellKey, cellsOf, isCell } from '../spending/cell.ts';
import type { HolderId, LedgerItem, LedgerKey, WriteId } from '../spending/ledger.ts';
import type { MeteredSpend } from '../spending/metered-spend.ts';
import { METRICS_DELAY_MS } from '../spending/true-up.ts';
import type { UsageRecords } from '../spending/usage-record.ts';
import { provideCells } from '../standing/collect-cells.ts';
import { firstTerms, type ItemProvision } from '../standing/provide-item.ts';
import { unsettledPeriods } from '../standing/review-budget.ts';
import { recoveredItem } from './recovered-item.ts';
import { type ProfileReading, spendingProfiles } from './spending-profiles.ts';
import { type SpendingProfile, SpentReader } from './spent-at-most.ts';
import type { KnownTable, TableId, TableIdentities } from './table-identity.ts';

/** What a recovery writes to ledger items: nobody else does. */
export interface RecoveryStore {
  /** Sees to it that nothing is leased from an item, in whichever table; nothing where there is no item. */
  close(key: LedgerKey): Promise<void>;
  /**
   * Replaces amounts, holders and funding of an item, if it still has the amounts of `before`.
   * @param openIn says of a root that it is right in this table; lands only if it did not say so before
   */
  replace(before: LedgerItem, after: LedgerItem, openIn: TableId | undefined): Promise<'replaced' | 'stale'>;
}

export interface Recovery extends ProfileReading, Pick<ItemProvision, 'ledger' | 'overrides' | 'signals'> {
  readonly identities: TableIdentities;
  readonly store: RecoveryStore;
  readonly metered: MeteredSpend;
  readonly records: Pick<UsageRecords, 'read'>;
  readonly journal: Journal;
  readonly newWriteId: () => WriteId;
}

export interface RecoveryTarget {
  readonly budget: Budget;
  readonly period: Period;
}

/** What is to become of a budget in a period. */
export type RecoveryStep = RecoveryTarget &
  (
    | { readonly kind: 'true-up'; readonly spentAtMost: NanoUsd; readonly before: NanoUsd; readonly after: NanoUsd }
    /** The restored table has no item of it. */
    | { readonly kind: 'provide'; readonly spentAtMost: NanoUsd }
    | { readonly kind: 'done' }
    /** What was spent is not known: it stays closed until somebody says. */
    | { readonly kind: 'unknown'; readonly why: string }
  );

/** What an operator says was spent at most by a budget, in each of its open periods. */
export type Statements = ReadonlyMap<BudgetId, NanoUsd>;

/**
 * How long after a root has lent for the last time a process may have a lease: `leaseSeconds` is at most 120, and a cell
 * gives such leases until its own lease is over, which lasts as long.
 */
const LONGEST_LEASE_MS = 2 * 120_000;

/** When calls of leases from before are over, and metrics tell of all of them. */
export const recoverableAt = (closedAt: EpochMs, graceSeconds: number): EpochMs =>
  epochMs(closedAt + LONGEST_LEASE_MS + graceSeconds * 1_000 + METRICS_DELAY_MS);

/** The items that somebody may lease from now, may still report to, or will lease from next. */
const targetsOf = (budget: Budget, now: EpochMs): RecoveryTarget[] => {
  const current = periodAt(budget.period, budget.timeZone, now);
  return [...unsettledPeriods(budget, now), nextPeriod(current, budget.timeZone)].map((period) => ({ budget, period }));
};

/** Of all budgets that cover a profile of the index. */
export const leasableItems = (policy: Policy, entries: readonly IndexEntry[], now: EpochMs): LedgerKey[] =>
  budgetsInUse({ policy }, entries).flatMap((budget) => targetsOf(budget, now).map(keyOf));

const keyOf = ({ budget, period }: RecoveryTarget): LedgerKey => ({ budget: budget.id, period: period.id });

function budgetsOf(policy: Policy, profiles: readonly SpendingProfile[]): Map<BudgetId, Budget> {
  const budgets = new Map<BudgetId, Budget>();
  for (const { tags } of profiles)
    for (const each of tags) for (const budget of budgetsCovering(policy, each)) budgets.set(budget.id, budget);
  return budgets;
}

/** Every item that a recovery would look at. */
export async function recoverableItems(ports: ProfileReading): Promise<LedgerKey[]> {
  const budgets = budgetsOf(ports.policy, await spendingProfiles(ports));
  return [...budgets.values()].flatMap((budget) => targetsOf(budget, ports.clock.now()).map(keyOf));
}

/**
 * Whether an item of an open table is right in another one: a budget that no profile was covered by when the table was
 * recovered. Nothing is lent from it until it is recovered as well.
 */
export async function hasStrayItem(ports: Recovery, tableId: TableId): Promise<boolean> {
  for (const key of await recoverableItems(ports)) {
    const openIn = (await ports.ledger.read(key))?.openIn;
    if (openIn !== undefined && openIn !== tableId) return true;
  }
  return false;
}

/** Reads everything that a recovery is decided on. Changes nothing. @throws {Fault} where any of it cannot be read */
export async function planRecovery(ports: Recovery, tableId: TableId, stated: Statements): Promise<RecoveryStep[]> {
  const { policy, clock } = ports;
  const now = clock.now();
  const profiles = await spendingProfiles(ports);
  const budgets = budgetsOf(policy, profiles);
  for (const id of stated.keys())
    if (!budgets.has(id))
      throw new Fault('BudgetUnknown', {
        doing: 'reading what was stated',
        problem: `no profile is covered by a budget ${id}`,
        next: 'Name a budget as it is listed without the statement.',
      });
  const reader = new SpentReader(ports, profiles, now);
  const steps: RecoveryStep[] = [];
  for (const budget of budgets.values())
    for (const target of targetsOf(budget, now)) {
      const step = await stepFor(ports, target, { tableId, reader, stated: stated.get(budget.id), now });
      if (step !== undefined) steps.push(step);
    }
  return steps;
}

async function stepFor(
  ports: Recovery,
  target: RecoveryTarget,
  known: {
    readonly tableId: TableId;
    readonly reader: SpentReader;
    readonly stated: NanoUsd | undefined;
    readonly now: EpochMs;
  },
): Promise<RecoveryStep | undefined> {
  const { tableId, reader, stated, now } = known;
  const item = await ports.ledger.read(keyOf(target));
  // Nothing was leased from what is not there and has not begun, or is over.
  if (item === undefined && (now < target.period.startsAt || now >= target.period.endsAt)) return undefined;
  if (item?.openIn === tableId) return { ...target, kind: 'done' };
  const found = await reader.read(target.budget, target.period);
  if (found.kind === 'unknown' && stated === undefined) return { ...target, ...found };
  // Nobody's word lowers what is known.
  const isBegun = now > target.period.startsAt;
  const said = isBegun ? stated : undefined;
  const measured = found.kind === 'known' ? found.amount : undefined;
  const spentAtMost = max(measured ?? said ?? (0n as NanoUsd), said ?? measured ?? (0n as NanoUsd));
  if (item === undefined) return { ...target, kind: 'provide', spentAtMost };
  const after = recoveredItem(item, await cellsIn(ports, item), { spentAtMost, newWriteId: ports.newWriteId });
  return { ...target, kind: 'true-up', spentAtMost, before: item.committed, after: after.root.committed };
}

async function cellsIn({ ledger }: Recovery, root: LedgerItem): Promise<Map<HolderId, CellItem>> {
  const cells = new Map<HolderId, CellItem>();
  for (const id of cellsOf(root)) {
    const cell = await ledger.read(cellKey(root.key, id));
    if (cell !== undefined && isCell(cell)) cells.set(id, cell);
  }
  return cells;
}

export type RecoveryOutcome = 'recovered' | 'stale';

const MAX_TRIES = 6;

/**
 * Does one step: the item is read again, and opened in this table with the write that trues it up. Stopped anywhere and
 * done again, by several at once, it counts nothing twice: an item that is open here is left alone.
 */
export async function recoverBudget(ports: Recovery, tableId: TableId, step: RecoveryStep): Promise<RecoveryOutcome> {
  if (step.kind === 'done' || step.kind === 'unknown') return 'recovered';
  const { spentAtMost } = step;
  const key = keyOf(step);
  for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
    const item = await ports.ledger.read(key);
    if (item?.openIn === tableId) return 'recovered';
    if (item === undefined) {
      if (await provide(ports, step, spentAtMost)) return told(ports, step, undefined, spentAtMost);
      continue;
    }
    const cells = await cellsIn(ports, item);
    const after = recoveredItem(item, cells, { spentAtMost, newWriteId: ports.newWriteId });
    // The cells first: once the root is open they are funded from it.
    if (!(await replaceAll(ports, cells, after.cells))) continue;
    if ((await ports.store.replace(item, after.root, tableId)) === 'replaced')
      return told(ports, step, item.committed, after.root.committed);
  }
  return 'stale';
}

async function replaceAll(
  { store }: Recovery,
  before: ReadonlyMap<HolderId, CellItem>,
  after: readonly CellItem[],
): Promise<boolean> {
  for (const cell of after) {
    const found = cell.key.cell === undefined ? undefined : before.get(cell.key.cell);
    if (found === undefined || (await store.replace(found, cell, undefined)) === 'stale') return false;
  }
  return true;
}

/** @returns whether this run has made the item */
async function provide(ports: Recovery, { budget, period }: RecoveryTarget, spentAtMost: NanoUsd): Promise<boolean> {
  const { startsAt, endsAt } = period;
  const item = { key: keyOf({ budget, period }), startsAt, endsAt, terms: await firstTerms(ports, budget, period) };
  await provideCells(ports, budget, item);
  const opening = { settled: 0n as NanoUsd, unconfirmed: spentAtMost };
  return (await ports.ledger.provide(spentAtMost === 0n ? item : { ...item, opening })) === 'created';
}

function told(
  { journal }: Recovery,
  { budget, period }: RecoveryTarget,
  before: NanoUsd | undefined,
  after: NanoUsd,
): RecoveryOutcome {
  journal.decided('recover budget', {
    budget: budget.id,
    period: period.id,
    because: 'the table was restored from a backup',
    before: before === undefined ? 'no item' : displayUsd(before),
    after: displayUsd(after),
  });
  return 'recovered';
}

/** The governor works again from now on. Only where every step is done. */
export async function openTable(
  { identities, journal }: Pick<Recovery, 'identities' | 'journal'>,
  tableId: TableId,
  known: KnownTable | undefined,
): Promise<void> {
  if ((await identities.remember({ tableId }, known)) === 'stale') return;
  journal.decided('open recovered table', { table: tableId, because: 'every budget was trued up' });
}
