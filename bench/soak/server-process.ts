/**
 * A tenants' server under full load for as long as it is let: as many calls at once as it is told, of all tenants and of all
 * four ways to call a model. Run with `--expose-gc`, so that what it tells of its memory is what it cannot let go of.
 */
import {
  BedrockRuntimeClient,
  ConverseCommand,
  ConverseStreamCommand,
  InvokeModelCommand,
  InvokeModelWithResponseStreamCommand,
} from '@aws-sdk/client-bedrock-runtime';
import { costGovernor, GovernorRefusal } from '../../invoke/index.ts';
import { MODEL, type Sample, TENANTS } from './soak-protocol.ts';

const [table = '', atOnce = ''] = process.argv.slice(2);
const governor = costGovernor({ table, tags: {} });
const bound = TENANTS.map(({ name }) => {
  const client = new BedrockRuntimeClient({ maxAttempts: 1 });
  client.middlewareStack.use(governor.for({ tenant: name }));
  return client;
});
const messages = [{ role: 'user' as const, content: [{ text: 'Is this claim complete?' }] }];
const body = JSON.stringify({ schemaVersion: 'messages-v1', messages, inferenceConfig: { maxTokens: 200 } });
const conversation = { modelId: MODEL, messages, inferenceConfig: { maxTokens: 200 } };

async function drain(events: AsyncIterable<unknown> | undefined): Promise<void> {
  for await (const _ of events ?? []);
}

const WAYS: readonly ((client: BedrockRuntimeClient) => Promise<unknown>)[] = [
  (client) => client.send(new ConverseCommand(conversation)),
  async (client) => await drain((await client.send(new ConverseStreamCommand(conversation))).stream),
  (client) => client.send(new InvokeModelCommand({ modelId: MODEL, body })),
  async (client) =>
    await drain((await client.send(new InvokeModelWithResponseStreamCommand({ modelId: MODEL, body }))).body),
];

let isOver = false;
let calls = 0;
let refused = 0;
const failed: Record<string, number> = {};

async function callOnAndOn(from: number): Promise<void> {
  for (let i = from; !isOver; i++) {
    const client = bound[i % bound.length];
    const way = WAYS[Math.floor(i / bound.length) % WAYS.length];
    if (client === undefined || way === undefined) return;
    try {
      await way(client);
      calls++;
    } catch (error) {
      if (error instanceof GovernorRefusal) {
        refused++;
        // Refusals are free: without this the refused would take the whole processor.
        await new Promise((resolve) => setTimeout(resolve, 20));
        continue;
      }
      const name = error instanceof Error ? error.name : 'unknown';
      failed[name] = (failed[name] ?? 0) + 1;
    }
  }
}

const tell = (): void => {
  globalThis.gc?.();
  const sample: Sample = {
    heapBytes: process.memoryUsage().heapUsed,
    resources: process.getActiveResourcesInfo().length,
    calls,
    refused,
    failed: { ...failed },
  };
  process.send?.(sample);
};
const telling = setInterval(tell, Number(process.argv[4]));
const running = Array.from({ length: Number(atOnce) }, (_, i) => callOnAndOn(i));
process.once('message', () => {
  isOver = true;
  clearInterval(telling);
  void Promise.all(running).then(async () => {
    await governor.close();
    tell();
    process.disconnect();
  });
});
