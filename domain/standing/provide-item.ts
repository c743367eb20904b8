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

/** What others than the ledger say of a budget, as it was read at one time. */
export interface Words {
  /** What operators say, of whatever budget. */
  readonly overrides: readonly Override[];
  readonly signals: readonly Signal[];
}

/**
 * Makes the item of a period that has none. One that is made when its period has begun, as for a new budget, opens with what
 * was spent in it already. It begins under what operators say of it then, and what signals that last until then have
 * restricted.
 *
 * @returns `exists` where another has made it meanwhile, who may have known words that came later
 */
export async function provideItem(
  ports: ItemProvision,
  budget: Budget,
  period: Period,
  words: Words,
): Promise<'created' | 'exists'> {
  const key: LedgerKey = { budget: budget.id, period: period.id };
  const { startsAt, endsAt } = period;
  const item = { key, startsAt, endsAt, terms: termsAtFirst(ports, budget, period, words) };
  // Ahead of the item, so that no process finds the item without the cells.
  await provideCells(ports, budget, item);
  if (ports.clock.now() < startsAt) return await ports.ledger.provide(item);
  return await provideOpened(ports, budget, item);
}

/** Of the first terms that an item has. */
export const FIRST_VERSION = 1;

/** What an item begins with that is made now, or ahead. */
export async function firstTerms(
  ports: Pick<ItemProvision, 'policy' | 'clock' | 'overrides' | 'signals'>,
  budget: Budget,
  period: Period,
): Promise<Terms> {
  const now = ports.clock.now();
  const [overrides, signals] = await Promise.all([ports.overrides.lasting(now), ports.signals.lasting(budget.id, now)]);
  return termsAtFirst(ports, budget, period, { overrides, signals });
}

function termsAtFirst(
  { policy, clock }: Pick<ItemProvision, 'policy' | 'clock'>,
  budget: Budget,
  period: Period,
  { overrides, signals }: Words,
): Terms {
  const now = epochMs(Math.max(clock.now(), period.startsAt));
  const terms: Terms = { ...termsOf(budget), standing: 'open', version: FIRST_VERSION - 1 };
  const nothing = { committed: ZERO, settled: ZERO, unconfirmed: ZERO, unattributed: ZERO, leased: ZERO };
  const operators = wordOn(policy, budget, overrides, now);
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
  { overrides, signals }: Words,
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
