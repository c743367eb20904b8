import { readFile } from 'node:fs/promises';
import { AttachRolePolicyCommand, CreatePolicyCommand, IAMClient } from '@aws-sdk/client-iam';
import { SubscribeCommand } from '@aws-sdk/client-sns';
import { CreateQueueCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod';
import { policyTable } from '../../aws/dynamodb/policy-table.ts';
import { guardPolicies } from '../../infra/guard/guard-policies.ts';
import { AwsFault } from '../../local/service.ts';
import { clientConfig } from '../aws/client-config.ts';
import { DeployedGovernor, NOVA_PRO, PREFIX } from '../end-to-end/deployed-governor.ts';
import { governor } from './command.ts';
import { ALPINE_RE } from './insurer.ts';

const Document = z.strictObject({
  type: z.literal('doctor'),
  at: z.iso.datetime(),
  account: z.literal('123456789012'),
  stage: z.literal('dev'),
  findings: z.array(
    z.strictObject({
      check: z.string(),
      state: z.enum(['ok', 'warning', 'failed', 'unknown']),
      what: z.string(),
      fix: z.string().optional(),
    }),
  ),
  ok: z.int(),
  warning: z.int(),
  failed: z.int(),
  unknown: z.int(),
});

describe('governor doctor', () => {
  let stack: DeployedGovernor;
  const run = (...args: string[]) =>
    governor({ ...stack.aws.environment(), GOVERNOR_TABLE: stack.table }, 'doctor', ...args).ended;
  const examined = async () => {
    const { code, stdout, stderr } = await run('--json');
    expect(stderr).toBe('');
    const document = Document.parse(JSON.parse(stdout));
    expect(code).toBe(document.failed + document.unknown > 0 ? 1 : 0);
    return document.findings;
  };

  beforeAll(async () => {
    // Now: the clock is one of the things that it looks at.
    stack = await DeployedGovernor.start(new Date().toISOString());
    await stack.createProfile('alpine-triage', stack.foundationModel(NOVA_PRO), ALPINE_RE);
    await stack.aws.settled();
    await stack.sweep();
    await stack.stopSweeping();
  });
  afterAll(() => stack.close());

  it('tells what it found by the real names, and how to mend it', async () => {
    const findings = await examined();
    const states = Object.fromEntries(findings.map(({ check, state }) => [check, state]));
    expect(states).toMatchObject({
      stack: 'ok',
      policy: 'ok',
      regions: 'ok',
      trail: 'ok',
      subscriptions: 'ok',
      'dead-letters': 'ok',
      'cost-allocation-tags': 'warning',
      'aws-budgets': 'ok',
      'index-age': 'ok',
      clock: 'ok',
      'guard-policies': 'warning',
      'role-tag-keys': 'ok',
    });
    const text = await run();
    expect(text.stdout).toContain(`stage dev is deployed in us-east-1 of account 123456789012, table ${PREFIX}`);
    expect(text.stdout).toMatch(/warning {2}guard policies: no attached policy .*\n {9}→ governor guard/);
    expect(text.stdout).toMatch(/\n\d+ ok, \d+ warnings, \d+ failed, \d+ could not be looked at\n$/);
  });

  it('sees what has changed: a guard attached, a mail not confirmed, a dead letter, a trail stopped, a denial', async () => {
    const iam = new IAMClient(clientConfig(stack.aws));
    const policy = await policyTable(stack.dynamodb, stack.table).current();
    const rendered = guardPolicies({ accountId: '123456789012', policy, taggingRoles: [] });
    const identity =
      rendered.kind === 'rendered'
        ? rendered.policies.find(({ name }) => name === 'tenant-identity-policy.json')
        : undefined;
    const { Policy } = await iam.send(
      new CreatePolicyCommand({ PolicyName: 'governor-tenant', PolicyDocument: JSON.stringify(identity?.document) }),
    );
    expect((await examined()).find(({ check }) => check === 'guard-policies')?.state).toBe('warning');
    await iam.send(new AttachRolePolicyCommand({ RoleName: 'acme-app', PolicyArn: Policy?.Arn }));
    await stack.sns.send(
      new SubscribeCommand({ TopicArn: stack.alertTopicArn, Protocol: 'email', Endpoint: 'finops@example.com' }),
    );
    const sqs = new SQSClient(clientConfig(stack.aws));
    const QueueUrl = `${stack.aws.endpoint}/123456789012/${PREFIX}-failed-invocations`;
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: '{}' }));
    // Of another stage, whose name begins as this one's.
    const other = await sqs.send(new CreateQueueCommand({ QueueName: `${PREFIX}-2-failed-invocations` }));
    await sqs.send(new SendMessageCommand({ QueueUrl: other.QueueUrl, MessageBody: '{}' }));
    const stops = [
      stack.aws.intercept(({ operation }) =>
        operation === 'GetTrailStatus' ? { answer: { IsLogging: false } } : undefined,
      ),
      stack.aws.intercept(({ service }) =>
        service === 'budgets' ? new AwsFault('AccessDeniedException', 'not you') : undefined,
      ),
    ];
    // A policy that mends a tag which the stack was not packaged for.
    const example = parse(await readFile('examples/insurer/governance.yaml', 'utf8')) as { tags: { required: object } };
    const required = { ...example.tags.required, team: { default: 'nobody' } };
    await policyTable(stack.dynamodb, stack.table).apply({ ...example, tags: { ...example.tags, required } });
    const findings = await examined();
    await policyTable(stack.dynamodb, stack.table).apply(example);
    for (const stop of stops) stop();
    const of = (name: string) => findings.filter(({ check, state }) => check === name && state !== 'ok');
    expect(findings).toContainEqual({
      check: 'guard-policies',
      state: 'ok',
      what: expect.stringContaining('governor-tenant is attached'),
    });
    expect(of('subscriptions')).toEqual([
      expect.objectContaining({ state: 'failed', what: expect.stringContaining('email finops@example.com') }),
    ]);
    expect(of('dead-letters')).toEqual([
      expect.objectContaining({
        state: 'failed',
        what: `1 message in ${PREFIX}-failed-invocations: work that got lost`,
      }),
    ]);
    expect(of('role-tag-keys')).toContainEqual(
      expect.objectContaining({ state: 'failed', what: expect.stringMatching(/-sweep may not write the tags team:/) }),
    );
    expect(of('trail')).toEqual([
      expect.objectContaining({ state: 'failed', fix: expect.stringContaining('start-logging') }),
    ]);
    expect(of('aws-budgets')).toEqual([
      expect.objectContaining({ state: 'unknown', what: expect.stringContaining('not you') }),
    ]);
  });

  it('says that nothing is deployed under another stage, and exits with 1', async () => {
    const { code, stdout } = await governor(stack.aws.environment(), 'doctor', '--stage', 'prod').ended;
    expect(code).toBe(1);
    expect(stdout).toMatch(/failed {3}stack: no function of the stage prod is deployed/);
    expect(stdout).toMatch(/unknown {2}policy: /);
  });

  it('needs the stage where the table does not tell it', async () => {
    const ending = await governor(stack.aws.environment(), 'doctor', '--table', 'mine').ended;
    expect(ending).toMatchObject({ code: 2, stdout: '' });
    expect(ending.stderr).toMatch(/^expected --stage <stage>/);
  });
});
