import type { Budget } from '../budgets/definition.ts';
import { epochMs } from '../clock.ts';
import { ZERO } from '../money.ts';
import type { Period } from '../period.ts';
import type { Policy } from '../policy/policy.ts';
import type { CellStore } from '../spending/cell.ts';
import type { LedgerItem, LedgerKey, LedgerStore } from '../spending/ledger.ts';
import { provideOpened, type Seeding } from '../spending/seeding.ts';
import { isSameTerms, type Terms } from '../spending/terms.ts';
import { provideCells, tellCells } from './collect-cells.ts';
import { decide } from './decide.ts';
import { type Override, type Overrides, wordOn } from './override.ts';
import type { Signal, Signals } from './signal.ts';
import { nextTerms, termsOf } from './terms-of-decision.ts';

export interface ItemProvision extends Seeding {
  readonly policy: Policy;
  readonly ledger: LedgerStore & CellStore;
  readonly overrides: Overrides;
  readonly signals: Signals;
}

/**
 * An item that is made when its period has begun, as for a new budget, opens with what was spent in it already. It begins
 * under what operators say of it then, and what signals that last until then have restricted.
 *
 * @returns the item, where it was there before
 */
export async function provideItem(
  ports: ItemProvision,
  budget: Budget,
  period: Period,
): Promise<LedgerItem | undefined> {
  const key: LedgerKey = { budget: budget.id, period: period.id };
  const { startsAt, endsAt } = period;
  const found = await ports.ledger.read(key);
  const terms = found?.terms ?? (await firstTerms(ports, budget, period));
  const item = { key, startsAt, endsAt, terms };
  // Ahead of the item, so that no process finds the item without the cells.
  await provideCells(ports, budget, item);
  if (found !== undefined) return found;
  if (ports.clock.now() < startsAt) await ports.ledger.provide(item);
  else await provideOpened(ports, budget, item);
  return undefined;
}

/** What an item begins with that is made now, or ahead. */
export async function firstTerms(
  ports: Pick<ItemProvision, 'policy' | 'clock' | 'overrides' | 'signals'>,
  budget: Budget,
  period: Period,
): Promise<Terms> {
  const now = epochMs(Math.max(ports.clock.now(), period.startsAt));
  const [overrides, signals] = await Promise.all([ports.overrides.lasting(now), ports.signals.lasting(budget.id, now)]);
  const operators = wordOn(ports.policy, budget, overrides, now);
  const terms: Terms = { ...termsOf(budget), standing: 'open', version: 0 };
  const nothing = { committed: ZERO, settled: ZERO, unconfirmed: ZERO, unattributed: ZERO, leased: ZERO };
  const evidence = { ledger: { terms, ...nothing }, now, operators, signals };
  return nextTerms(budget, period, evidence.ledger, decide(budget, evidence), evidence);
}

/**
 * Tells the next period's item what it is to begin with: the policy as it is now, and the words of operators and the
 * signals that last beyond the turn. Money says nothing about it yet.
 */
export async function prepareItem(
  ports: ItemProvision,
  budget: Budget,
  period: Period,
  item: LedgerItem,
  { overrides, signals }: { readonly overrides: readonly Override[]; readonly signals: readonly Signal[] },
): Promise<void> {
  // Once it has begun, its own review decides.
  if (ports.clock.now() >= period.startsAt) return;
  const evidence = {
    ledger: item,
    now: period.startsAt,
    operators: wordOn(ports.policy, budget, overrides, period.startsAt),
    signals,
  };
  const terms = nextTerms(budget, period, item, decide(budget, evidence), evidence);
  if (isSameTerms(terms, item.terms)) return;
  // Stale where another review has just said the same, or will say better.
  if ((await ports.ledger.changeTerms(item.key, terms)) === 'changed')
    await tellCells(ports, budget, { ...item, terms });
}
