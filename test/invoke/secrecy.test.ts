import { inspect } from 'node:util';
import {
  type BedrockRuntimeClient,
  ConverseCommand,
  InvokeModelCommand,
  StartAsyncInvokeCommand,
} from '@aws-sdk/client-bedrock-runtime';
import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import * as fc from 'fast-check';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type GovernorEvent, openTelemetry } from '../../invoke/index.ts';
import type { ModelCallPlan } from '../../local/bedrock/model-call-plan.ts';
import { TABLE } from '../aws/dynamodb/governor-table.ts';
import { API, APIS, readAll, readFirstText } from './four-apis.ts';
import { ask, converse, GovernedAws, HAIKU } from './governed-aws.ts';

let world: GovernedAws;
beforeEach(async () => {
  world = await GovernedAws.start();
  const rich = await world.budget('tenant/acme', 1_000_000_000_000);
  const poor = await world.budget('tenant/poor', 1);
  await world.profile({ copyFrom: `us.${HAIKU}`, budgets: [rich] });
  await world.profile({ tags: { tenant: 'poor' }, copyFrom: `us.${HAIKU}`, budgets: [poor] });
});
afterEach(() => world.close());

/** What a model answers begins so; see the embedded AWS. */
const COMPLETION = 'Embedded answer';

type Course = (client: BedrockRuntimeClient, secret: string) => Promise<unknown>;

const refusals: Course[] = [
  (client, secret) => client.send(converse({ modelId: 'meta.unknown', messages: ask(secret) })),
  (client, secret) =>
    client.send(
      new ConverseCommand({
        modelId: HAIKU,
        messages: ask(secret),
        additionalModelRequestFields: { mcp_servers: [{ name: secret }] },
      }),
    ),
  (client, secret) =>
    client.send(
      new ConverseCommand({ modelId: HAIKU, messages: ask(secret), performanceConfig: { latency: 'optimized' } }),
    ),
  (client, secret) => client.send(new InvokeModelCommand({ modelId: HAIKU, body: `{"n":"${secret}"}` })),
  (client, secret) => client.send(new InvokeModelCommand({ modelId: HAIKU, body: `not JSON ${secret}` })),
  (client, secret) =>
    client.send(
      new StartAsyncInvokeCommand({
        modelId: 'amazon.nova-reel-v1:0',
        modelInput: { prompt: secret },
        outputDataConfig: { s3OutputDataConfig: { s3Uri: 's3://bucket' } },
      }),
    ),
];

const plans: ModelCallPlan[] = [
  {},
  { usage: 'in-body' },
  { usage: 'nowhere' },
  { refuse: 'ThrottlingException' },
  { refuse: 'AccessDeniedException' },
  { refuse: 'ValidationException' },
  { refuse: 'InternalServerException' },
  { refuse: 'ModelTimeoutException' },
  { breaks: { afterChunks: 1, by: 'cut' } },
];

const courses = fc.oneof(
  fc.record({ api: fc.constantFrom(...APIS), plan: fc.constantFrom(...plans) }).map(
    ({ api, plan }): Course =>
      async (client, secret) => {
        const stop = world.aws.planModelCalls(() => plan);
        try {
          await readAll(await api.ask(client, { text: secret, cached: { text: `${secret} `.repeat(30), ttl: '5m' } }));
        } finally {
          stop();
        }
      },
  ),
  fc.constant<Course>(async (client, secret) => readFirstText(await API.ConverseStream.ask(client, { text: secret }))),
  fc.constantFrom(...refusals),
);

const shown = (value: unknown): string => inspect(value, { depth: 20, showHidden: true, maxStringLength: null });

/** Of an error: what anybody would log of it, but not the exchange with AWS that the SDK attaches for debugging. */
const logged = (error: unknown): string =>
  error instanceof Error
    ? shown([error.name, error.message, error.stack, JSON.stringify(error)]) + logged(error.cause)
    : shown(error);

it('prompts and completions stand in no error, event, span, snapshot, log or item of the table', async () => {
  const written: string[] = [];
  for (const method of ['log', 'info', 'warn', 'error', 'debug'] as const)
    vi.spyOn(console, method).mockImplementation((...values) => written.push(shown(values)));
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const spans = openTelemetry(provider.getTracer('test'));
  try {
    await fc.assert(
      fc.asyncProperty(
        fc.stringMatching(/^secret[a-z0-9]{12}$/),
        courses,
        fc.constantFrom('acme', 'poor'),
        async (secret, course, tenant) => {
          const seen: string[] = [];
          const observe = (event: GovernorEvent) => {
            seen.push(shown(event));
            spans(event);
            throw new Error('an observer of its own');
          };
          const { governor, client } = world.process({ observe, tags: { tenant } });
          await course(client, secret).catch((error: unknown) => seen.push(logged(error)));
          seen.push(shown(governor.snapshot()), JSON.stringify(governor.snapshot()));
          await governor.close();
          for (const span of exporter.getFinishedSpans())
            seen.push(shown([span.name, span.attributes, span.status, span.events]));
          exporter.reset();
          const { Items } = await world.dynamodb.send(new ScanCommand({ TableName: TABLE }));
          seen.push(shown(Items), ...written);
          expect(seen.length).toBeGreaterThan(3);
          for (const text of seen) {
            expect(text).not.toContain(secret);
            expect(text).not.toContain(COMPLETION);
          }
        },
      ),
      { numRuns: 60 },
    );
  } finally {
    vi.restoreAllMocks();
    await provider.shutdown();
  }
});
