import { describe, expect, it } from 'vitest';
import { readPolicy } from '../../../domain/policy/policy.ts';
import { governProfile } from '../../../domain/profiles/govern-profile.ts';
import { mismatchesOf } from '../../../domain/profiles/mismatch.ts';
import { UNKNOWN_MODEL } from '../../../domain/profiles/profiles.ts';
import { expectToSurviveEveryCrash } from '../crashes.ts';
import { policyDocument, policyOf } from '../example-policy.ts';
import { GovernedAccount, profileArn } from '../governed-account.ts';

const ruled = (profiles: Record<string, unknown>) => policyOf(policyDocument({ profiles }));
const whats = (profiles: Record<string, unknown>, name: string, baseModelId: string) =>
  mismatchesOf(ruled(profiles), { name, baseModelId }).map(({ what }) => what);

describe('a rule for profiles', () => {
  it.each<[Record<string, unknown>, string, string, string[]]>([
    [{}, 'x', 'amazon.nova-lite-v1:0', []],
    [{ models: ['amazon.nova-lite-v1:0'] }, 'x', 'amazon.nova-lite-v1:0', []],
    [{ models: ['amazon.nova-lite-v1'] }, 'x', 'amazon.nova-lite-v1:0', ['model']],
    [{ models: ['anthropic.*', 'amazon.nova-*'] }, 'x', 'amazon.nova-lite-v1:0', []],
    [{ models: ['anthropic.*'] }, 'x', 'amazon.nova-lite-v1:0', ['model']],
    // What AWS does not tell breaks no rule: such a profile might be deleted.
    [{ models: ['anthropic.*'], names: '^[a-z]+$' }, '', UNKNOWN_MODEL, []],
    [{ names: '^[a-z]+$' }, 'chat', 'amazon.nova-lite-v1:0', []],
    [{ models: ['anthropic.*'], names: '^[a-z]+$' }, 'Chat', 'amazon.nova-lite-v1:0', ['model', 'name']],
  ])('%j finds of %s with %s what is not allowed', (rules, name, model, expected) => {
    expect(whats(rules, name, model)).toEqual(expected);
  });

  it.each<[Record<string, unknown>, string, RegExp]>([
    [{ models: [] }, 'profiles.models', /^expected at least one base model id$/],
    [{ models: 'anthropic.*' }, 'profiles.models', /^expected a list of base model ids$/],
    [{ models: ['*'] }, 'profiles.models[0]', /^expected a base model id such as /],
    [{ models: ['anthropic.*-v1'] }, 'profiles.models[0]', /^expected a base model id such as /],
    [{ models: ['us.anthropic.*'] }, 'profiles.models[0]', /without the prefix of a geography$/],
    [{ names: '(' }, 'profiles.names', /^expected a regular expression: /],
    [
      { onMismatch: 'delete' },
      'profiles',
      /^unknown key "onMismatch"; the profile rules has models, names, mismatched, allowDelete, deleteAfterUnusedDays$/,
    ],
  ])('%j is refused with its place', (profiles, place, message) => {
    const reading = readPolicy(policyDocument({ profiles }));
    const problems =
      reading.kind === 'valid' ? [] : reading.problems.map((problem) => [problem.place, problem.message]);
    expect(problems).toEqual([[place, expect.stringMatching(message)]]);
  });
});

describe('a profile that the rules do not allow', () => {
  const build = async () => {
    const account = new GovernedAccount(ruled({ models: ['anthropic.*'], names: '^chat' }));
    account.profile('a', { tenant: 'acme', environment: 'prod', team: 'sales' });
    return account;
  };

  it('is told of once for each rule, and governed as any other', async () => {
    const account = await build();
    await governProfile(account.ports, profileArn('a'));
    account.wait(86_400_000);
    await governProfile(account.ports, profileArn('a'));
    expect(account.noticesOf('profile-mismatched')).toEqual([
      `mismatched|${profileArn('a')}|model|2026-11-23`,
      `mismatched|${profileArn('a')}|name|2026-11-23`,
    ]);
    expect(account.notices.all.map(({ text }) => text).join()).toContain(
      'is "amazon.nova-lite-v1:0" (expected one of anthropic.*)',
    );
    expect(account.entryOf(profileArn('a'))).toMatchObject({ standing: { state: 'open' } });
  });

  it('is told of again where it was allowed in between: it may be deleted that many days later', async () => {
    const account = await build();
    const ruling = account.policy;
    await governProfile(account.ports, profileArn('a'));
    account.policy = ruled({});
    await governProfile(account.ports, profileArn('a'));
    account.policy = ruling;
    account.wait(30 * 86_400_000);
    await governProfile(account.ports, profileArn('a'));
    expect(account.noticesOf('profile-mismatched')).toHaveLength(4);
  });

  it('comes to the same end whichever port call fails on the way', async () => {
    await expectToSurviveEveryCrash(build, (account) => governProfile(account.ports, profileArn('a')));
  });
});
