import {
  type AttributeValue,
  BatchWriteItemCommand,
  type DynamoDBClient,
  QueryCommand,
  type WriteRequest,
} from '@aws-sdk/client-dynamodb';
import * as z from 'zod';
import { type AuditQuestion, type AuditRecord, type AuditTrail, dayOf } from '../../domain/audit/audit-record.ts';
import { epochMs } from '../../domain/clock.ts';
import { Fault } from '../../domain/fault.ts';
import { asking } from '../asking.ts';
import { inRounds, type Wait, waitInRealTime } from './in-rounds.ts';
import { isNewer, schemaAttribute } from './item-schema.ts';

/** DynamoDB API reference, BatchWriteItem. */
const MAX_BATCH = 25;
const DAY_SECONDS = 86_400;
/** DynamoDB takes 400 KB for an item; what is longer says that it was. */
const MAX_FACTS = 100_000;

const fact = () =>
  z.union([z.string(), z.number(), z.boolean(), z.array(z.string()).readonly(), z.record(z.string(), z.string())]);
/** Made when something is read: functions only write. */
const Stored = z.lazy(() =>
  z.object({
    at: z.number().transform(epochMs),
    actor: z.string(),
    invocation: z.string(),
    tenant: z.string().exactOptional(),
    decision: z.string(),
    facts: z.record(z.string(), fact()),
  }),
);

const dayPartition = (day: string): string => `AUDIT#${day}`;
const tenantPartition = (tenant: string): string => `AUDIT#TENANT#${tenant}`;

/**
 * The audit trail in the governor's table: each record once under its day, and once under its tenant. The attribute
 * `auditExpiresAt` is the table's time to live: nothing that holds money has it.
 */
export function auditTable(client: DynamoDBClient, table: string, wait: Wait = waitInRealTime): AuditTrail {
  const write = async (requests: readonly WriteRequest[]): Promise<void> =>
    await inRounds(requests, {
      request: async (rest) => {
        const answer = await asking('keeping audit records', () =>
          client.send(new BatchWriteItemCommand({ RequestItems: { [table]: rest } })),
        );
        return answer.UnprocessedItems?.[table];
      },
      tooBusy: (left) =>
        new Fault('AuditIncomplete', {
          doing: 'keeping audit records',
          problem: `the table left ${left} of ${requests.length} over, again and again`,
          next: 'It is throttled: look at its capacity. The log has the decisions.',
        }),
      wait,
    });

  return {
    async append(records, retentionDays) {
      const requests = records.flatMap((record): WriteRequest[] => {
        const item = itemOf(record, retentionDays);
        const put = (pk: string): WriteRequest => ({ PutRequest: { Item: { ...item, pk: { S: pk } } } });
        const ofDay = put(dayPartition(dayOf(record.at)));
        return record.tenant === undefined ? [ofDay] : [ofDay, put(tenantPartition(record.tenant))];
      });
      // A request that names a key twice is refused as a whole: of what is kept once a day the last counts.
      const distinct = [...new Map(requests.map((request) => [keyOf(request), request])).values()];
      for (let at = 0; at < distinct.length; at += MAX_BATCH) await write(distinct.slice(at, at + MAX_BATCH));
    },

    async read(question, from, limit = 100) {
      const { pk, first, last } = rangeOf(question);
      const answer = await asking(`reading the audit trail ${pk}`, () =>
        client.send(
          new QueryCommand({
            TableName: table,
            KeyConditionExpression: 'pk = :pk AND sk BETWEEN :first AND :last',
            ExpressionAttributeValues: { ':pk': { S: pk }, ':first': { S: first }, ':last': { S: last } },
            ...(from === undefined ? {} : { ExclusiveStartKey: { pk: { S: pk }, sk: { S: from } } }),
            Limit: limit,
          }),
        ),
      );
      const records: AuditRecord[] = [];
      const unreadable: string[] = [];
      for (const item of answer.Items ?? []) {
        const id = item['sk']?.S ?? '';
        const record = isNewer('audit', item) ? undefined : recordOf(id, item);
        if (record === undefined) unreadable.push(id);
        else records.push(record);
      }
      const next = answer.LastEvaluatedKey?.['sk']?.S;
      return { records, unreadable, ...(next === undefined ? {} : { next }) };
    },
  };
}

const keyOf = ({ PutRequest }: WriteRequest): string =>
  `${PutRequest?.Item?.['pk']?.S ?? ''} ${PutRequest?.Item?.['sk']?.S ?? ''}`;

function itemOf({ id, facts, ...record }: AuditRecord, retentionDays: number): Record<string, AttributeValue> {
  const text = JSON.stringify(facts);
  const kept = text.length <= MAX_FACTS ? facts : { tooLong: `${text.length} characters; the log has them` };
  return {
    sk: { S: id },
    ...schemaAttribute('audit'),
    record: { S: JSON.stringify({ ...record, facts: kept }) },
    auditExpiresAt: { N: String(Math.floor(record.at / 1_000) + retentionDays * DAY_SECONDS) },
  };
}

function recordOf(id: string, item: Record<string, AttributeValue>): AuditRecord | undefined {
  try {
    const stored = Stored.safeParse(JSON.parse(item['record']?.S ?? ''));
    return stored.success ? { id, ...stored.data } : undefined;
  } catch {
    return undefined;
  }
}

/** Ids begin with their day, and `~` comes after whatever may follow it. */
function rangeOf(question: AuditQuestion): { readonly pk: string; readonly first: string; readonly last: string } {
  if ('day' in question) return { pk: dayPartition(question.day), first: question.day, last: `${question.day}~` };
  return { pk: tenantPartition(question.tenant), first: question.from, last: `${question.until}~` };
}
