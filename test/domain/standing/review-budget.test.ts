import { describe, expect, it } from 'vitest';
import type { EpochMs } from '../../../domain/clock.ts';
import { nanoUsd } from '../../../domain/money.ts';
import { SharedReviews } from '../../../domain/profiles/budget-work.ts';
import { type HolderId, isConserved, type WriteId } from '../../../domain/spending/ledger.ts';
import { type OutsideFigures, reviewBudget } from '../../../domain/standing/review-budget.ts';
import { expectToSurviveEveryCrash } from '../crashes.ts';
import { budgetNamed, policyDocument, policyOf } from '../example-policy.ts';
import { GovernedAccount } from '../governed-account.ts';
import { anOverride } from './memory-evidence.ts';

const ID = 'tenant-monthly/acme';
const usd = (dollars: number) => nanoUsd(BigInt(Math.round(dollars * 1e9)));
const review = (account: GovernedAccount, outside?: OutsideFigures) =>
  reviewBudget(account.ports, budgetNamed(account.policy, ID), outside);
const item = (account: GovernedAccount) => account.ledgerItem(ID, '2026-11');
const seen = (dollars: number): OutsideFigures => ({ actual: usd(dollars), source: 'AWS Budgets' });

const raise = (account: GovernedAccount, dollars: number, ms: number) =>
  account.overrides.keep(anOverride(account, { kind: 'raise', amount: usd(dollars) }, ms));

/** An account whose budget of 20 USD has been provided, with this much of it settled. */
async function accountWith(dollars: number, policy = policyOf()): Promise<GovernedAccount> {
  const account = new GovernedAccount(policy);
  await review(account);
  account.spend(ID, dollars);
  account.changes = [];
  return account;
}
const limitedTo = (limit: string) =>
  policyOf(
    policyDocument({
      budgets: [
        {
          name: 'tenant-monthly',
          per: 'tenant',
          limit,
          thresholds: [
            { at: '90%', action: 'throttle' },
            { at: '100%', action: 'disable' },
          ],
        },
      ],
    }),
  );

describe('reviewBudget', () => {
  it('provides the item of this period and of the next, ahead of its begin', async () => {
    const account = new GovernedAccount();
    expect(await review(account)).toBeUndefined();
    expect(item(account)).toMatchObject({
      committed: 0n,
      terms: { limit: usd(20), stopAt: usd(20), standing: 'open', version: 1 },
    });
    expect(account.ledgerItem(ID, '2026-12').startsAt).toBe(item(account).endsAt);
  });

  it('closes a budget that is used up, tells its owners, and says until when', async () => {
    const account = await accountWith(20);
    expect(await review(account)).toEqual({
      kind: 'budget-used-up',
      budget: ID,
      period: '2026-11',
      spent: usd(20),
      limit: usd(20),
      until: item(account).endsAt,
    });
    expect(item(account).terms).toMatchObject({ standing: 'closed', version: 2, reason: '100% of the limit is spent' });
    expect(account.noticesOf('tenant-closed')).toEqual([`closed|${ID}|2026-11|2`]);
    expect(account.counted).toContain('TenantClosed');
  });

  it('begins anew with the next period, and leaves the closed one closed [F13, F16]', async () => {
    const account = await accountWith(20);
    await review(account);
    account.moveTo('2026-12-01T10:00:00Z');
    expect(await review(account)).toBeUndefined();
    expect(item(account).terms.standing).toBe('closed');
    expect(account.ledgerItem(ID, '2026-12')).toMatchObject({ committed: 0n, terms: { standing: 'open' } });
  });

  it('has the next period open before it begins, also where this one is closed [F16]', async () => {
    const account = await accountWith(20);
    await review(account);
    expect(item(account).terms.standing).toBe('closed');
    expect(account.ledger.item({ budget: item(account).key.budget, period: '2026-12' })).toMatchObject({
      startsAt: item(account).endsAt,
      committed: 0n,
      terms: { standing: 'open' },
    });
  });

  it('throttles along a pace line that stays where it began', async () => {
    const account = await accountWith(18, limitedTo('20 USD'));
    expect(await review(account)).toMatchObject({ kind: 'budget-throttled' });
    const { pace } = item(account).terms;
    expect(pace).toEqual({ from: account.now, base: usd(18), until: item(account).endsAt });
    account.wait(3_600_000);
    account.spend(ID, 0.5);
    await review(account);
    expect(item(account).terms).toMatchObject({ pace, version: 2 });
    account.spend(ID, 1.5);
    expect(await review(account)).toMatchObject({ kind: 'budget-used-up' });
    expect(item(account).terms.pace).toBeUndefined();
  });

  it('follows a limit that the policy raises, and one that it lowers', async () => {
    const account = await accountWith(20, limitedTo('20 USD'));
    await review(account);
    account.policy = limitedTo('40 USD');
    expect(await review(account)).toBeUndefined();
    expect(item(account).terms).toMatchObject({ limit: usd(40), standing: 'open', version: 3 });
    account.policy = limitedTo('10 USD');
    expect(await review(account)).toMatchObject({ kind: 'budget-used-up', limit: usd(10) });
  });

  it('keeps an operator’s raises through every change of terms', async () => {
    const account = await accountWith(25);
    await raise(account, 5, 3_600_000);
    await review(account);
    expect(item(account).terms).toMatchObject({
      standing: 'closed',
      raises: [{ amount: usd(5), until: account.now + 3_600_000 }],
    });
  });

  it('opens a closed budget while an operator’s raise lasts, and closes it when the raise ends', async () => {
    const account = await accountWith(22);
    expect(await review(account)).toMatchObject({ kind: 'budget-used-up' });
    await raise(account, 5, 60_000);
    expect(await review(account)).toBeUndefined();
    expect(item(account).terms).toMatchObject({ standing: 'open', raises: [{ amount: usd(5) }] });
    account.wait(60_000);
    expect(await review(account)).toMatchObject({ kind: 'budget-used-up' });
    expect(item(account).terms.raises).toBeUndefined();
  });

  it('tells of a second closing in the same period, under the same limit [F30]', async () => {
    const account = await accountWith(20, limitedTo('20 USD'));
    await review(account);
    account.policy = limitedTo('40 USD');
    await review(account);
    account.policy = limitedTo('20 USD');
    await review(account);
    await review(account);
    expect(account.noticesOf('tenant-closed')).toEqual([`closed|${ID}|2026-11|2`, `closed|${ID}|2026-11|4`]);
  });

  it('restricts nothing by a budget in shadow mode, and says what it would have done', async () => {
    const shadow = policyOf(
      policyDocument({
        budgets: [
          {
            name: 'tenant-monthly',
            per: 'tenant',
            limit: '20 USD',
            mode: 'shadow',
            thresholds: [{ at: '100%', action: 'disable' }],
          },
        ],
      }),
    );
    const account = await accountWith(25, shadow);
    account.ledger.put({ ...item(account), unrefused: { calls: 7, amount: usd(5) } });
    expect(await review(account)).toBeUndefined();
    expect(item(account).terms.standing).toBe('open');
    expect(account.decisions).toContainEqual({
      decision: 'would restrict budget',
      facts: expect.objectContaining({ standing: 'closed', wouldHaveRefused: 7, worth: '5.00 USD' }),
    });
  });

  it('tells of a threshold once in a period, however often it looks [F30]', async () => {
    const account = await accountWith(16);
    for (let look = 0; look < 5; look++) await review(account);
    account.spend(ID, 1);
    await review(account);
    expect(account.noticesOf('threshold-crossed')).toEqual([`threshold|${ID}|2026-11|8000|actual|notify`]);
    expect(item(account).crossed).toEqual(['8000|actual|notify']);
  });

  it('tells of a forecast and closes nobody by it', async () => {
    const account = await accountWith(1);
    expect(await review(account, { forecast: usd(30), source: 'AWS Budgets' })).toBeUndefined();
    expect(account.noticesOf('threshold-crossed')).toEqual([`threshold|${ID}|2026-11|10000|forecast|notify`]);
  });

  it.each<[string, number, number, bigint]>([
    ['more than all that the ledger knows', 5, 7, 2n],
    ['what the ledger knows', 5, 5, 0n],
    ['less than the ledger knows, because it is late', 5, 3, 0n],
  ])(
    'takes for unattributed what the outside has seen beyond the ledger: %s',
    async (_, settled, actual, unattributed) => {
      const account = await accountWith(settled);
      await review(account, seen(actual));
      expect(item(account).unattributed).toBe(unattributed * 1_000_000_000n);
      expect(isConserved(item(account))).toBe(true);
    },
  );

  it('raises what is unattributed with each later figure and never lowers it', async () => {
    const account = await accountWith(5);
    for (const [actual, expected] of [
      [7, 2],
      [6, 2],
      [9, 4],
      [0, 4],
    ] as const) {
      await review(account, seen(actual));
      expect(item(account).unattributed).toBe(usd(expected));
    }
  });

  it('counts leases and unconfirmed money as known: the outside may have seen their spending', async () => {
    const account = await accountWith(5);
    account.ledger.put({ ...item(account), unconfirmed: usd(1), leased: usd(2), committed: usd(8) });
    await review(account, seen(8));
    expect(item(account).unattributed).toBe(0n);
    await review(account, seen(8.5));
    expect(item(account).unattributed).toBe(usd(0.5));
  });

  it('closes by spending that went round the helper [F9]', async () => {
    const account = await accountWith(5);
    expect(await review(account, seen(21))).toMatchObject({ kind: 'budget-used-up', spent: usd(21) });
  });

  it('takes back in the first hours of a period what a crash at the end of the one before left leased', async () => {
    const account = await accountWith(5);
    account.moveTo('2026-11-30T22:59:00Z');
    const leased = usd(1);
    account.ledger.put({
      ...item(account),
      leased,
      committed: usd(6),
      holders: new Map([
        ['process-1' as HolderId, { sequence: 1, writeId: 'w1' as WriteId, leased, expiresAt: account.now }],
      ]),
    });
    account.moveTo('2026-11-30T23:30:00Z');
    await review(account);
    expect(item(account)).toMatchObject({ leased: 0n, unconfirmed: leased, committed: usd(6) });
    account.moveTo('2026-12-01T00:30:00Z');
    await review(account);
    expect(item(account).holders.size).toBe(0);
  });

  it('tells of a threshold that was reached after the last review of a period, once', async () => {
    const account = await accountWith(5);
    account.spend(ID, 11);
    account.moveTo('2026-11-30T23:05:00Z');
    await review(account);
    await review(account);
    expect(account.noticesOf('threshold-crossed')).toEqual([`threshold|${ID}|2026-11|8000|actual|notify`]);
    expect(account.ledgerItem(ID, '2026-12').crossed).toEqual([]);
  });

  it('judges no period that is over by a limit that it did not have', async () => {
    const account = await accountWith(5);
    account.policy = policyOf(
      policyDocument({
        budgets: [
          { name: 'tenant-monthly', per: 'tenant', limit: '6 USD', thresholds: [{ at: '80%', action: 'notify' }] },
        ],
      }),
    );
    account.moveTo('2026-11-30T23:05:00Z');
    await review(account);
    expect(account.noticesOf('threshold-crossed')).toEqual([]);
  });

  it('comes to the same end at the turn of a period, whichever port call fails on the way', async () => {
    await expectToSurviveEveryCrash(async () => {
      const account = await accountWith(16);
      account.moveTo('2026-11-30T23:05:00Z');
      return account;
    }, review);
  });

  it('heeds a word that an operator says while another makes the next item without it', async () => {
    const account = new GovernedAccount();
    const { ledger } = account.ports;
    const ports = {
      ...account.ports,
      ledger: Object.assign(Object.create(ledger), {
        // It was not there, and the other has provided it when this one does.
        readTogether: async () => () => undefined,
      }) as typeof ledger,
    };
    await review(account);
    await account.overrides.keep(anOverride(account, { kind: 'disable' }, 40 * 86_400_000));
    expect(await reviewBudget(ports, budgetNamed(ports.policy, ID))).toMatchObject({ kind: 'budget-disabled' });
    expect(item(account).terms).toMatchObject({ standing: 'closed', version: 2 });
    expect(account.ledgerItem(ID, '2026-12').terms).toMatchObject({ standing: 'closed', version: 2 });
  });

  it('asks others once, and again where somebody has changed the terms since', async () => {
    const account = await accountWith(20);
    const { ledger, overrides } = account.ports;
    let asked = 0;
    let isMeddled = false;
    const ports = {
      ...account.ports,
      overrides: Object.assign(Object.create(overrides), {
        async lasting(now: EpochMs) {
          asked++;
          const known = await overrides.lasting(now);
          if (!isMeddled) {
            isMeddled = true;
            // Said when the words have just been read, and answered by a review of its own before this one writes.
            await overrides.keep(anOverride(account, { kind: 'enable' }, 86_400_000));
            await review(account);
          }
          return known;
        },
      }) as typeof overrides,
      ledger,
    };
    expect(await reviewBudget(ports, budgetNamed(ports.policy, ID))).toBeUndefined();
    expect(item(account).terms).toMatchObject({ standing: 'open', heldBy: 'operator' });
    expect(asked).toBe(2);
  });

  it('looks again when somebody writes meanwhile, and decides on what it finds', async () => {
    const account = await accountWith(10);
    const { ledger } = account.ports;
    let interfered = false;
    const ports = {
      ...account.ports,
      policy: limitedTo('10 USD'),
      ledger: {
        ...ledger,
        read: ledger.read,
        readTogether: ledger.readTogether,
        provide: ledger.provide,
        reclaim: ledger.reclaim,
        forget: ledger.forget,
        raiseUnattributed: ledger.raiseUnattributed,
        recordCrossings: ledger.recordCrossings,
        write: ledger.write,
        openHere: ledger.openHere,
        changeTerms: async (...[key, terms]: Parameters<typeof ledger.changeTerms>) => {
          if (!interfered) {
            interfered = true;
            const now = item(account);
            account.ledger.put({ ...now, terms: { ...now.terms, version: now.terms.version + 1 } });
          }
          return await ledger.changeTerms(key, terms);
        },
      },
    };
    expect(await reviewBudget(ports, budgetNamed(ports.policy, ID))).toMatchObject({ kind: 'budget-used-up' });
    expect(item(account).terms).toMatchObject({ standing: 'closed', version: 3 });
  });

  it.each<[string, number, OutsideFigures | undefined]>([
    ['open', 1, undefined],
    ['crossing a threshold', 16, undefined],
    ['used up', 20, undefined],
    ['used up as the outside sees it', 5, { actual: usd(25), forecast: usd(50), source: 'AWS Budgets' }],
  ])(
    'comes to the same end with a budget that is %s, whichever port call fails on the way',
    async (_, dollars, outside) => {
      await expectToSurviveEveryCrash(
        () => accountWith(dollars),
        (account) => review(account, outside),
      );
    },
  );
});

describe('a review of what was read for many together', () => {
  const HOUR = 3_600_000;
  const acme = (account: GovernedAccount) => budgetNamed(account.policy, ID);
  /** What a sweep does: others are reviewed between the reading and this budget's turn. */
  const readAhead = async (account: GovernedAccount) => {
    const reviews = new SharedReviews(account.ports);
    const ahead = await reviews.readAhead([acme(account)]);
    await ahead.overrides();
    return async (outside?: OutsideFigures) => await reviews.reviewAnew(acme(account), outside, ahead);
  };
  const disable = (account: GovernedAccount, ms: number, tenant?: string) =>
    account.overrides.keep(
      anOverride(
        account,
        { kind: 'disable' },
        ms,
        ...(tenant === undefined ? [] : [{ kind: 'tenant' as const, tenant }]),
      ),
    );

  it('opens nothing that an operator has meanwhile disabled for longer, by another word that changed no terms', async () => {
    const account = await accountWith(1);
    await disable(account, HOUR);
    await review(account);
    const reviewNow = await readAhead(account);
    await disable(account, 24 * HOUR, 'acme');
    const { version } = item(account).terms;
    await review(account);
    expect(item(account).terms.version).toBe(version);
    account.wait(HOUR);
    expect(await reviewNow()).toMatchObject({ kind: 'budget-disabled' });
    expect(item(account).terms).toMatchObject({ standing: 'closed', heldBy: 'operator' });
  });

  /** What has been refused for long enough to count as used up was granted after it was read. */
  async function refusedThenGranted(account: Awaited<ReturnType<typeof accountWith>>) {
    account.ledger.put({ ...item(account), refusing: { since: account.now, need: usd(2) } });
    account.wait(100_000);
    const reviewNow = await readAhead(account);
    const { refusing: _, ...granted } = item(account);
    account.ledger.put(granted);
    account.wait(30_000);
    return reviewNow;
  }

  it('closes nothing as used up where a process was granted money since', async () => {
    const account = await accountWith(19);
    const reviewNow = await refusedThenGranted(account);
    expect(await reviewNow()).toBeUndefined();
    expect(item(account).terms.standing).toBe('open');
    expect(account.noticesOf('tenant-closed')).toEqual([]);
  });

  it('tells of no threshold as used up where a process was granted money since', async () => {
    const policy = policyOf(
      policyDocument({
        budgets: [
          { name: 'tenant-monthly', per: 'tenant', limit: '20 USD', thresholds: [{ at: '100%', action: 'notify' }] },
        ],
      }),
    );
    const account = await accountWith(19, policy);
    const reviewNow = await refusedThenGranted(account);
    await reviewNow();
    expect(account.noticesOf('threshold-crossed')).toEqual([]);
  });

  it('opens what is to be opened on what is known then', async () => {
    const account = await accountWith(1);
    await disable(account, HOUR);
    await review(account);
    const reviewNow = await readAhead(account);
    account.wait(HOUR);
    expect(await reviewNow()).toBeUndefined();
    expect(item(account).terms.standing).toBe('open');
  });
});
