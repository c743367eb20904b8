import { describe, expect, it } from 'vitest';
import { epochMs } from '../../../domain/clock.ts';
import type { Deployment, ExaminedAccount } from '../../../domain/doctor/account.ts';
import { examine } from '../../../domain/doctor/examine.ts';
import { writableKeys } from '../../../domain/doctor/permissions-hold.ts';
import { Fault } from '../../../domain/fault.ts';
import { policyDocument, policyOf } from '../example-policy.ts';
import { indexEntry } from '../profiles/index-entry.ts';

const NOW = epochMs(Date.UTC(2026, 10, 25));
const topic = (name: string) => `arn:aws:sns:eu-west-1:123456789012:${name}`;
const DEPLOYMENT: Deployment = {
  region: 'eu-west-1',
  accountId: '123456789012',
  table: 'bedrock-cost-governor-prod',
  topics: {
    notices: topic('notices'),
    chat: topic('chat'),
    'budget alerts': topic('budget-alerts'),
    anomalies: topic('anomalies'),
  },
  mendingRoles: ['sweep-role'],
};
const GUARD = {
  Statement: [
    {
      Effect: 'Deny',
      Action: ['bedrock:InvokeModel'],
      Condition: { StringEquals: { 'aws:ResourceTag/governor:standing': ['closed'] } },
    },
  ],
};
const MEND = { Effect: 'Allow', Action: ['bedrock:TagResource'] };
const POLICY = policyOf(policyDocument({ timeZone: 'UTC' }));
const denied = (doing: string) =>
  new Fault('AccessDeniedException', {
    doing,
    problem: 'AccessDeniedException: no',
    next: 'Check the role.',
    cause: new Error('no'),
  });

/** An account in which everything is as it should be. */
const HEALTHY: ExaminedAccount = {
  stage: 'prod',
  clock: { now: () => NOW },
  machine: { now: () => NOW },
  policy: async () => POLICY,
  deployment: async () => DEPLOYMENT,
  trails: async () => [{ name: 'org', isLogging: true, logsWrites: true }],
  subscriptions: async () => [{ protocol: 'email', endpoint: 'finops@example.com', isConfirmed: true }],
  deadLetters: async () => [{ queue: 'failed-invocations', messages: 0 }],
  costTags: { read: async (keys) => new Map(keys.map((key) => [key, 'active' as const])) },
  awsBudgets: () => ({ list: async () => new Map() }),
  index: { list: async () => [indexEntry('a1', { tenant: 'acme' }, { verifiedAt: NOW })] },
  attachedPolicies: async () => [{ name: 'guard', document: GUARD }],
  guardDocuments: () => [{ Statement: GUARD.Statement.map((each) => ({ ...each, Action: 'bedrock:InvokeModel' })) }],
  statementsOf: async () => [MEND],
};
const findingsOf = async (change: Partial<ExaminedAccount>) =>
  (await examine({ ...HEALTHY, ...change })).filter(({ state }) => state !== 'ok');

describe('the doctor', () => {
  it('finds nothing wrong in a healthy account, and looks at everything', async () => {
    const findings = await examine(HEALTHY);
    expect(findings.filter(({ state }) => state !== 'ok')).toEqual([]);
    expect([...new Set(findings.map(({ check }) => check))]).toEqual([
      'stack',
      'policy',
      'trail',
      'subscriptions',
      'dead-letters',
      'cost-allocation-tags',
      'aws-budgets',
      'index-age',
      'clock',
      'guard-policies',
      'role-tag-keys',
    ]);
  });

  it.each<[string, Partial<ExaminedAccount>, string, string, RegExp, RegExp]>([
    ['no stack', { deployment: async () => undefined }, 'stack', 'failed', /stage prod/, /--stage/],
    ['no trail', { trails: async () => [] }, 'trail', 'failed', /no trail logs management events/, /create-trail/],
    [
      'a trail of reads alone',
      { trails: async () => [{ name: 'reads', isLogging: true, logsWrites: false }] },
      'trail',
      'failed',
      /no trail/,
      /create-trail/,
    ],
    [
      'a stopped trail',
      { trails: async () => [{ name: 'org', isLogging: false, logsWrites: true }] },
      'trail',
      'failed',
      /trail org is stopped/,
      /start-logging --name org/,
    ],
    [
      'a subscription that waits',
      {
        subscriptions: async (arn) => [
          { protocol: 'email', endpoint: 'me@example.com', isConfirmed: arn !== topic('notices') },
        ],
      },
      'subscriptions',
      'failed',
      /email me@example\.com has not confirmed/,
      /Open the link/,
    ],
    [
      'nobody who hears notices',
      { subscriptions: async (arn) => (arn === topic('notices') ? [] : HEALTHY.subscriptions(arn)) },
      'subscriptions',
      'failed',
      /nobody is subscribed to .*:notices/,
      /aws sns subscribe --topic-arn arn:aws:sns:eu-west-1:123456789012:notices/,
    ],
    [
      'no function that hears alerts',
      { subscriptions: async (arn) => (arn === topic('budget-alerts') ? [] : HEALTHY.subscriptions(arn)) },
      'subscriptions',
      'failed',
      /no function is subscribed to .*budget-alerts/,
      /Deploy the stack again/,
    ],
    [
      'dead letters',
      { deadLetters: async () => [{ queue: 'failed-invocations', messages: 3 }] },
      'dead-letters',
      'failed',
      /3 messages in failed-invocations/,
      /log of the function/,
    ],
    [
      'a tag that is not active',
      {
        costTags: { read: async (keys) => new Map(keys.map((key) => [key, key === 'tenant' ? 'inactive' : 'active'])) },
      },
      'cost-allocation-tags',
      'failed',
      /not active: tenant/,
      /TagKey=tenant,Status=Active/,
    ],
    [
      'a tag that billing has not met',
      { costTags: { read: async () => new Map() } },
      'cost-allocation-tags',
      'warning',
      /has not met yet: .*tenant/,
      /a day after the first spend/,
    ],
    [
      'an account that does not pay',
      { costTags: { read: async () => ({ kind: 'refused', why: 'AccessDenied: linked account' }) } },
      'cost-allocation-tags',
      'warning',
      /linked account/,
      /in the account that pays/,
    ],
    [
      'an index that nobody verifies',
      { index: { list: async () => [indexEntry('a1', {}, { verifiedAt: epochMs(NOW - 26 * 3_600_000) })] } },
      'index-age',
      'failed',
      /1 entries were not verified for a day/,
      /sweep/,
    ],
    [
      'an entry of another version',
      {
        index: {
          list: async (onUnreadable) => {
            onUnreadable?.('arn:x');
            return [];
          },
        },
      },
      'index-age',
      'failed',
      /arn:x was written by another version/,
      /INDEX/,
    ],
    [
      'a clock that is off',
      { machine: { now: () => epochMs(NOW - 60_000) } },
      'clock',
      'warning',
      /60 s behind AWS/,
      /NTP/,
    ],
    [
      'a clock that is far off',
      { machine: { now: () => epochMs(NOW + 600_000) } },
      'clock',
      'failed',
      /600 s ahead/,
      /NTP/,
    ],
    [
      'no guard',
      { attachedPolicies: async () => [] },
      'guard-policies',
      'warning',
      /governor:standing/,
      /governor guard/,
    ],
    [
      'a guard of another policy',
      { guardDocuments: () => [] },
      'guard-policies',
      'warning',
      /policy guard is attached, and not as/,
      /governor guard/,
    ],
    [
      'a role that may not mend',
      {
        statementsOf: async () => [
          { ...MEND, Condition: { 'ForAllValues:StringEquals': { 'aws:TagKeys': ['governor:standing'] } } },
        ],
        policy: async () =>
          policyOf(
            policyDocument({
              tags: { required: { tenant: {}, team: { default: 'nobody' }, environment: { values: ['prod'] } } },
            }),
          ),
      },
      'role-tag-keys',
      'failed',
      /role sweep-role may not write the tags team/,
      /deploy it again/,
    ],
    [
      'no right to read',
      { trails: () => Promise.reject(denied('reading the trails')) },
      'trail',
      'unknown',
      /reading the trails: AccessDeniedException: no/,
      /Check the role/,
    ],
  ])('finds %s, and says what to do', async (_, change, check, state, what, fix) => {
    const findings = await findingsOf(change);
    expect(findings).toContainEqual({
      check,
      state,
      what: expect.stringMatching(what),
      fix: expect.stringMatching(fix),
    });
    expect(findings.filter((finding) => finding.check !== check && finding.check !== 'cost-allocation-tags')).toEqual(
      [],
    );
  });

  it('goes on where there is no policy, with what needs none', async () => {
    const findings = await examine({ ...HEALTHY, policy: () => Promise.reject(denied('reading the policy')) });
    expect(findings.find(({ check }) => check === 'policy')?.state).toBe('unknown');
    expect(findings.map(({ check }) => check)).toEqual(
      expect.arrayContaining(['trail', 'dead-letters', 'index-age', 'clock']),
    );
  });
});

describe('the tag keys that statements let write', () => {
  it.each<[string, object[], string, boolean]>([
    ['everything without a condition on keys', [MEND], 'team', true],
    ['nothing without a statement', [], 'team', false],
    ['nothing by a statement about something else', [{ ...MEND, Action: 'bedrock:UntagResource' }], 'team', false],
    [
      'what a pattern covers',
      [{ ...MEND, Condition: { StringLike: { 'aws:TagKeys': 'governor:*' } } }],
      'governor:standing',
      true,
    ],
    [
      'nothing that a pattern does not cover',
      [{ ...MEND, Condition: { StringLike: { 'aws:tagkeys': 'governor:*' } } }],
      'team',
      false,
    ],
    [
      'no key by the letters of a pattern',
      [{ ...MEND, Condition: { StringLike: { 'aws:TagKeys': 'a.c' } } }],
      'abc',
      false,
    ],
  ])('are %s', (_, statements, key, may) => {
    expect(writableKeys(statements)(key)).toBe(may);
  });
});
