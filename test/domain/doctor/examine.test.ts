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
  prefix: 'bedrock-cost-governor-prod',
  region: 'eu-west-1',
  regions: ['eu-west-1', 'us-west-2'],
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
const REGIONS = ['eu-west-1', 'us-west-2'];
const POLICY = policyOf(policyDocument({ timeZone: 'UTC', regions: REGIONS }));
const denied = (doing: string) =>
  new Fault('AccessDeniedException', {
    doing,
    problem: 'AccessDeniedException: no',
    next: 'Check the role.',
    cause: new Error('no'),
  });

const FORWARDS = 'bedrock-cost-governor-prod-undelivered-forwards';
const QUEUES: Readonly<Record<string, string>> = { 'us-west-2': FORWARDS, 'us-east-1': FORWARDS };

/** An account in which everything is as it should be. */
const HEALTHY: ExaminedAccount = {
  stage: 'prod',
  clock: { now: () => NOW },
  machine: { now: () => NOW },
  policy: async () => POLICY,
  tableState: async () => 'open',
  deployment: async () => DEPLOYMENT,
  trails: async () => [{ name: 'org', isLogging: true, logsWrites: true }],
  subscriptions: async () => [{ protocol: 'email', endpoint: 'finops@example.com', isConfirmed: true }],
  keyOf: async () => undefined,
  deadLetters: async (region) => [{ queue: QUEUES[region] ?? 'failed-invocations', messages: 0 }],
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
      'table',
      'regions',
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
    [
      'a restored table',
      { tableState: async () => 'restored' },
      'table',
      'failed',
      /restored from a backup/,
      /governor recover/,
    ],
    [
      'a table that tells no id',
      { tableState: async () => 'untold' },
      'table',
      'warning',
      /no id of the table/,
      /stands in for DynamoDB/,
    ],
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
      {
        deadLetters: async (region) =>
          region === 'eu-west-1' ? [{ queue: 'failed-invocations', messages: 3 }] : HEALTHY.deadLetters(region),
      },
      'dead-letters',
      'failed',
      /3 messages in failed-invocations/,
      /log of the function/,
    ],
    [
      'dead letters of another Region',
      {
        deadLetters: async (region) => [
          { queue: QUEUES[region] ?? 'failed-invocations', messages: region === 'us-west-2' ? 2 : 0 },
        ],
      },
      'dead-letters',
      'failed',
      /^2 messages in bedrock-cost-governor-prod-undelivered-forwards of us-west-2/,
      /governor redrive/,
    ],
    [
      'a Region of the policy for which the stack was not packaged',
      { policy: async () => policyOf(policyDocument({ timeZone: 'UTC', regions: ['eu-west-1', 'eu-north-1'] })) },
      'regions',
      'failed',
      /the policy governs eu-north-1, for which the stack was not packaged/,
      /npm run package -- --policy .*region-eu-north-1\.template\.json in eu-north-1/,
    ],
    [
      'the home Region, if the stack was packaged without it',
      {
        deployment: async () => ({ ...DEPLOYMENT, regions: ['us-west-2'] }),
        policy: async () => policyOf(policyDocument({ timeZone: 'UTC', regions: ['eu-west-1', 'us-west-2'] })),
      },
      'regions',
      'failed',
      /the policy governs eu-west-1, for which/,
      /deploy the stack again \(docs/,
    ],
    [
      'a Region whose stack is not deployed',
      { deadLetters: async (region) => (region === 'us-west-2' ? [] : HEALTHY.deadLetters(region)) },
      'regions',
      'failed',
      /the stack of us-west-2 is not deployed: its events do not reach eu-west-1/,
      /aws cloudformation deploy --region us-west-2 .*region-us-west-2\.template\.json/,
    ],
    [
      'a Region whose alarms nobody hears',
      {
        subscriptions: async (arn) =>
          arn === 'arn:aws:sns:us-west-2:123456789012:bedrock-cost-governor-prod-forwarding-alarms'
            ? [{ protocol: 'email', endpoint: 'me@example.com', isConfirmed: false }]
            : HEALTHY.subscriptions(arn),
      },
      'regions',
      'failed',
      /nobody hears it when events of us-west-2 do not arrive/,
      /aws sns subscribe --region us-west-2/,
    ],
    [
      'a Region that cannot be looked at, and goes on with the others',
      {
        subscriptions: (arn) =>
          arn.includes(':us-west-2:')
            ? Promise.reject(denied('reading the subscriptions'))
            : HEALTHY.subscriptions(arn),
      },
      'regions',
      'unknown',
      /reading the subscriptions: AccessDeniedException/,
      /Check the role/,
    ],
    [
      'no trail in one of the Regions',
      { trails: async (region) => (region === 'us-west-2' ? [] : HEALTHY.trails(region)) },
      'trail',
      'failed',
      /no trail logs management events that write in us-west-2/,
      /create-trail/,
    ],
    [
      'a key of yours, whose policy it does not see',
      { keyOf: async (arn) => (arn === topic('notices') ? 'arn:aws:kms:eu-west-1:123456789012:key/k' : undefined) },
      'key',
      'warning',
      /encrypted with arn:aws:kms:eu-west-1:123456789012:key\/k; whether its policy admits/,
      /aws kms get-key-policy --key-id arn:aws:kms:eu-west-1:123456789012:key\/k/,
    ],
    [
      'a payer, whose account it does not see',
      { deployment: async () => ({ ...DEPLOYMENT, payerAccountId: '999999999999' }) },
      'payer',
      'warning',
      /come from account 999999999999, which pays/,
      /describe-stacks --region us-east-1 --stack-name bedrock-cost-governor-prod-payer/,
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
              regions: REGIONS,
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

  it('looks for a trail in each Region that is governed', async () => {
    const findings = await examine({
      ...HEALTHY,
      deployment: async () => ({ ...DEPLOYMENT, regions: ['eu-west-1', 'us-east-1'] }),
      trails: async (region) => (region === 'eu-west-1' ? HEALTHY.trails(region) : []),
    });
    expect(
      findings.filter(({ check }) => check === 'trail').map(({ state, what }) => [state, what.slice(0, 60)]),
    ).toEqual([
      ['ok', 'trail org logs management events in eu-west-1'],
      ['failed', 'no trail logs management events that write in us-east-1: eve'],
    ]);
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
