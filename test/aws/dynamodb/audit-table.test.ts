import { type DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { auditTable } from '../../../aws/dynamodb/audit-table.ts';
import { type AuditRecord, auditOf } from '../../../domain/audit/audit-record.ts';
import { epochMs, isoTime } from '../../../domain/clock.ts';
import { type EmbeddedAws, startEmbeddedAws } from '../../../local/embedded-aws.ts';
import { createGovernorTable, dynamoDbClient, TABLE } from './governor-table.ts';

const NOON = Date.UTC(2026, 10, 23, 12);

const record = (number: number, change: Partial<AuditRecord> = {}): AuditRecord => {
  const at = epochMs(NOON + number * 60_000);
  return {
    id: `${isoTime(at)}#i-1#${String(number).padStart(6, '0')}`,
    at,
    actor: 'governor-sweep',
    invocation: 'i-1',
    tenant: 'acme',
    decision: 'close budget',
    facts: { budget: 'tenant-monthly/acme', before: 'open', number, list: ['a', 'b'], known: { limit: '20.00 USD' } },
    ...change,
  };
};

describe('the audit trail in the table', () => {
  let aws: EmbeddedAws;
  let client: DynamoDBClient;
  beforeEach(async () => {
    aws = await startEmbeddedAws();
    client = dynamoDbClient(aws);
    await createGovernorTable(client);
  });
  afterEach(() => aws.close());

  const all = async (question: Parameters<typeof auditOf>[1], pageSize = 10): Promise<AuditRecord[]> => {
    const records: AuditRecord[] = [];
    for await (const one of auditOf(auditTable(client, TABLE), question, pageSize)) records.push(one);
    return records;
  };

  it('is read by day and by tenant, in order of time, page by page', async () => {
    const { tenant: _, ...nobodys } = record(30);
    const records = [...Array.from({ length: 60 }, (__, number) => record(number)), record(70, { tenant: 'lakeside' })];
    await auditTable(client, TABLE).append([...records, { ...nobodys, id: `${nobodys.id}x` }], 30);
    expect(await all({ tenant: 'acme', from: '2026-11-23', until: '2026-11-23' })).toEqual(records.slice(0, 60));
    const ofDay = await all({ day: '2026-11-23' }, 7);
    expect(ofDay).toHaveLength(62);
    expect(ofDay.map(({ id }) => id)).toEqual(ofDay.map(({ id }) => id).sort());
    expect(await all({ tenant: 'nobody', from: '2026-01-01', until: '2026-12-31' })).toEqual([]);
  });

  it('keeps days and tenants apart', async () => {
    const later = record(24 * 60);
    await auditTable(client, TABLE).append([record(1), later], 30);
    expect(await all({ day: '2026-11-23' })).toEqual([record(1)]);
    expect(await all({ day: '2026-11-24' })).toEqual([later]);
    expect(await all({ tenant: 'acme', from: '2026-11-24', until: '2026-11-30' })).toEqual([later]);
    expect(await all({ tenant: 'acme', from: '2026-11-23', until: '2026-11-24' })).toEqual([record(1), later]);
  });

  it('says when a record may be forgotten, and is the same when it is written again', async () => {
    const trail = auditTable(client, TABLE);
    await trail.append([record(0)], 30);
    await trail.append([record(0), record(0)], 30);
    expect(await all({ day: '2026-11-23' })).toEqual([record(0)]);
    const Key = { pk: { S: 'AUDIT#2026-11-23' }, sk: { S: record(0).id } };
    const { Item } = await client.send(new GetItemCommand({ TableName: TABLE, Key }));
    expect(Item?.['auditExpiresAt']).toEqual({ N: String(NOON / 1_000 + 30 * 86_400) });
  });

  it('names a record that it cannot read, and shortens one that no item could hold', async () => {
    const trail = auditTable(client, TABLE);
    await trail.append([record(0, { facts: { list: ['x'.repeat(500_000)] } })], 30);
    const Item = { pk: { S: 'AUDIT#2026-11-23' }, sk: { S: '2026-11-23T00' }, record: { S: '{"from":"the future"}' } };
    await client.send(new PutItemCommand({ TableName: TABLE, Item }));
    const page = await trail.read({ day: '2026-11-23' });
    expect(page.unreadable).toEqual(['2026-11-23T00']);
    expect(page.records.map(({ facts }) => facts)).toEqual([{ tooLong: '500013 characters; the log has them' }]);
  });

  it('asks again for what the table left over, and gives up in the end', async () => {
    let left = 2;
    const stop = aws.intercept({
      after: ({ operation }, input) =>
        operation === 'BatchWriteItem' && left-- > 0
          ? { answer: { UnprocessedItems: input['RequestItems'] ?? {} } }
          : undefined,
    });
    await auditTable(client, TABLE).append([record(0)], 30);
    expect(left).toBe(-1);
    left = 100;
    await expect(auditTable(client, TABLE).append([record(1)], 30)).rejects.toMatchObject({ code: 'AuditIncomplete' });
    stop();
  });
});
