import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { BedrockClient, CreateInferenceProfileCommand, ListTagsForResourceCommand } from '@aws-sdk/client-bedrock';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { CreateTopicCommand, SNSClient } from '@aws-sdk/client-sns';
import type { Context } from 'aws-lambda';
import * as z from 'zod';
import { policyTable } from '../../aws/dynamodb/policy-table.ts';
import { createGovernorTable, TABLE } from '../../test/aws/dynamodb/governor-table.ts';
import { policyDocument } from '../../test/domain/example-policy.ts';
import { figure, median, note } from '../figures.ts';

const PROFILES = 100;
const TENANTS = 10;
const REGION = 'us-east-1';
const MODEL = `arn:aws:bedrock:${REGION}::foundation-model/amazon.nova-lite-v1:0`;
const FIXTURE = new URL('../../test/fixtures/events/cloudtrail-TagResource.json', import.meta.url);

const readySchema = z.object({ environment: z.record(z.string(), z.string()), accountId: z.string() });
const eventSchema = z.looseObject({
  detail: z.looseObject({ requestParameters: z.looseObject({ resourceARN: z.string() }) }),
});

const requestsSchema = z.object({ requests: z.number() });

/** Many at a time without a pause, and one at a time with answers as slow as DynamoDB's, as a function has them. */
const WAYS = [
  { atOnce: 8, latencyMs: 0 },
  { atOnce: 8, latencyMs: 5 },
  { atOnce: 1, latencyMs: 5 },
];

/**
 * How fast the function `profile-changed` handles events about profiles that are governed already, against bare reads of
 * the same tags by the SDK, as many at a time, against an embedded AWS in another process. The function is the real one,
 * with its adapters and clients; events and reads take turns in blocks.
 *
 * The figure is the least of all ways: where the embedded AWS answers at once, the work of this process weighs most.
 */
export async function benchGovernedEvents(full: boolean): Promise<void> {
  const child = fork(fileURLToPath(new URL('embedded-account.ts', import.meta.url)), {
    execArgv: ['--import', fileURLToPath(new URL('../typescript.mjs', import.meta.url))],
  });
  try {
    const [message] = (await once(child, 'message')) as [unknown];
    const { environment, accountId } = readySchema.parse(message);
    const parties = await prepare(environment, accountId);
    const setLatency = async (latencyMs: number): Promise<number> => {
      child.send({ latencyMs });
      const [answer] = (await once(child, 'message')) as [unknown];
      return requestsSchema.parse(answer).requests;
    };
    const ratios: number[] = [];
    for (const { atOnce, latencyMs } of WAYS) {
      await setLatency(latencyMs);
      ratios.push(await compare(parties, { atOnce, latencyMs, full }));
    }
    figure('events_vs_bare_read', Math.min(...ratios), { atLeast: 0.5 });
    await setLatency(0);
    for (let i = 0; i < PROFILES; i++) await parties.hear(i);
    figure('event_requests', (await setLatency(0)) / PROFILES, { atMost: 2.5 });
  } finally {
    child.disconnect();
  }
}

interface Parties {
  hear(i: number): Promise<void>;
  read(i: number): Promise<void>;
}

async function prepare(environment: Readonly<Record<string, string>>, accountId: string): Promise<Parties> {
  Object.assign(process.env, environment);
  await createGovernorTable(new DynamoDBClient());
  await policyTable(new DynamoDBClient(), TABLE).apply(policyDocument({ regions: [REGION] }));
  const topic = async (Name: string): Promise<string> => {
    const { TopicArn = '' } = await new SNSClient().send(new CreateTopicCommand({ Name }));
    return TopicArn;
  };
  Object.assign(process.env, {
    GOVERNOR_TABLE: TABLE,
    GOVERNOR_NOTICES_TOPIC_ARN: await topic('notices'),
    GOVERNOR_CHAT_TOPIC_ARN: await topic('chat'),
    GOVERNOR_BUS_NAME: 'default',
    GOVERNOR_BUDGET_ALERTS_TOPIC_ARN: await topic('alerts'),
    GOVERNOR_ACCOUNT_ID: accountId,
    GOVERNOR_INDEX_PARAMETER: '/governor/index',
    GOVERNOR_STAGE: 'bench',
    GOVERNOR_REGIONS: REGION,
    GOVERNOR_PAYER_ACCOUNT_ID: 'none',
    POWERTOOLS_LOG_LEVEL: 'SILENT',
    POWERTOOLS_METRICS_DISABLED: 'true',
  });
  const { handler } = await import('../../handlers/profile-changed.ts');
  const bedrock = new BedrockClient();
  const fixture = eventSchema.parse(JSON.parse(await readFile(FIXTURE, 'utf8')));
  const arns = await Promise.all(Array.from({ length: PROFILES }, (_, i) => createProfile(bedrock, i)));
  const events = arns.map((resourceARN) => ({
    ...fixture,
    account: accountId,
    region: REGION,
    detail: { ...fixture.detail, requestParameters: { ...fixture.detail.requestParameters, resourceARN } },
  }));
  const context = { awsRequestId: 'bench', getRemainingTimeInMillis: () => 60_000 } as Context;
  return {
    async hear(i) {
      const { kind } = await handler(events[i % PROFILES], context);
      if (kind !== 'settled' && kind !== 'governed') throw new Error(`an event came to the end "${kind}"`);
    },
    async read(i) {
      const { tags } = await bedrock.send(new ListTagsForResourceCommand({ resourceARN: arns[i % PROFILES] ?? '' }));
      if (tags?.length !== 3) throw new Error('the tags were not read');
    },
  };
}

async function compare(
  { hear, read }: Parties,
  { atOnce, latencyMs, full }: { readonly atOnce: number; readonly latencyMs: number; readonly full: boolean },
): Promise<number> {
  const block = full ? 500 : 100;
  // What is compiled and connected is so for both, and every profile is governed.
  for (let i = 0; i < 3; i++) {
    await perSecond(block, atOnce, hear);
    await perSecond(block, atOnce, read);
  }
  const pairs: { events: number; reads: number }[] = [];
  for (let i = 0; i < (full ? 61 : 21); i++) {
    const isFirst = i % 2 === 0;
    const early = await perSecond(block, atOnce, isFirst ? hear : read);
    const late = await perSecond(block, atOnce, isFirst ? read : hear);
    pairs.push(isFirst ? { events: early, reads: late } : { events: late, reads: early });
  }
  const ratio = median(pairs.map(({ events, reads }) => events / reads));
  const rate = (of: 'events' | 'reads'): string => median(pairs.map((pair) => pair[of])).toFixed(0);
  note(
    `${atOnce} at once, answers after ${latencyMs} ms: ${rate('events')} events and ${rate('reads')} bare reads a second, ratio ${ratio.toFixed(2)}`,
  );
  return ratio;
}

async function createProfile(bedrock: BedrockClient, i: number): Promise<string> {
  const tags = { tenant: `t${i % TENANTS}`, environment: 'prod', team: 'sales' };
  const { inferenceProfileArn = '' } = await bedrock.send(
    new CreateInferenceProfileCommand({
      inferenceProfileName: `profile-${i}`,
      modelSource: { copyFrom: MODEL },
      tags: Object.entries(tags).map(([key, value]) => ({ key, value })),
    }),
  );
  return inferenceProfileArn;
}

/** Does something so many times, `atOnce` at a time. */
async function perSecond(times: number, atOnce: number, work: (i: number) => Promise<void>): Promise<number> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < times) await work(next++);
  };
  const started = performance.now();
  await Promise.all(Array.from({ length: atOnce }, worker));
  return (times * 1_000) / (performance.now() - started);
}
