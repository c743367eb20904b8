import { describe, expect, it } from 'vitest';
import type { JournalFacts, MetricName } from '../../../domain/journal.ts';
import { assessResources, type TaggedResource } from '../../../domain/resources/assess-resources.ts';
import { parseResourceArn } from '../../../domain/resources/resource-arn.ts';
import type { Tags } from '../../../domain/tags.ts';
import { policyOf } from '../example-policy.ts';

const GOOD: Tags = { tenant: 'acme', environment: 'prod', team: 'claims' };

function resource(id: string, tags: Tags, region = 'us-east-1'): TaggedResource {
  const parsed = parseResourceArn(`arn:aws:bedrock:${region}:123456789012:${id}`);
  if (parsed === undefined) throw new Error(`${id} is no resource`);
  return { ...parsed, tags };
}

async function assessed(resources: readonly TaggedResource[], unreadable: readonly string[] = []) {
  const decisions: { decision: string; facts: JournalFacts }[] = [];
  const counted: MetricName[] = [];
  const report = await assessResources({
    policy: policyOf(),
    journal: {
      decided: (decision, facts) => decisions.push({ decision, facts }),
      counted: (metric) => counted.push(metric),
    },
    resources: {
      async *list(region) {
        for (const found of resources) if (found.arn.includes(`:${region}:`)) yield found;
        if (unreadable.includes(region)) throw new Error('broken off');
      },
    },
  });
  return { report, decisions, counted };
}

describe('Bedrock resources that are no profiles', () => {
  it('are assessed as profiles are, and told with what is wrong', async () => {
    const mendable = resource('agent/B', { tenant: 'acme', team: 'claims' });
    const wrong = resource('provisioned-model/c', { ...GOOD, environment: 'test' }, 'eu-central-1');
    const bare = resource('prompt/D', {});
    const { report, decisions, counted } = await assessed([resource('flow/A/alias/B', GOOD), mendable, wrong, bare]);
    expect(report).toEqual({
      resources: 4,
      compliant: 1,
      failed: [],
      violating: [
        { arn: mendable.arn, type: 'agent', because: ['a profile would be mended (environment: added dev)'] },
        {
          arn: bare.arn,
          type: 'prompt',
          because: [
            'tag "tenant" is missing (expected a value that matches ^[a-z][a-z0-9-]*$)',
            'tag "team" is missing (expected any value but an empty one)',
          ],
        },
        {
          arn: wrong.arn,
          type: 'provisioned-model',
          because: ['tag "environment" is "test" (expected one of prod, staging, dev)'],
        },
      ],
    });
    expect(decisions).toMatchObject([{ decision: 'report resources', facts: { resources: 4, violating: 3 } }]);
    expect(counted).toEqual(['ResourceViolating', 'ResourceViolating', 'ResourceViolating']);
  });

  it('are not told where all comply', async () => {
    const { decisions, counted } = await assessed([resource('agent/A', GOOD)]);
    expect({ decisions, counted }).toEqual({ decisions: [], counted: [] });
  });

  it('of a Region that cannot be read are told as unread, and those of others are assessed', async () => {
    const { report, counted } = await assessed([resource('agent/A', {}, 'eu-central-1')], ['us-east-1']);
    expect(report).toMatchObject({ resources: 1, compliant: 0, failed: ['us-east-1'] });
    expect(counted).toEqual(['ResourceReadFailed', 'ResourceViolating']);
  });

  it('are told in one line, however many', async () => {
    const many = Array.from({ length: 250 }, (_, number) => resource(`agent/A${number}`, {}));
    const { report, decisions } = await assessed(many);
    expect(report.violating).toHaveLength(250);
    expect(decisions).toMatchObject([{ facts: { violating: 250, because: { length: 100 } } }]);
  });
});

describe('the ARN of such a resource', () => {
  it.each([
    ['arn:aws:bedrock:us-east-1:123456789012:agent/ABCDEF', 'agent'],
    ['arn:aws:bedrock:us-east-1:123456789012:agent-alias/ABCDEF/GHIJKL', 'agent-alias'],
    ['arn:aws-us-gov:bedrock:us-gov-west-1:123456789012:provisioned-model/abc123', 'provisioned-model'],
    ['arn:aws:bedrock:us-east-1:123456789012:prompt/ABCDEF:1', 'prompt'],
    ['arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc', undefined],
    ['arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0', undefined],
    ['arn:aws:s3:::a-bucket', undefined],
    ['', undefined],
  ])('%s is of type %s', (arn, type) => {
    expect(parseResourceArn(arn)?.type).toBe(type);
  });
});
