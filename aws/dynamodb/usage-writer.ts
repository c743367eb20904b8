import type { AttributeValue, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  NONE_REFUSED,
  type UsageRecord,
  type UsageRecords,
  type UsageTotals,
  type UtcHour,
} from '../../domain/spending/usage-record.ts';
import { putItem } from './item-schema.ts';

/** A day in one partition, so that a month is read with 31 queries; a process writes to it about once a minute. */
export const partitionOf = (hour: UtcHour): string => `USAGE#${hour.slice(0, 10)}`;
export const sortPrefixOf = (hour: UtcHour): string => `${hour.slice(11)}#`;

/** Writes usage records: all that a tenant's process does with them. */
export const usageWriter = (client: DynamoDBClient, table: string): Pick<UsageRecords, 'write'> => ({
  async write(record) {
    const { process, hour, sequence } = record;
    // Where this state of the chunk is there, or a later one: chunks are cumulative, so it holds all of this one.
    await putItem(client, {
      kind: 'usage',
      doing: `writing the usage of ${process} in ${hour}`,
      table,
      item: itemOf(record),
      condition: {
        ConditionExpression: 'attribute_not_exists(pk) OR #sequence < :sequence',
        ExpressionAttributeNames: { '#sequence': 'sequence' },
        ExpressionAttributeValues: { ':sequence': { N: String(sequence) } },
      },
    });
    return NONE_REFUSED;
  },
});

const itemOf = (record: UsageRecord): Record<string, AttributeValue> => ({
  pk: { S: partitionOf(record.hour) },
  sk: { S: `${sortPrefixOf(record.hour)}${record.process}#${record.chunk}` },
  sequence: { N: String(record.sequence) },
  watermark: { N: String(record.watermark) },
  profiles: { M: Object.fromEntries([...record.totals].map(([arn, totals]) => [arn, totalsAttribute(totals)])) },
});

const totalsAttribute = ({ calls, usage, settled, unconfirmed }: UsageTotals): AttributeValue => ({
  M: {
    calls: { N: String(calls) },
    input: { N: String(usage.inputTokens) },
    output: { N: String(usage.outputTokens) },
    cacheRead: { N: String(usage.cacheReadInputTokens) },
    cacheWrite5m: { N: String(usage.cacheWrite5mInputTokens) },
    cacheWrite1h: { N: String(usage.cacheWrite1hInputTokens) },
    settled: { N: String(settled) },
    unconfirmed: { N: String(unconfirmed) },
  },
});
