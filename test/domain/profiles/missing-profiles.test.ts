import { describe, expect, it } from 'vitest';
import { sweep } from '../../../domain/profiles/sweep.ts';
import { policyDocument, policyOf } from '../example-policy.ts';
import { GovernedAccount } from '../governed-account.ts';

const declaring = policyOf(
  policyDocument({
    declaredProfiles: [
      {
        for: { tenant: ['acme', 'globex'] },
        tags: { environment: 'prod', team: 'claims' },
        models: ['amazon.nova-lite-v1:0'],
        regions: ['us-east-1'],
      },
    ],
  }),
);
const ACME = { tenant: 'acme', environment: 'prod', team: 'claims' };

/** What a sweep tells of declared profiles: its gauge, and the names in its log. */
async function told(account: GovernedAccount) {
  account.decisions.length = 0;
  await sweep(account.ports);
  const told = account.decisions.find(({ decision }) => decision === 'report missing profiles')?.facts;
  return { gauge: account.measured.get('DeclaredProfilesMissing'), because: told?.['because'] };
}

describe('declared profiles that are not there', () => {
  it('are told of by the sweep, by name, until somebody makes them', async () => {
    const account = new GovernedAccount(declaring);
    account.profile('a', ACME);
    const globex = ['globex-amazon-nova-lite-v1-0 (amazon.nova-lite-v1:0 in us-east-1)'];
    expect(await told(account)).toEqual({ gauge: 1, because: globex });
    expect(await told(account)).toEqual({ gauge: 1, because: globex });
    const made = account.profile('b', { ...ACME, tenant: 'globex' });
    expect(await told(account)).toEqual({ gauge: 0, because: undefined });
    account.stored.delete(made);
    expect(await told(account)).toEqual({ gauge: 1, because: globex });
  });

  it('are not made by the sweep', async () => {
    const account = new GovernedAccount(declaring);
    await sweep(account.ports);
    expect(account.stored.size).toBe(0);
  });

  it('are there although nobody has tagged them as the bulk reads show yet', async () => {
    const account = new GovernedAccount(declaring);
    for (const tenant of ['acme', 'globex'])
      account.lagging.set(account.profile(tenant, { ...ACME, tenant }), undefined);
    expect(await told(account)).toEqual({ gauge: 0, because: undefined });
  });

  it('are not called missing where the list of their Region broke off, or tags could not be read', async () => {
    const account = new GovernedAccount(declaring);
    account.profile('a', ACME);
    account.unlistable.add('us-east-1');
    expect(await told(account)).toEqual({ gauge: 0, because: undefined });
    account.unlistable.clear();
    const unread = account.profile('b', { ...ACME, tenant: 'globex' });
    account.unreadable.add(unread);
    account.lagging.set(unread, undefined);
    expect(await told(account)).toEqual({ gauge: 0, because: undefined });
  });

  it('are none where none are declared', async () => {
    expect(await told(new GovernedAccount())).toEqual({ gauge: 0, because: undefined });
  });
});
