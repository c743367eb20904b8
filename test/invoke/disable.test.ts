import { describe, expect, it } from 'vitest';
import type { BudgetId } from '../../domain/budgets/budget-id.ts';
import { nanoUsd, ZERO } from '../../domain/money.ts';
import { periodAt } from '../../domain/period.ts';
import type { CoveringBudget } from '../../domain/profiles/profile-index.ts';
import { cellId, cellKey } from '../../domain/spending/cell.ts';
import { type HolderId, isConserved, type LedgerKey, type WriteId } from '../../domain/spending/ledger.ts';
import { callCost } from '../../domain/spending/pricing.ts';
import type { Terms } from '../../domain/spending/terms.ts';
import { Admissions } from '../../invoke/admission.ts';
import { MemoryLedger } from '../domain/spending/memory-ledger.ts';
import { TestTimer } from './test-timer.ts';

const CALL = callCost(1_000);
const LIMIT = nanoUsd(10_000_000n);
const OPEN: Terms = { limit: LIMIT, stopAt: LIMIT, standing: 'open', version: 1 };

/** A ledger that knows who asked it for terms, and may keep them to itself. */
class WatchedLedger extends MemoryLedger {
  readonly asked: (readonly LedgerKey[])[] = [];
  canReadTerms = true;

  override async readTerms(keys: readonly LedgerKey[]) {
    this.asked.push(keys);
    if (!this.canReadTerms) throw new Error('denied');
    return await super.readTerms(keys);
  }
}

/** A process that spends from budgets, and the ledger. */
class Spending {
  readonly timer = new TestTimer();
  readonly ledger = new WatchedLedger();
  #ids = 0;
  readonly admissions = new Admissions({
    ledger: this.ledger,
    clock: this.timer,
    timer: this.timer,
    random: () => 0.5,
    leaseMs: 120_000,
    maxWaitMs: 0,
    maxWaiting: 0,
    newHolder: () => `holder-${++this.#ids}` as HolderId,
    newWriteId: () => `write-${++this.#ids}` as WriteId,
  });

  async budget(name: string, more: Partial<CoveringBudget> = {}): Promise<CoveringBudget> {
    const budget: CoveringBudget = { id: name as BudgetId, period: 'month', timeZone: 'UTC', ...more };
    const { key, startsAt, endsAt } = this.#place(budget);
    await this.ledger.provide({ key, startsAt, endsAt, terms: OPEN });
    for (let cell = 0; cell < (more.cells ?? 0); cell++)
      await this.ledger.provide({ key: cellKey(key, cellId(cell)), startsAt, endsAt, terms: OPEN });
    return budget;
  }

  #place(budget: CoveringBudget) {
    const { id, startsAt, endsAt } = periodAt(budget.period, budget.timeZone, this.timer.now());
    return { key: { budget: budget.id, period: id }, startsAt, endsAt };
  }

  item(budget: CoveringBudget) {
    const item = this.ledger.item(this.#place(budget).key);
    if (item === undefined) throw new Error('the budget is provided');
    return item;
  }

  async close(budget: CoveringBudget): Promise<void> {
    const { key, terms } = this.item(budget);
    await this.ledger.changeTerms(key, { ...terms, standing: 'closed', version: terms.version + 1 });
  }

  async call(budgets: readonly CoveringBudget[]): Promise<void> {
    const reservation = await this.admissions.admit(budgets, CALL);
    reservation.settle(CALL);
  }

  async afterSeconds(seconds: number): Promise<void> {
    this.timer.advance(seconds * 1_000);
    await this.admissions.maintain();
  }
}

describe('a disable', () => {
  it.each<[string, { readonly cells?: number }]>([
    ['from its own item', {}],
    ['from a cell', { cells: 2 }],
  ])('takes back what a process has in hand %s when it next looks, seconds later (F28)', async (_, more) => {
    const spending = new Spending();
    const budget = await spending.budget('tenant/acme', more);
    for (let call = 0; call < 20; call++) await spending.call([budget]);
    await spending.close(budget);
    // In hand, and granted before: it is spent until the process has looked.
    await spending.call([budget]);
    await spending.afterSeconds(5);
    await expect(spending.call([budget])).rejects.toMatchObject({ code: 'BudgetClosed' });
    await spending.admissions.flush();
    const key = more.cells === undefined ? spending.item(budget).key : cellKey(spending.item(budget).key, cellId(1));
    const item = spending.ledger.item(key);
    expect(item).toMatchObject({ settled: nanoUsd(21_000n), leased: ZERO });
    expect(item !== undefined && isConserved(item)).toBe(true);
  });

  it('of one budget leaves what the process has of the others', async () => {
    const spending = new Spending();
    const [closed, open] = [await spending.budget('tenant/acme'), await spending.budget('dept/claims')];
    await spending.call([closed]);
    await spending.call([open]);
    await spending.close(closed);
    await spending.afterSeconds(5);
    expect(spending.ledger.asked.at(-1)).toHaveLength(2);
    await expect(spending.call([closed])).rejects.toMatchObject({ code: 'BudgetClosed' });
    await spending.call([open]);
    expect(spending.item(open).leased).toBeGreaterThan(0n);
  });

  it('is certain at the next renewal where the terms could not be read before', async () => {
    const spending = new Spending();
    const budget = await spending.budget('tenant/acme');
    await spending.call([budget]);
    await spending.close(budget);
    spending.ledger.canReadTerms = false;
    await spending.afterSeconds(5);
    await spending.call([budget]);
    await spending.afterSeconds(60);
    await expect(spending.call([budget])).rejects.toMatchObject({ code: 'BudgetClosed' });
  });
});

it('terms that have not changed cost a process one look for all its budgets, and no write', async () => {
  const spending = new Spending();
  const budgets = [await spending.budget('tenant/acme'), await spending.budget('dept/claims')];
  await spending.call(budgets);
  const writes = spending.ledger.effects.length;
  for (let look = 0; look < 5; look++) await spending.afterSeconds(5);
  expect(spending.ledger.asked).toHaveLength(5);
  expect(spending.ledger.effects).toHaveLength(writes);
});

it('a process that holds no money does not look', async () => {
  const spending = new Spending();
  const budget = await spending.budget('tenant/acme');
  await spending.call([budget]);
  await spending.admissions.flush();
  await spending.afterSeconds(5);
  expect(spending.ledger.asked).toHaveLength(0);
});
