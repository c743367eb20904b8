import { type AttributeValue, type DynamoDBClient, paginateQuery } from '@aws-sdk/client-dynamodb';
import * as z from 'zod/mini';
import { epochMs } from '../../domain/clock.ts';
import { Fault } from '../../domain/fault.ts';
import { nanoUsd } from '../../domain/money.ts';
import { type ProfileArn, parseProfileArn } from '../../domain/profiles/profile-arn.ts';
import {
  hoursOf,
  type ProcessId,
  type UsageRecord,
  type UsageRecords,
  type UsageTotals,
  type UtcHour,
} from '../../domain/spending/usage-record.ts';
import { asking } from '../asking.ts';
import { refuseNewer } from './item-schema.ts';
import { partitionOf, sortPrefixOf, usageWriter } from './usage-writer.ts';

/** Comes after every key that begins with the prefix: `$` follows `#`. */
const afterPrefixOf = (hour: UtcHour): string => `${hour.slice(11)}$`;

/** Usage records in the governor's table: one item for each process, hour and chunk of profiles. */
export function usageTable(client: DynamoDBClient, table: string): UsageRecords {
  return {
    ...usageWriter(client, table),

    async *read(window) {
      const days = new Map<string, UtcHour[]>();
      for (const hour of hoursOf(window)) {
        const partition = partitionOf(hour);
        days.set(partition, [...(days.get(partition) ?? []), hour]);
      }
      for (const [partition, hours] of days) yield* readPartition(client, table, partition, hours);
    },
  };
}

async function* readPartition(
  client: DynamoDBClient,
  table: string,
  partition: string,
  hours: readonly UtcHour[],
): AsyncIterable<UsageRecord> {
  const [first] = hours;
  const last = hours.at(-1);
  if (first === undefined || last === undefined) return;
  const doing = `reading the usage from ${first} to ${last}`;
  const pages = paginateQuery(
    { client },
    {
      TableName: table,
      KeyConditionExpression: 'pk = :day AND sk BETWEEN :first AND :last',
      ExpressionAttributeValues: {
        ':day': { S: partition },
        ':first': { S: sortPrefixOf(first) },
        ':last': { S: afterPrefixOf(last) },
      },
      ConsistentRead: true,
    },
  );
  for (;;) {
    const page = await asking(doing, () => pages.next());
    if (page.done === true) return;
    for (const item of page.value.Items ?? []) yield recordOf(partition, item);
  }
}

type Attributes = Readonly<Record<string, AttributeValue>>;

/** Made when something is read: schemas take their time, and functions ask first. */
const Item = z.lazy(() => {
  const digits = z.object({ N: z.string().check(z.regex(/^\d+$/)) });
  type Digits = z.infer<typeof digits>;
  const asNumber = z.pipe(
    digits,
    z.transform(({ N }: Digits) => Number(N)),
  );
  const count = z.pipe(asNumber, z.int());
  const money = z.pipe(
    digits,
    z.transform(({ N }: Digits) => nanoUsd(BigInt(N))),
  );

  const StoredTotals = z.object({
    M: z.object({
      calls: count,
      input: count,
      output: count,
      cacheRead: count,
      cacheWrite5m: count,
      cacheWrite1h: count,
      settled: money,
      unconfirmed: money,
    }),
  });

  const Totals = z.pipe(
    StoredTotals,
    z.transform(
      ({ M }: z.infer<typeof StoredTotals>): UsageTotals => ({
        calls: M.calls,
        usage: {
          inputTokens: M.input,
          outputTokens: M.output,
          cacheReadInputTokens: M.cacheRead,
          cacheWrite5mInputTokens: M.cacheWrite5m,
          cacheWrite1hInputTokens: M.cacheWrite1h,
        },
        settled: M.settled,
        unconfirmed: M.unconfirmed,
      }),
    ),
  );

  return z.object({
    sk: z.object({ S: z.string().check(z.regex(/^\d\d#[^#]+#\d+$/)) }),
    sequence: z.pipe(asNumber, z.int().check(z.positive())),
    watermark: count,
    profiles: z.object({ M: z.record(z.string(), Totals) }),
  });
});

function recordOf(partition: string, attributes: Attributes): UsageRecord {
  refuseNewer('usage', `reading the usage of ${partition}`, attributes);
  const reading = Item.safeParse(attributes);
  if (!reading.success) throw unreadable(partition, attributes['sk']?.S, z.prettifyError(reading.error));
  const { sk, sequence, watermark, profiles } = reading.data;
  const [hour = '', process = '', chunk] = sk.S.split('#');
  const totals = new Map<ProfileArn, UsageTotals>();
  for (const [text, used] of Object.entries(profiles.M)) {
    const arn = parseProfileArn(text);
    if (arn === undefined) throw unreadable(partition, sk.S, `${text} is no profile`);
    totals.set(arn, used);
  }
  return {
    process: process as ProcessId,
    hour: `${partition.slice('USAGE#'.length)}T${hour}` as UtcHour,
    chunk: Number(chunk),
    sequence,
    watermark: epochMs(watermark),
    totals,
  };
}

/** Usage that cannot be read is not taken for none: nothing may be concluded from the rest of the day. */
const unreadable = (partition: string, sortKey: string | undefined, problem: string): Fault =>
  new Fault('UsageUnreadable', {
    doing: `reading the usage record ${sortKey ?? '(without a key)'} of ${partition}`,
    problem,
    next: 'Run a version of the governor that knows its shape, or restore the item from a backup.',
  });
