import { describe, expect, it } from 'vitest';
import { epochMs } from '../../../domain/clock.ts';
import type { NanoUsd } from '../../../domain/money.ts';
import type { ProfileArn } from '../../../domain/profiles/profile-arn.ts';
import { sweep } from '../../../domain/profiles/sweep.ts';
import { hourAt } from '../../../domain/spending/usage-record.ts';
import { planStandings } from '../../../domain/status/planned-standings.ts';
import { policyDocument, policyOf } from '../example-policy.ts';
import { GovernedAccount } from '../governed-account.ts';
import { recordOf, totals } from '../spending/usage-fixtures.ts';

const TAGS = { environment: 'prod', team: 'support', tenant: 'acme' };
const DAY = 86_400_000;
const disabling = (name: string, limit: string, of: Record<string, unknown>) => ({
  name,
  limit,
  thresholds: [{ at: '100%', action: 'disable' }],
  ...of,
});
const TENANT = disabling('tenant-monthly', '20 USD', { per: 'tenant' });
const TEAM = { selector: { team: 'support' } };

/** Two profiles of acme, of which `chat` has spent so many nano-dollars in this period. */
async function accountWith(spent: bigint) {
  const account = new GovernedAccount(policyOf(policyDocument({ budgets: [TENANT] })));
  const chat = account.profile('chat', TAGS);
  account.profile('lab', { ...TAGS, team: 'lab' });
  await sweep(account.ports);
  await use(account, chat, spent);
  return { account, chat };
}

async function use(account: GovernedAccount, profile: ProfileArn, nanoUsd: bigint): Promise<void> {
  const spent = totals(1, Number(nanoUsd), 0);
  await account.usage.write(recordOf({ process: 'p', hour: hourAt(account.now), totals: [[profile, spent]] }));
}

const standingIn = (account: GovernedAccount, id: string) => account.ledgerItem(id, '2026-11').terms.standing;

describe('what a plan foretells of a budget that begins in a period', () => {
  it('is what the sweep makes of it: its profiles have spent its money already', async () => {
    const { account } = await accountWith(2_000_000_000n);
    const wanted = policyOf(policyDocument({ budgets: [TENANT, disabling('team', '1 USD', TEAM)] }));
    const { budgets } = await planStandings(account.ports, wanted);
    expect(budgets).toMatchObject([
      { kind: 'begins', budget: { id: 'team' }, profiles: 1, spent: 2_000_000_000n, standing: 'closed' },
    ]);
    account.policy = wanted;
    for (const _ of [1, 2]) await sweep(account.ports);
    expect(standingIn(account, 'team')).toBe('closed');
  });

  it('is open where that leaves something', async () => {
    const { account } = await accountWith(2_000_000_000n);
    const wanted = policyOf(policyDocument({ budgets: [TENANT, disabling('team', '3 USD', TEAM)] }));
    expect((await planStandings(account.ports, wanted)).budgets).toMatchObject([
      { kind: 'begins', spent: 2_000_000_000n as NanoUsd, standing: 'open' },
    ]);
    account.policy = wanted;
    for (const _ of [1, 2]) await sweep(account.ports);
    expect(standingIn(account, 'team')).toBe('open');
  });

  it('counts for a budget that is there what profiles have spent that it comes to cover', async () => {
    const { account } = await accountWith(2_000_000_000n);
    const lab = disabling('team', '1 USD', { selector: { team: 'lab' } });
    account.policy = policyOf(policyDocument({ budgets: [TENANT, lab] }));
    for (const _ of [1, 2]) await sweep(account.ports);
    const wanted = policyOf(policyDocument({ budgets: [TENANT, { ...lab, selector: { team: ['lab', 'support'] } }] }));
    expect((await planStandings(account.ports, wanted)).budgets).toMatchObject([
      { kind: 'changes', budget: { id: 'team' }, standing: { before: 'open', after: 'closed' } },
    ]);
    account.policy = wanted;
    for (const _ of [1, 2]) await sweep(account.ports);
    expect(standingIn(account, 'team')).toBe('closed');
  });

  it('cannot be told while usage records cannot be read: unknown is not zero', async () => {
    const { account } = await accountWith(1n);
    account.usage.isDown = true;
    const wanted = policyOf(policyDocument({ budgets: [TENANT, disabling('team', '1 USD', TEAM)] }));
    await expect(planStandings(account.ports, wanted)).rejects.toThrow();
  });
});

describe('what a plan foretells of a profile that comes to violate the policy', () => {
  const owned = (changes: object) =>
    policyOf(
      policyDocument({
        tags: { required: { tenant: null, environment: null, team: null, owner: null }, ...changes },
        budgets: [TENANT],
      }),
    );

  it('is its quarantine at once, or when its grace is over, under its budgets until then', async () => {
    const { account } = await accountWith(0n);
    const strict = await planStandings(account.ports, owned({}));
    expect(strict.profiles.map(({ kind, name, from }) => [kind, name, from])).toEqual([
      ['quarantined', 'profile-chat', undefined],
      ['quarantined', 'profile-lab', undefined],
    ]);
    expect(strict.budgets).toEqual([{ kind: 'ends', id: 'tenant-monthly/acme' }]);

    const graced = await planStandings(account.ports, owned({ grace: '24h' }));
    const from = epochMs(account.now + DAY);
    expect(graced).toMatchObject({
      budgets: [],
      profiles: [
        { name: 'profile-chat', from },
        { name: 'profile-lab', from },
      ],
    });
    account.policy = owned({ grace: '24h' });
    await sweep(account.ports);
    expect(account.noticesOf('profile-quarantined')).toEqual([]);
    // It has its grace now: the same policy changes nothing.
    expect((await planStandings(account.ports, account.policy)).profiles).toEqual([]);
  });
});
