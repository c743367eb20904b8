import { readFile } from 'node:fs/promises';
import type { JsonObject } from '../../local/service.ts';

const FIXTURES = new URL('../../test/fixtures/events/', import.meta.url);
const fixture = async (name: string): Promise<JsonObject> =>
  JSON.parse(await readFile(new URL(`${name}.json`, FIXTURES), 'utf8')) as JsonObject;

/** An event for each function such as AWS sends it; the schedules' events for those not named. */
export async function eventFor(name: string): Promise<JsonObject> {
  switch (name) {
    case 'profile-changed':
      return await fixture('cloudtrail-TagResource');
    case 'budget-alert':
      return await fixture('sns-budget-ACTUAL-monthly');
    case 'cost-anomaly':
      return await fixture('aws.ce-AnomalyDetected-tag-monitor');
    case 'metric-alarm':
      return await fixture('aws.cloudwatch-AlarmStateChange');
    case 'budget-hint':
      return {
        version: '0',
        id: '7c2e3b1a-0000-4000-8000-000000000001',
        'detail-type': 'BudgetThresholdHint',
        source: 'governor.helper',
        account: '123456789012',
        time: '2026-11-20T09:15:30Z',
        region: 'us-east-1',
        resources: [],
        detail: { version: 1, budget: 'tenant-monthly/acme', period: '2026-11', percent: 80 },
      };
    case 'lease':
      return { protocol: 1, do: 'read', budget: 'tenant-monthly/acme', period: '2026-11', process: 'AAAAAAAAAAAAAAAA' };
    case 'resolve-profile':
      return { modelId: 'amazon.nova-lite-v1:0', tags: { tenant: 'acme' } };
    default:
      return {
        version: '0',
        id: '7c2e3b1a-0000-4000-8000-000000000002',
        'detail-type': 'Scheduled Event',
        source: 'aws.events',
        account: '123456789012',
        time: '2026-11-20T09:15:00Z',
        region: 'us-east-1',
        resources: ['arn:aws:events:us-east-1:123456789012:rule/bedrock-cost-governor-dev-sweep-schedule'],
        detail: {},
      };
  }
}

export const contextFor = (name: string): JsonObject => ({
  functionName: `bedrock-cost-governor-dev-${name}`,
  functionVersion: '$LATEST',
  // An alias where the function knows its callers by it.
  invokedFunctionArn: `arn:aws:lambda:us-east-1:123456789012:function:bedrock-cost-governor-dev-${name}${name === 'lease' ? ':tenant-acme' : ''}`,
  memoryLimitInMB: '512',
  awsRequestId: '7c2e3b1a-0000-4000-8000-000000000003',
  logGroupName: `/aws/lambda/bedrock-cost-governor-dev-${name}`,
  logStreamName: '2026/11/20/[$LATEST]00000000000000000000000000000000',
});
