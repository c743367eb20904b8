import { ResourceGroupsTaggingAPIClient } from '@aws-sdk/client-resource-groups-tagging-api';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SSMClient } from '@aws-sdk/client-ssm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { indexDocument, pack, versionOf } from '../../aws/index-document.ts';
import { nanoUsd } from '../../domain/money.ts';
import type { CoveringBudget, IndexEntry } from '../../domain/profiles/profile-index.ts';
import { parameterIndex, secretIndex, taggingIndex } from '../../invoke/index.ts';
import type { IndexChoice } from '../../invoke/index-sources.ts';
import { answering } from '../aws/answering.ts';
import { clientConfig } from '../aws/client-config.ts';
import { CALL_COST, converse, GovernedAws, refusalOf } from './governed-aws.ts';

let world: GovernedAws;
let budget: CoveringBudget;
let profile: IndexEntry;
beforeEach(async () => {
  world = await GovernedAws.start();
  budget = await world.budget('tenant-monthly/acme', 1_000_000);
  profile = await world.profile({ budgets: [budget] });
});
afterEach(() => world.close());

const packed = () => pack(indexDocument({ entries: [profile], withheld: [], writtenAt: world.now }));

const sources: readonly (readonly [string, () => IndexChoice])[] = [
  [
    'the tagging API',
    () => taggingIndex({ clientFor: (region) => new ResourceGroupsTaggingAPIClient(clientConfig(world.aws, region)) }),
  ],
  [
    'Parameter Store',
    () =>
      parameterIndex({
        name: '/index',
        client: new SSMClient(
          answering(() => {
            const data = packed();
            const Value = JSON.stringify({ schema: 1, version: versionOf(data), parts: 1, data });
            return { Parameters: [{ Name: '/index/0', Value }] };
          }),
        ),
      }),
  ],
  [
    'Secrets Manager',
    () =>
      secretIndex({
        secretId: 'index',
        client: new SecretsManagerClient(answering(() => ({ SecretString: packed() }))),
      }),
  ],
];

describe.each(sources)('a governor whose index is in %s', (_, index) => {
  it('sends a call to the profile of its tags, and counts it in the budgets that the governor decided on', async () => {
    const { client, governor } = world.process({ index: index() });
    await client.send(converse());
    expect(world.reached.map(({ modelId }) => modelId)).toEqual([profile.arn]);
    await governor.flush();
    expect(await world.item(budget)).toMatchObject({ settled: BigInt(CALL_COST) });
    expect(world.requests.indexReads).toBe(0);
  });

  it('lets a caller reach no profile of other tags, and no budget beyond its limit', async () => {
    const { governor } = world.process({ index: index() });
    await world.changeTerms(budget, { limit: nanoUsd(0n), stopAt: nanoUsd(0n) });
    expect(await refusalOf(world.runtime(governor).send(converse()))).toMatchObject({ code: 'BudgetExhausted' });
    const bound = world.process({ index: index(), tags: { tenant: 'umbrella' } });
    const { code } = await refusalOf(bound.client.send(converse({ modelId: profile.arn })));
    expect(['TenantMismatch', 'ProfileNotFound']).toContain(code);
    expect(world.reached).toEqual([]);
  });
});

it('a governor without a Region cannot ask the tagging API, and says so when it is made', () => {
  const context = { table: 't', dynamodb: world.dynamodb, region: undefined, tags: {} };
  expect(() => taggingIndex()(context)).toThrow(/taggingIndex: expected `regions`/);
});

it('a caller who changes the tags object later changes nobody’s tags [F19]', async () => {
  const other = await world.profile({ tags: { tenant: 'umbrella', app: 'chat' } });
  const tags: Record<string, string> = { tenant: 'acme' };
  const { client } = world.process({ tags });
  await client.send(converse());
  tags['tenant'] = 'umbrella';
  await client.send(converse());
  expect(world.reached.map(({ modelId }) => modelId)).toEqual([profile.arn, profile.arn]);
  expect(world.reached.map(({ modelId }) => modelId)).not.toContain(other.arn);
});
