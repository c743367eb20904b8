import { describe, expect, it } from 'vitest';
import type { GaugeName } from '../../../domain/journal.ts';
import { nanoUsd } from '../../../domain/money.ts';
import { governProfile } from '../../../domain/profiles/govern-profile.ts';
import { measureBudgets } from '../../../domain/signals/ledger-figures.ts';
import { watchLedger } from '../../../domain/signals/ledger-watch.ts';
import type { LedgerItem, LedgerKey } from '../../../domain/spending/ledger.ts';
import { GovernedAccount } from '../governed-account.ts';

const PERIOD = '2026-11';

async function twoTenants(): Promise<GovernedAccount> {
  const account = new GovernedAccount();
  for (const tenant of ['acme', 'lakeside'])
    await governProfile(account.ports, account.profile(tenant, { tenant, environment: 'prod', team: 'x' }));
  return account;
}

const points = () => {
  const told: (readonly [GaugeName, number])[] = [];
  const of = (gauge: GaugeName) => told.flatMap(([name, value]) => (name === gauge ? [value] : []));
  return { gauges: { measured: (gauge: GaugeName, value: number) => void told.push([gauge, value]) }, of };
};

describe('the figures of budgets', () => {
  it('are a data point of each budget: what it has settled and holds, and how much of its limit is used', async () => {
    const account = await twoTenants();
    account.spend('tenant-monthly/acme', 5);
    const acme = account.ledgerItem('tenant-monthly/acme', PERIOD);
    const lakeside = account.ledgerItem('tenant-monthly/lakeside', PERIOD);
    const usd = (amount: number) => nanoUsd(BigInt(amount * 1e9));
    const held: LedgerItem = { ...lakeside, leased: usd(2), unconfirmed: usd(1), committed: usd(3) };
    const { gauges, of } = points();
    measureBudgets(gauges, [acme, held, undefined]);
    expect(of('BudgetSettledUsd')).toEqual([5, 0]);
    expect(of('BudgetHeldUsd')).toEqual([0, 3]);
    // What is unconfirmed counts as spent, what is leased does not yet.
    expect(of('BudgetUsedPercent')).toEqual(
      [acme, held].map(({ terms: { limit } }, at) => Number((usd(at === 0 ? 5 : 1) * 1_000n) / limit) / 10),
    );
  });

  it('count the budgets that are throttled, closed or whose last word was no', async () => {
    const account = await twoTenants();
    const item = account.ledgerItem('tenant-monthly/acme', PERIOD);
    const standing = (its: LedgerItem['terms']['standing']): LedgerItem => ({
      ...item,
      terms: { ...item.terms, standing: its },
    });
    const { gauges, of } = points();
    const refusing = { since: account.now, need: nanoUsd(1n) };
    measureBudgets(gauges, [
      standing('open'),
      standing('throttled'),
      standing('closed'),
      { ...standing('closed'), refusing },
    ]);
    expect([of('BudgetsThrottled'), of('BudgetsClosed'), of('BudgetsRefusing')]).toEqual([[1], [2], [1]]);
  });

  it('call a budget of nothing used up', async () => {
    const account = await twoTenants();
    const item = account.ledgerItem('tenant-monthly/acme', PERIOD);
    const { gauges, of } = points();
    measureBudgets(gauges, [{ ...item, terms: { ...item.terms, limit: nanoUsd(0n) } }]);
    expect(of('BudgetUsedPercent')).toEqual([100]);
  });

  it('are told by each look over the ledger, of budgets in use alone, and say zero where there is none', async () => {
    const account = await twoTenants();
    const watch = async () => {
      const { gauges, of } = points();
      const readMany = async (keys: readonly LedgerKey[]) => keys.map((key) => account.ledger.item(key));
      await watchLedger({ ...account.ports, gauges, ledgerReadings: { readMany } });
      return of;
    };
    expect((await watch())('BudgetUsedPercent')).toEqual([0, 0]);
    const nobody = new GovernedAccount();
    const { gauges, of } = points();
    await watchLedger({ ...nobody.ports, gauges, ledgerReadings: { readMany: async () => [] } });
    expect([of('BudgetUsedPercent'), of('BudgetsClosed')]).toEqual([[], [0]]);
  });
});
