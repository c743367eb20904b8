import { BedrockClient, TagResourceCommand, UntagResourceCommand } from '@aws-sdk/client-bedrock';
import { DeleteItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { ResourceGroupsTaggingAPIClient } from '@aws-sdk/client-resource-groups-tagging-api';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tableEntries } from '../../aws/dynamodb/table-source.ts';
import { GET_RESOURCES_PACE, Pace } from '../../aws/pace.ts';
import { bulkTags, taggingSource } from '../../aws/tagging-profiles.ts';
import { epochMs } from '../../domain/clock.ts';
import { serialiseIndexEntry } from '../../domain/profiles/index-entry-document.ts';
import type { IndexEntry } from '../../domain/profiles/profile-index.ts';
import type { Tags } from '../../domain/tags.ts';
import { AwsFault } from '../../local/service.ts';
import { GovernedAws } from '../invoke/governed-aws.ts';
import { clientConfig } from './client-config.ts';
import { TABLE } from './dynamodb/governor-table.ts';

let world: GovernedAws;
beforeEach(async () => {
  world = await GovernedAws.start();
});
afterEach(() => world.close());

const source = (tags: Tags = {}, regions: readonly string[] = ['us-east-1']) =>
  taggingSource({
    clientFor: (region) => new ResourceGroupsTaggingAPIClient({ ...clientConfig(world.aws, region), maxAttempts: 1 }),
    regions,
    tags,
    known: tableEntries(world.dynamodb, TABLE),
  });
const byArn = (entries: readonly IndexEntry[]) => [...entries].sort((a, b) => a.arn.localeCompare(b.arn));
const bedrock = () => new BedrockClient(clientConfig(world.aws));
const retag = (entry: IndexEntry, tags: Tags) =>
  bedrock().send(
    new TagResourceCommand({
      resourceARN: entry.arn,
      tags: Object.entries(tags).map(([key, value]) => ({ key, value })),
    }),
  );

describe('the index from the tagging API', () => {
  it('has the governor’s entries of the profiles that carry the tags, of all Regions', async () => {
    const budget = await world.budget('tenant-monthly/acme', 1_000);
    const here = await world.profile({ budgets: [budget] });
    const there = await world.profile({ region: 'ap-northeast-1' });
    await world.profile({ tags: { tenant: 'umbrella', app: 'chat' } });
    const { entries, withheld } = await source({ tenant: 'acme' }, ['us-east-1', 'ap-northeast-1']).read();
    expect(byArn(entries)).toEqual(byArn([here, there]));
    expect(withheld).toEqual([]);
  });

  it('is complete beyond one page, and beyond what one request for entries takes', async () => {
    const made: IndexEntry[] = [];
    for (let i = 0; i < 110; i++) made.push(await world.profile({ tags: { tenant: 'acme', app: `app-${i}` } }));
    const requests: string[] = [];
    world.intercept(({ operation }) => {
      if (operation === 'GetResources' || operation === 'BatchGetItem') requests.push(operation);
      return undefined;
    });
    expect(byArn((await source({ tenant: 'acme' }).read()).entries)).toEqual(byArn(made));
    expect(requests).toEqual([...Array(2).fill('GetResources'), ...Array(2).fill('BatchGetItem')]);
  });

  it('begins anew where a token expires between two pages, and gives up where that goes on', async () => {
    for (let i = 0; i < 101; i++) await world.profile({ tags: { tenant: 'acme', app: `app-${i}` } });
    let expired = 0;
    let times = 2;
    world.intercept(({ operation }, input) =>
      operation === 'GetResources' && input['PaginationToken'] !== undefined && expired++ < times
        ? new AwsFault('PaginationTokenExpiredException', 'Begin anew.')
        : undefined,
    );
    expect((await source().read()).entries).toHaveLength(101);
    times = Number.POSITIVE_INFINITY;
    await expect(source().read()).rejects.toMatchObject({ name: 'Fault', code: 'PaginationTokenExpiredException' });
  });

  it('withholds a profile whose tags the governor has not seen, and serves it when it has', async () => {
    const entry = await world.profile();
    await retag(entry, { tenant: 'umbrella' });
    const tags = { tenant: 'umbrella', app: 'chat' };
    expect(await source().read()).toEqual({ entries: [], withheld: [{ arn: entry.arn, why: 'unsettled', tags }] });
    // Who asks for the old tags does not even see it.
    expect(await source({ tenant: 'acme' }).read()).toEqual({ entries: [], withheld: [] });
    await world.index.put({ ...entry, tags });
    expect(await source().read()).toEqual({ entries: [{ ...entry, tags }], withheld: [] });
  });

  it('withholds a profile that lost a tag', async () => {
    const entry = await world.profile();
    await bedrock().send(new UntagResourceCommand({ resourceARN: entry.arn, tagKeys: ['app'] }));
    expect((await source().read()).withheld).toEqual([{ arn: entry.arn, why: 'unsettled', tags: { tenant: 'acme' } }]);
  });

  it('does not take the governor’s own tags for a change', async () => {
    const entry = await world.profile();
    await retag(entry, { 'governor:standing': 'closed' });
    expect((await source().read()).entries).toEqual([entry]);
  });

  it('withholds a profile that the governor does not know, or whose entry it cannot read: unknown is not ungoverned', async () => {
    const unknown = await world.profile();
    const odd = await world.profile({ tags: { tenant: 'acme', app: 'odd' } });
    const put = (arn: string, entry: string) =>
      world.dynamodb.send(
        new PutItemCommand({ TableName: TABLE, Item: { pk: { S: 'INDEX' }, sk: { S: arn }, entry: { S: entry } } }),
      );
    await put(odd.arn, '{"schema":2}');
    await world.dynamodb.send(
      new DeleteItemCommand({ TableName: TABLE, Key: { pk: { S: 'INDEX' }, sk: { S: unknown.arn } } }),
    );
    const { entries, withheld } = await source().read();
    expect(entries).toEqual([]);
    expect(withheld).toEqual([
      { arn: unknown.arn, why: 'unsettled', tags: unknown.tags },
      { arn: odd.arn, why: 'unreadable', tags: odd.tags },
    ]);
  });

  it('gives no profile that has ended a second life', async () => {
    const entry = await world.profile({ entry: { endedAt: epochMs(1) } });
    expect((await source().read()).entries).toEqual([entry]);
  });

  it('asks again for entries that a busy table left over', async () => {
    const one = await world.profile({ tags: { a: '1' } });
    const other = await world.profile({ tags: { a: '2' } });
    let requests = 0;
    world.dynamodb.middlewareStack.add(
      (next, context) => async (args) => {
        const result = await next(args);
        if (context.commandName !== 'BatchGetItemCommand' || requests++ > 0) return result;
        const left = { [TABLE]: { Keys: [{ pk: { S: 'INDEX' }, sk: { S: other.arn } }] } };
        const first = { [TABLE]: [{ sk: { S: one.arn }, entry: { S: serialiseIndexEntry(one) } }] };
        Object.assign(result.output, { Responses: first, UnprocessedKeys: left });
        return result;
      },
      { step: 'initialize' },
    );
    expect(byArn((await source().read()).entries)).toEqual(byArn([one, other]));
    expect(requests).toBe(2);
  });

  it.each(['GetResources', 'BatchGetItem'])('is not taken for empty where %s fails', async (failing) => {
    await world.profile();
    world.intercept(({ operation }) =>
      operation === failing ? new AwsFault('AccessDeniedException', 'No.') : undefined,
    );
    await expect(source().read()).rejects.toMatchObject({ name: 'Fault', code: 'AccessDeniedException' });
  });
});

describe('tags in bulk', () => {
  it('are those of all profiles of a Region that were ever tagged, beyond one page', async () => {
    const tagsOf = new Map<string, Tags>();
    for (let i = 0; i < 110; i++) {
      const { arn, tags } = await world.profile({ tags: { tenant: 'acme', app: `app-${i}` } });
      tagsOf.set(arn, tags);
    }
    await world.profile({ region: 'ap-northeast-1' });
    const clientFor = (region: string) => new ResourceGroupsTaggingAPIClient(clientConfig(world.aws, region));
    expect(await bulkTags({ clientFor, pace: new Pace(GET_RESOURCES_PACE) }).read('us-east-1')).toEqual(tagsOf);
  });
});
