import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CostExplorerClient,
  GetAnomalyMonitorsCommand,
  GetAnomalySubscriptionsCommand,
} from '@aws-sdk/client-cost-explorer';
import { EventBridgeClient, ListTargetsByRuleCommand } from '@aws-sdk/client-eventbridge';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readDeployment } from '../../infra/deployment.ts';
import { forwardedRules } from '../../infra/forwarding/forwarders.ts';
import { furtherStacks } from '../../infra/forwarding/further-stacks.ts';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';
import { policyDocument, policyOf } from '../domain/example-policy.ts';

const PAYER = '999999999999';
const GOVERNED = '123456789012';
const RULES = forwardedRules(readFileSync(new URL('../../infra/serverless.yml', import.meta.url), 'utf8'), {
  stage: 'dev',
});

const stacksOf = (changes: Record<string, unknown> = {}) =>
  furtherStacks(
    readDeployment(['--region', 'us-east-1', '--regions', 'us-east-1', '--payer-account', PAYER]).deployment(),
    RULES,
    policyOf(policyDocument(changes)),
  );

describe('the stack of the account that pays', () => {
  let aws: EmbeddedAws;
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'payer-stack-'));
    aws = await startEmbeddedAws({ startAt: Date.UTC(2026, 10, 20), accountId: PAYER });
  });
  afterEach(async () => {
    await aws.close();
    await rm(folder, { recursive: true });
  });
  const client = () => ({
    endpoint: aws.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'finops', secretAccessKey: 'not-verified' },
  });
  const deploy = async (parameters: Record<string, string>, region = 'us-east-1') => {
    const [stack, ...others] = stacksOf();
    expect(others).toEqual([]);
    const templatePath = join(folder, 'payer.template.json');
    await writeFile(templatePath, JSON.stringify(stack?.template));
    return await aws.deploy({ templatePath, artifactsDir: folder, parameters, region });
  };

  it('watches the tenant tag, is told at once, and forwards to the bus of the governed account', async () => {
    const { outputs } = await deploy({ GovernorAccountId: GOVERNED });
    const costs = new CostExplorerClient(client());
    const { AnomalyMonitors: [monitor, ...others] = [] } = await costs.send(new GetAnomalyMonitorsCommand({}));
    expect(others).toEqual([]);
    expect(monitor).toMatchObject({
      MonitorName: 'governor-dev-tenant',
      MonitorType: 'DIMENSIONAL',
      MonitorDimension: 'TAG',
      MonitorSpecification: { Tags: { Key: 'tenant' } },
    });
    const { AnomalySubscriptions } = await costs.send(new GetAnomalySubscriptionsCommand({}));
    const topic = `arn:aws:sns:us-east-1:${PAYER}:bedrock-cost-governor-dev-payer-anomalies`;
    expect(AnomalySubscriptions).toMatchObject([
      {
        MonitorArnList: [monitor?.MonitorArn],
        Frequency: 'IMMEDIATE',
        Subscribers: [{ Type: 'SNS', Address: topic }],
        ThresholdExpression: { Dimensions: { Key: 'ANOMALY_TOTAL_IMPACT_ABSOLUTE', Values: ['100.00'] } },
      },
    ]);
    const { Targets } = await new EventBridgeClient(client()).send(
      new ListTargetsByRuleCommand({ Rule: 'bedrock-cost-governor-dev-forward-cost-anomalies' }),
    );
    expect(Targets).toMatchObject([
      {
        Arn: `arn:aws:events:us-east-1:${GOVERNED}:event-bus/bedrock-cost-governor-dev`,
        RoleArn: `arn:aws:iam::${PAYER}:role/bedrock-cost-governor-dev-payer-forward`,
      },
    ]);
    expect(outputs['ActivateCostAllocationTags']).toMatch(/^aws ce update-cost-allocation-tags-status .*tenant/);
  });

  it('is made only in us-east-1, and only for an account', async () => {
    await expect(deploy({ GovernorAccountId: GOVERNED }, 'eu-west-1')).rejects.toThrow('packaged for us-east-1');
    await expect(deploy({ GovernorAccountId: 'mine' })).rejects.toThrow('GovernorAccountId must match');
    await expect(deploy({})).rejects.toThrow('GovernorAccountId has no value');
  });

  it('is not made where the policy watches for no anomalies, and activates no tags that it leaves', () => {
    expect(stacksOf({ anomalies: 'off' })).toEqual([]);
    const [stack] = stacksOf({ costAllocationTags: 'leave' });
    expect(Object.keys(stack?.template['Outputs'] ?? {})).toEqual([
      'UndeliveredForwardsQueueUrl',
      'ForwardingAlarmsTopicArn',
    ]);
  });
});
