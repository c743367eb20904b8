import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Policy } from '../../../domain/policy/policy.ts';
import { governProfile } from '../../../domain/profiles/govern-profile.ts';
import type { ProfileArn } from '../../../domain/profiles/profile-arn.ts';
import { sweep } from '../../../domain/profiles/sweep.ts';
import { isConserved } from '../../../domain/spending/ledger.ts';
import { provideOpened } from '../../../domain/spending/seeding.ts';
import { hourAt } from '../../../domain/spending/usage-record.ts';
import { reviewBudget } from '../../../domain/standing/review-budget.ts';
import type { Tags } from '../../../domain/tags.ts';
import { expectToSurviveEveryCrash } from '../crashes.ts';
import { budgetNamed, policyDocument, policyOf } from '../example-policy.ts';
import { GovernedAccount } from '../governed-account.ts';
import { recordOf, totals } from './usage-fixtures.ts';

const TEAM = 'team-monthly';
const tags = (tenant: string, team = 'support'): Tags => ({ tenant, team, environment: 'prod' });

const tenantBudget = { name: 'tenant-monthly', per: 'tenant', limit: '20 USD' };
const withBudgets = (...budgets: readonly Record<string, unknown>[]): Policy => policyOf(policyDocument({ budgets }));
const ONE_BUDGET = withBudgets(tenantBudget);
const TEAM_BUDGET = withBudgets(tenantBudget, { name: TEAM, selector: { team: 'support' }, limit: '50 USD' });

/** Records what a profile used in an hour, on top of what this process of its own has recorded before. */
async function use(account: GovernedAccount, arn: ProfileArn, settled: number, unconfirmed = 0): Promise<void> {
  const sequence = account.usage.writes + 1;
  await account.usage.write(
    recordOf({ process: `p${sequence}`, hour: hourAt(account.now), totals: [[arn, totals(1, settled, unconfirmed)]] }),
  );
}

async function accountWith(...profiles: readonly (readonly [string, Tags])[]) {
  const account = new GovernedAccount(ONE_BUDGET);
  const arns = profiles.map(([id, of]) => account.profile(id, of));
  await sweep(account.ports);
  return { account, arns };
}

const item = (account: GovernedAccount, id: string, period = '2026-11') => account.ledgerItem(id, period);

describe('a budget that is new in a period that has begun', () => {
  it('opens with what its profiles have spent and have unconfirmed, before it grants anything', async () => {
    const { account, arns } = await accountWith(['chat00000001', tags('acme')], ['triage000001', tags('globex')]);
    const [chat, triage] = arns as [ProfileArn, ProfileArn];
    await use(account, chat, 1_000, 50);
    account.wait(3 * 3_600_000);
    await use(account, triage, 200);
    account.policy = TEAM_BUDGET;
    await reviewBudget(account.ports, budgetNamed(account.policy, TEAM));
    expect(item(account, TEAM)).toMatchObject({
      committed: 1_250n,
      settled: 1_200n,
      unconfirmed: 50n,
      leased: 0n,
      opening: { settled: 1_200n, unconfirmed: 50n },
    });
    expect(item(account, TEAM, '2026-12')).toMatchObject({ committed: 0n });
  });

  it('counts no profile that its selector does not cover, and nothing of earlier periods', async () => {
    const { account, arns } = await accountWith(['chat00000001', tags('acme')], ['lab000000001', tags('acme', 'lab')]);
    const [chat, lab] = arns as [ProfileArn, ProfileArn];
    account.moveTo('2026-10-31T22:30:00Z');
    await use(account, chat, 7);
    account.moveTo('2026-11-23T12:00:00Z');
    await use(account, chat, 30);
    await use(account, lab, 400);
    account.policy = TEAM_BUDGET;
    await sweep(account.ports);
    expect(item(account, TEAM).settled).toBe(30n);
  });

  it('takes over what a profile spends until helpers count it here', async () => {
    const { account, arns } = await accountWith(['chat00000001', tags('acme')]);
    const [chat] = arns as [ProfileArn];
    await use(account, chat, 100);
    account.policy = TEAM_BUDGET;
    await reviewBudget(account.ports, budgetNamed(account.policy, TEAM));
    await use(account, chat, 20);
    await sweep(account.ports);
    expect(item(account, TEAM).settled).toBe(120n);
  });

  it('is raised by the second of two that provide it at once, where that one has seen more', async () => {
    const { account, arns } = await accountWith(['chat00000001', tags('acme')]);
    const [chat] = arns as [ProfileArn];
    await use(account, chat, 100);
    account.policy = TEAM_BUDGET;
    const budget = budgetNamed(account.policy, TEAM);
    await reviewBudget(account.ports, budget);
    await use(account, chat, 20);
    await provideOpened(account.ports, budget, item(account, TEAM));
    expect(item(account, TEAM).settled).toBe(120n);
  });

  it('opens with nothing where nothing was spent', async () => {
    const { account } = await accountWith(['chat00000001', tags('acme')]);
    expect(item(account, 'tenant-monthly/acme')).toMatchObject({ committed: 0n });
    expect(item(account, 'tenant-monthly/acme').opening).toBeUndefined();
  });

  it('is not provided while usage records cannot be read: unknown is not zero', async () => {
    const { account, arns } = await accountWith(['chat00000001', tags('acme')]);
    await use(account, arns[0] as ProfileArn, 100);
    account.policy = TEAM_BUDGET;
    account.usage.isDown = true;
    await expect(reviewBudget(account.ports, budgetNamed(account.policy, TEAM))).rejects.toThrow();
    expect(account.ledger.item({ budget: budgetNamed(account.policy, TEAM).id, period: '2026-11' })).toBeUndefined();
  });

  it('is not provided while a profile has spent whose index entry was written by another version', async () => {
    const { account, arns } = await accountWith(['chat00000001', tags('acme')], ['triage000001', tags('globex')]);
    const [chat, triage] = arns as [ProfileArn, ProfileArn];
    await use(account, chat, 1_000);
    account.indexed.set(triage, '{"schema":2}');
    account.policy = TEAM_BUDGET;
    await reviewBudget(account.ports, budgetNamed(account.policy, TEAM));
    expect(item(account, TEAM).settled).toBe(1_000n);
    await use(account, triage, 200);
    account.policy = withBudgets(tenantBudget, { name: 'lab', selector: { team: 'support' }, limit: '50 USD' });
    await expect(reviewBudget(account.ports, budgetNamed(account.policy, 'lab'))).rejects.toMatchObject({
      code: 'IndexUnreadable',
      doing: expect.stringContaining(triage),
    });
    expect(() => item(account, 'lab')).toThrow('no ledger item');
  });

  it('comes to the same opening whichever port call fails on the way', async () => {
    await expectToSurviveEveryCrash(
      async () => {
        const { account, arns } = await accountWith(['chat00000001', tags('acme')], ['triage000001', tags('globex')]);
        for (const arn of arns) await use(account, arn, 1_000, 10);
        account.policy = TEAM_BUDGET;
        account.changes = [];
        return account;
      },
      async (account) => {
        for (const arn of account.stored.keys()) await governProfile(account.ports, arn);
      },
    );
  });
});

describe('a budget that covers a further profile in mid-period', () => {
  /** Two tenants; one profile moves from acme to globex. */
  async function moved() {
    const { account, arns } = await accountWith(['chat00000001', tags('acme')], ['triage000001', tags('globex')]);
    const [chat, triage] = arns as [ProfileArn, ProfileArn];
    await use(account, chat, 100, 9);
    account.spend('tenant-monthly/acme', 0.0000001);
    return { account, chat, triage, move: (tenant: string) => account.profile('chat00000001', tags(tenant)) };
  }

  it('takes over what the profile has spent in the period, once', async () => {
    const { account, chat, move } = await moved();
    move('globex');
    for (let time = 0; time < 3; time++) await governProfile(account.ports, chat);
    expect(item(account, 'tenant-monthly/globex')).toMatchObject({ settled: 100n, unconfirmed: 9n, committed: 109n });
    expect(item(account, 'tenant-monthly/acme')).toMatchObject({ settled: 100n });
  });

  it('does not count it again when the profile leaves and comes back', async () => {
    const { account, chat, move } = await moved();
    for (const tenant of ['globex', 'acme', 'globex', 'acme']) {
      move(tenant);
      await governProfile(account.ports, chat);
    }
    expect(item(account, 'tenant-monthly/globex').settled).toBe(100n);
    expect(item(account, 'tenant-monthly/acme').settled).toBe(100n);
  });

  it('takes over nothing of a profile that was covered from the beginning and is quarantined and released', async () => {
    const { account, chat } = await moved();
    account.profile('chat00000001', { tenant: 'acme', environment: 'prod' });
    await governProfile(account.ports, chat);
    account.profile('chat00000001', tags('acme'));
    await governProfile(account.ports, chat);
    expect(item(account, 'tenant-monthly/acme').settled).toBe(100n);
  });

  it('has counted it before the index lets helpers count calls of that profile', async () => {
    const { account, chat, move } = await moved();
    move('globex');
    const settledAtPut: bigint[] = [];
    const { ports } = account;
    const index = {
      ...ports.index,
      put: async (entry: Parameters<typeof ports.index.put>[0]) => {
        settledAtPut.push(item(account, 'tenant-monthly/globex').settled);
        await ports.index.put(entry);
      },
      get: ports.index.get,
      list: ports.index.list,
    };
    await governProfile({ ...ports, index }, chat);
    expect(settledAtPut).toEqual([100n]);
  });

  it('leaves the index as it was while usage records cannot be read, so that the next sweep tries again', async () => {
    const { account, chat, move } = await moved();
    move('globex');
    account.usage.isDown = true;
    await expect(governProfile(account.ports, chat)).rejects.toThrow();
    expect(account.entryOf(chat).budgets.map(({ id }) => id)).toEqual(['tenant-monthly/acme']);
    account.usage.isDown = false;
    await governProfile(account.ports, chat);
    expect(item(account, 'tenant-monthly/globex').settled).toBe(100n);
  });

  it('comes to the same amount whichever port call fails on the way', async () => {
    await expectToSurviveEveryCrash(
      async () => {
        const { account, move } = await moved();
        move('globex');
        account.changes = [];
        return account;
      },
      async (account) => {
        for (const arn of account.stored.keys()) await governProfile(account.ports, arn);
      },
    );
  });

  it('counts every nano-dollar of every profile once, in whatever order policies, tags and failures come', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('use' as const), profile: fc.nat(2), amount: fc.integer({ min: 1, max: 1_000 }) }),
      fc.record({ kind: fc.constant('adopt the budget' as const) }),
      fc.record({ kind: fc.constant('sweep' as const), crashAt: fc.option(fc.nat(60), { nil: undefined }) }),
      fc.record({ kind: fc.constant('two reviews at once' as const) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const names = ['chat00000001', 'triage000001', 'quotes000001'];
        const { account, arns } = await accountWith(...names.map((name) => [name, tags(name.slice(0, 4))] as const));
        let spent = 0n;
        for (const now of steps)
          switch (now.kind) {
            case 'use': {
              const arn = arns[now.profile] as ProfileArn;
              // As a helper does: what the index says is counted against its budgets, and everything is recorded.
              const here = account.entryOf(arn).budgets.some(({ id }) => id === TEAM);
              if (here) account.spend(TEAM, now.amount / 1e9);
              await use(account, arn, now.amount);
              spent += BigInt(now.amount);
              break;
            }
            case 'adopt the budget':
              account.policy = TEAM_BUDGET;
              break;
            case 'sweep':
              account.calls = 0;
              account.crash = now.crashAt === undefined ? undefined : { at: now.crashAt, when: 'after' };
              await sweep(account.ports).catch(() => {});
              account.crash = undefined;
              break;
            case 'two reviews at once':
              if (account.policy === TEAM_BUDGET)
                await Promise.all([1, 2].map(() => reviewBudget(account.ports, budgetNamed(account.policy, TEAM))));
          }
        account.policy = TEAM_BUDGET;
        await sweep(account.ports);
        const last = item(account, TEAM);
        expect(last.settled).toBe(spent);
        expect(isConserved(last)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });
});
