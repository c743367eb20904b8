import { Readable } from 'node:stream';
import { BedrockRuntimeClient, type ConverseCommandInput } from '@aws-sdk/client-bedrock-runtime';
import { EventStreamCodec } from '@smithy/core/event-streams';
import { HttpResponse } from '@smithy/core/protocols';
import { REGION } from './profiles.ts';

const TEXT = 'The quarterly report is due on Friday; the figures of the third quarter are in the annex. '.repeat(4);

/** A short conversation, as a chat server sends it. */
export const QUESTION: Omit<ConverseCommandInput, 'modelId'> = {
  system: [{ text: 'You answer in one sentence.' }],
  messages: [
    { role: 'user', content: [{ text: TEXT }] },
    { role: 'assistant', content: [{ text: TEXT }] },
    { role: 'user', content: [{ text: 'When is it due?' }] },
  ],
  inferenceConfig: { maxTokens: 500 },
};

const USAGE = { inputTokens: 210, outputTokens: 90, totalTokens: 300 };

export const ANSWER = JSON.stringify({
  metrics: { latencyMs: 100 },
  output: { message: { role: 'assistant', content: [{ text: TEXT }] } },
  stopReason: 'end_turn',
  usage: USAGE,
});

/** Events of a streamed answer: its text in small pieces, and what comes before and after. */
export const EVENTS = 500;

const events = (): Uint8Array[] => [
  event('messageStart', { role: 'assistant' }),
  ...Array.from({ length: EVENTS - 4 }, () =>
    event('contentBlockDelta', { contentBlockIndex: 0, delta: { text: ' figures' } }),
  ),
  event('contentBlockStop', { contentBlockIndex: 0 }),
  event('messageStop', { stopReason: 'end_turn' }),
  event('metadata', { usage: USAGE, metrics: { latencyMs: 100 } }),
];

const codec = new EventStreamCodec(
  (bytes) => Buffer.from(bytes as Uint8Array).toString('utf8'),
  (text) => Buffer.from(text, 'utf8'),
);

function event(name: string, payload: object): Uint8Array {
  return codec.encode({
    headers: {
      ':message-type': { type: 'string', value: 'event' },
      ':event-type': { type: 'string', value: name },
      ':content-type': { type: 'string', value: 'application/json' },
    },
    body: Buffer.from(JSON.stringify(payload)),
  });
}

const ANSWER_BYTES = Buffer.from(ANSWER);
const EVENT_BYTES = events();

/** A client whose requests go nowhere: everything but the transport is the SDK's own. */
export const stubbedRuntime = (): BedrockRuntimeClient =>
  new BedrockRuntimeClient({
    region: REGION,
    credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' },
    requestHandler: {
      handle: async ({ path }: { readonly path: string }) => ({
        response: path.endsWith('/converse-stream') ? streamed() : whole(),
      }),
    },
  });

const whole = (): HttpResponse =>
  new HttpResponse({
    statusCode: 200,
    headers: { 'content-type': 'application/json' },
    body: Readable.from([ANSWER_BYTES]),
  });

const streamed = (): HttpResponse =>
  new HttpResponse({
    statusCode: 200,
    headers: { 'content-type': 'application/vnd.amazon.eventstream' },
    body: Readable.from(EVENT_BYTES),
  });
