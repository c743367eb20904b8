import { describe, expect, it } from 'vitest';
import { epochMs } from '../../../domain/clock.ts';
import { nanoUsd } from '../../../domain/money.ts';
import { governProfile } from '../../../domain/profiles/govern-profile.ts';
import { sweep } from '../../../domain/profiles/sweep.ts';
import { keepSignal } from '../../../domain/standing/keep-signal.ts';
import { reviewBudget } from '../../../domain/standing/review-budget.ts';
import { shadowReport } from '../../../domain/standing/shadow-report.ts';
import { budgetNamed, policyDocument, policyOf } from '../example-policy.ts';
import { GovernedAccount } from '../governed-account.ts';
import { anOverride } from './memory-evidence.ts';

const ID = 'tenant-monthly/acme';
const HOUR = 3_600_000;
const usd = (dollars: number) => nanoUsd(BigInt(dollars) * 1_000_000_000n);
const policyWith = (more: object) =>
  policyOf(
    policyDocument({
      budgets: [
        {
          name: 'tenant-monthly',
          per: 'tenant',
          limit: '20 USD',
          thresholds: [{ at: '100%', action: 'disable' }],
          ...more,
        },
      ],
    }),
  );

async function account(more: object) {
  const acme = new GovernedAccount(policyWith(more));
  const profile = acme.profile('a', { environment: 'prod', team: 'sales', tenant: 'acme' });
  await governProfile(acme.ports, profile);
  return { acme, profile, budget: budgetNamed(acme.policy, ID) };
}
const anomaly = (acme: GovernedAccount) => ({
  kind: 'anomaly' as const,
  name: 'a-1',
  because: 'an anomaly of 41.50 USD',
  seenAt: acme.now,
});

describe('a signal of AWS’s watchers', () => {
  it('throttles where the policy says so, tells why and until when, and ends by itself', async () => {
    const { acme, profile, budget } = await account({ signals: { anomaly: 'throttle', holds: '6h' } });
    await keepSignal(acme.ports, budget, anomaly(acme));
    await governProfile(acme.ports, profile);
    expect(acme.ledgerItem(ID, '2026-11').terms).toMatchObject({
      standing: 'throttled',
      heldBy: 'signal',
      reason: 'an anomaly of 41.50 USD',
      standingUntil: acme.now + 6 * HOUR,
    });
    expect(acme.tagsOf(profile)).toMatchObject({ 'governor:standing': 'throttled' });
    expect(acme.noticesOf('tenant-throttled')).toHaveLength(1);
    acme.wait(6 * HOUR);
    await sweep(acme.ports);
    expect(acme.ledgerItem(ID, '2026-11').terms.standing).toBe('open');
    expect(acme.tagsOf(profile)).not.toHaveProperty('governor:standing');
    expect(acme.noticesOf('tenant-reopened')).toHaveLength(1);
  });

  it('restricts nobody by default', async () => {
    const { acme, budget } = await account({});
    await keepSignal(acme.ports, budget, anomaly(acme));
    expect(await reviewBudget(acme.ports, budget)).toBeUndefined();
    expect(acme.ledgerItem(ID, '2026-11').terms.version).toBe(1);
  });

  it('that is heard of again lasts no longer, and one that AWS says is over ends there', async () => {
    const { acme, budget } = await account({ signals: { anomaly: 'throttle', holds: '6h' } });
    const seen = anomaly(acme);
    await keepSignal(acme.ports, budget, seen);
    acme.wait(5 * HOUR);
    expect((await keepSignal(acme.ports, budget, seen)).until).toBe(seen.seenAt + 6 * HOUR);
    expect((await keepSignal(acme.ports, budget, { ...seen, endedAt: acme.now })).until).toBe(acme.now);
    expect(await reviewBudget(acme.ports, budget)).toBeUndefined();
  });
});

describe('a signal that lasts beyond the turn of the period', () => {
  it.each(['first provided', 'provided before'])('holds from the turn on, in an item that is %s', async (how) => {
    const { acme, profile, budget } = await account({ signals: { anomaly: 'disable', holds: '48h' } });
    acme.moveTo('2026-11-30T12:00:00Z');
    // With the account's first review in December the item of January is made.
    if (how === 'first provided') acme.moveTo('2026-12-31T12:00:00Z');
    const seen = anomaly(acme);
    await keepSignal(acme.ports, budget, seen);
    await governProfile(acme.ports, profile);
    expect(acme.ledgerItem(ID, how === 'first provided' ? '2027-01' : '2026-12').terms).toMatchObject({
      standing: 'closed',
      heldBy: 'signal',
      standingUntil: seen.seenAt + 48 * HOUR,
    });
  });

  it('and is over before that holds there no longer', async () => {
    const { acme, budget } = await account({ signals: { anomaly: 'disable', holds: '48h' } });
    acme.moveTo('2026-11-30T12:00:00Z');
    const seen = anomaly(acme);
    await keepSignal(acme.ports, budget, seen);
    await reviewBudget(acme.ports, budget);
    acme.wait(HOUR);
    await keepSignal(acme.ports, budget, { ...seen, endedAt: acme.now });
    await reviewBudget(acme.ports, budget);
    expect(acme.ledgerItem(ID, '2026-12').terms.standing).toBe('open');
  });
});

describe('the report of what budgets in shadow mode would have refused', () => {
  it('has a line for each budget and period, with what was let pass and how it would stand', async () => {
    const { acme } = await account({ mode: 'shadow' });
    acme.spend(ID, 25);
    const november = acme.ledgerItem(ID, '2026-11');
    acme.ledger.put({ ...november, unrefused: { calls: 7, amount: usd(5) } });
    acme.moveTo('2026-12-05T10:00:00Z');
    await sweep(acme.ports);
    expect(await shadowReport(acme.ports, 3)).toEqual([
      {
        budget: ID,
        tenant: 'acme',
        period: '2026-12',
        limit: usd(20),
        spent: 0n,
        calls: 0,
        worth: 0n,
        standing: 'open',
      },
      {
        budget: ID,
        tenant: 'acme',
        period: '2026-11',
        limit: usd(20),
        spent: usd(25),
        calls: 7,
        worth: usd(5),
        standing: 'closed',
        because: '100% of the limit is spent',
      },
    ]);
  });

  it('has nothing of budgets that enforce, but for the periods in which they watched', async () => {
    const { acme } = await account({});
    expect(await shadowReport(acme.ports, 3)).toEqual([]);
    acme.ledger.put({ ...acme.ledgerItem(ID, '2026-11'), unrefused: { calls: 1, amount: usd(1) } });
    expect(await shadowReport(acme.ports, 3)).toMatchObject([{ period: '2026-11', calls: 1 }]);
  });

  it('says what an operator’s word would have done', async () => {
    const { acme } = await account({ mode: 'shadow' });
    await acme.overrides.keep(anOverride(acme, { kind: 'disable' }, HOUR, { kind: 'tenant', tenant: 'acme' }));
    expect(await shadowReport(acme.ports, 1)).toMatchObject([{ standing: 'closed' }]);
    expect(await shadowReport({ ...acme.ports, clock: { now: () => epochMs(acme.now + HOUR) } }, 1)).toMatchObject([
      { standing: 'open' },
    ]);
  });
});
