import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type AttributeValue, type DynamoDBClient, PutItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ItemKind, SCHEMAS } from '../../../aws/dynamodb/item-schema.ts';
import { type EmbeddedAws, startEmbeddedAws } from '../../../local/embedded-aws.ts';
import { createGovernorTable, dynamoDbClient, TABLE } from './governor-table.ts';
import { SAMPLES } from './sample-items.ts';

/**
 * What is in tables that are in use. A fixture is written once, by the version that first writes its layout
 * (`WRITE_ITEM_FIXTURES=1`), and never changed: a test that fails here asks for a new version, not for another fixture.
 */
const FIXTURES = new URL('../../fixtures/items/', import.meta.url);

type Item = Record<string, AttributeValue>;

const KINDS = Object.keys(SCHEMAS) as ItemKind[];

const fixtureOf = (kind: ItemKind, version: number): Item[] =>
  JSON.parse(readFileSync(new URL(`${kind}-${version}.json`, FIXTURES), 'utf8')) as Item[];

const versionsOf = (kind: ItemKind): number[] =>
  readdirSync(FIXTURES).flatMap((name) => {
    const version = new RegExp(`^${kind}-(\\d+)\\.json$`).exec(name)?.[1];
    return version === undefined ? [] : [Number(version)];
  });

const keyOf = ({ pk, sk }: Item): string => `${pk?.S} ${sk?.S}`;
const inOrder = (items: readonly Item[]): Item[] => [...items].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));

describe('items of the table', () => {
  let aws: EmbeddedAws;
  let client: DynamoDBClient;
  beforeEach(async () => {
    aws = await startEmbeddedAws();
    client = dynamoDbClient(aws);
    await createGovernorTable(client);
  });
  afterEach(() => aws.close());

  const stored = async (): Promise<Item[]> =>
    inOrder((await client.send(new ScanCommand({ TableName: TABLE, ConsistentRead: true }))).Items ?? []);
  const store = async (items: readonly Item[]): Promise<void> => {
    for (const Item of items) await client.send(new PutItemCommand({ TableName: TABLE, Item }));
  };
  const said = async (kind: ItemKind): Promise<unknown> => {
    await SAMPLES[kind].write(client);
    return await SAMPLES[kind].read(client);
  };

  it('have a fixture of every version that this program reads', () => {
    for (const kind of KINDS)
      expect({ kind, versions: versionsOf(kind).sort() }).toEqual({
        kind,
        versions: Array.from({ length: SCHEMAS[kind] }, (_, index) => index + 1),
      });
  });

  it.each(KINDS)('are written as the version says that is on them: %s', async (kind) => {
    await SAMPLES[kind].write(client);
    const items = await stored();
    if (process.env['WRITE_ITEM_FIXTURES'] === '1' && !versionsOf(kind).includes(SCHEMAS[kind]))
      writeFileSync(new URL(`${kind}-${SCHEMAS[kind]}.json`, FIXTURES), `${JSON.stringify(items, null, 2)}\n`);
    expect(
      items,
      `The layout of ${kind} has changed. Where the version before would misread it, raise SCHEMAS.${kind} and keep the old fixture (docs/upgrading.md).`,
    ).toEqual(fixtureOf(kind, SCHEMAS[kind]));
    for (const { schema } of items) expect(schema).toEqual({ N: String(SCHEMAS[kind]) });
  });

  it.each(KINDS)('are read as they were meant, whichever version wrote them: %s', async (kind) => {
    const items = versionsOf(kind).map((version) => fixtureOf(kind, version));
    const expected = await said(kind);
    for (const fixture of items) {
      await store(fixture);
      expect(await SAMPLES[kind].read(client)).toEqual(expected);
    }
  });

  it.each(KINDS)('without a version are of version 1: %s', async (kind) => {
    const expected = await said(kind);
    await store(fixtureOf(kind, 1).map(({ schema: _, ...item }) => item));
    expect(await SAMPLES[kind].read(client)).toEqual(expected);
  });

  /** Readers that tell beside the rest what they could not read. */
  const PASSED_OVER: readonly ItemKind[] = ['audit', 'message'];

  it.each(KINDS)('of a later version are neither read nor written to: %s', async (kind) => {
    await SAMPLES[kind].write(client);
    const schema = { N: String(SCHEMAS[kind] + 1) };
    const later = (await stored()).map((item) => ({ ...item, schema, unknown: { S: 'of the later version' } }));
    await store(later);
    if (PASSED_OVER.includes(kind))
      expect(JSON.stringify(await SAMPLES[kind].read(client))).toContain('"unreadable":["');
    else
      await expect(SAMPLES[kind].read(client)).rejects.toMatchObject({
        name: 'Fault',
        code: 'NewerSchema',
        message: expect.stringMatching(/Nothing was changed\. Upgrade/) as unknown,
      });
    // Batches have no conditions: an audit record is written once, under its own time.
    if (kind === 'audit') return;
    await SAMPLES[kind].write(client).catch((error: unknown) => expect(error).toMatchObject({ code: 'NewerSchema' }));
    expect(await stored()).toEqual(inOrder(later));
  });

  it('whose version is no number are of a later one', async () => {
    await store([{ pk: { S: 'POLICY' }, sk: { S: 'CURRENT' }, document: { S: '{}' }, schema: { S: 'two' } }]);
    await expect(SAMPLES.policy.read(client)).rejects.toMatchObject({ code: 'NewerSchema' });
    await expect(SAMPLES.policy.write(client)).rejects.toMatchObject({ code: 'NewerSchema' });
  });
});
