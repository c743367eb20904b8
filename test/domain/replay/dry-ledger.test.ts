import { describe, expect, it } from 'vitest';
import { dryLedger } from '../../../domain/replay/dry-ledger.ts';
import { reviewBudget } from '../../../domain/standing/review-budget.ts';
import { budgetNamed } from '../example-policy.ts';
import { GovernedAccount } from '../governed-account.ts';

const ID = 'tenant-monthly/acme';

describe('a ledger that keeps its writes to itself', () => {
  it('tells of an item that it cannot read where that one is asked for, and reads the others', async () => {
    const account = new GovernedAccount();
    await reviewBudget(account.ports, budgetNamed(account.policy, ID));
    const { key } = account.ledgerItem(ID, '2026-11');
    const broken = account.ledgerItem(ID, '2026-12').key;
    const ledger = dryLedger(
      {
        async read(asked) {
          if (asked.period === broken.period) throw new Error('written by another version');
          return await account.ledger.read(asked);
        },
      },
      () => {},
    );
    const missing = { ...key, period: '2027-01' };
    const items = await ledger.readTogether([broken, key, missing]);
    expect(items(key)).toEqual(account.ledgerItem(ID, '2026-11'));
    expect(items(missing)).toBeUndefined();
    expect(() => items(broken)).toThrow('written by another version');
  });
});
