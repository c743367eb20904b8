import {
  type BedrockRuntimeClient,
  ConverseCommand,
  type ConverseCommandInput,
  ConverseStreamCommand,
  InvokeModelCommand,
  type InvokeModelCommandInput,
  InvokeModelWithResponseStreamCommand,
  type ServiceTierType,
  type SystemContentBlock,
} from '@aws-sdk/client-bedrock-runtime';
import type { ModelOperation } from '../../local/bedrock/model-call-plan.ts';
import { HAIKU } from './governed-aws.ts';

/** One question, which each API puts in its own way. */
export interface Question {
  /** A model of Amazon Nova; or of Anthropic, by its id or a profile's ARN. By default Claude Haiku 4.5. */
  readonly modelId?: string;
  /** By default two tokens, which are answered with twenty. */
  readonly text?: string;
  readonly maxTokens?: number;
  readonly tier?: ServiceTierType;
  /** A system prompt that is to be cached. */
  readonly cached?: { readonly text: string; readonly ttl: '5m' | '1h' };
}

export interface Asking {
  readonly abortSignal?: AbortSignal;
}

/** One of the APIs that spend. */
export interface Api {
  readonly operation: ModelOperation;
  readonly streams: boolean;
  /** Resolves with the events of the answer; a whole answer is one event. */
  ask(client: BedrockRuntimeClient, question?: Question, asking?: Asking): Promise<AsyncIterable<unknown>>;
}

const MAX_TOKENS = 100;

export const API: Readonly<Record<ModelOperation, Api>> = {
  Converse: {
    operation: 'Converse',
    streams: false,
    ask: async (client, question = {}, asking = {}) =>
      oneEvent(await client.send(new ConverseCommand(converseInput(question)), asking)),
  },
  ConverseStream: {
    operation: 'ConverseStream',
    streams: true,
    ask: async (client, question = {}, asking = {}) =>
      (await client.send(new ConverseStreamCommand(converseInput(question)), asking)).stream ?? noEvents(),
  },
  InvokeModel: {
    operation: 'InvokeModel',
    streams: false,
    ask: async (client, question = {}, asking = {}) => {
      const { body, ...output } = await client.send(new InvokeModelCommand(invokeInput(question)), asking);
      return oneEvent({ ...output, body: body.transformToString() });
    },
  },
  InvokeModelWithResponseStream: {
    operation: 'InvokeModelWithResponseStream',
    streams: true,
    ask: async (client, question = {}, asking = {}) =>
      (await client.send(new InvokeModelWithResponseStreamCommand(invokeInput(question)), asking)).body ?? noEvents(),
  },
};

export const APIS: readonly Api[] = Object.values(API);
export const STREAMS: readonly Api[] = APIS.filter(({ streams }) => streams);

/** All events of an answer, read to its end. */
export async function readAll(events: AsyncIterable<unknown>): Promise<unknown[]> {
  const read: unknown[] = [];
  for await (const event of events) read.push(event);
  return read;
}

/** Reads events until one carries text, and leaves it at that. */
export async function readFirstText(events: AsyncIterable<unknown>): Promise<void> {
  for await (const event of events) if (carriesText(event)) break;
}

/** Whether an event of a stream is a piece of the model's text. */
export function carriesText(event: unknown): boolean {
  const { contentBlockDelta, chunk } = event as { contentBlockDelta?: object; chunk?: { bytes?: Uint8Array } };
  return contentBlockDelta !== undefined || /contentBlockDelta|content_block_delta/.test(textOf(chunk?.bytes));
}

const textOf = (bytes: Uint8Array | undefined): string => (bytes === undefined ? '' : new TextDecoder().decode(bytes));

function converseInput({ modelId = HAIKU, text = 'Hello!!!', maxTokens = MAX_TOKENS, tier, cached }: Question) {
  const system: SystemContentBlock[] | undefined = cached && [
    { text: cached.text },
    { cachePoint: { type: 'default', ttl: cached.ttl } },
  ];
  const input: ConverseCommandInput = {
    modelId,
    messages: [{ role: 'user', content: [{ text }] }],
    inferenceConfig: { maxTokens },
    ...(system === undefined ? {} : { system }),
    ...(tier === undefined ? {} : { serviceTier: { type: tier } }),
  };
  return input;
}

function invokeInput(question: Question): InvokeModelCommandInput {
  const { modelId = HAIKU, tier } = question;
  const body = modelId.startsWith('amazon.nova') ? novaBody(question) : anthropicBody(question);
  return { modelId, body: JSON.stringify(body), ...(tier === undefined ? {} : { serviceTier: tier }) };
}

const anthropicBody = ({ text = 'Hello!!!', maxTokens = MAX_TOKENS, cached }: Question) => ({
  anthropic_version: 'bedrock-2023-05-31',
  max_tokens: maxTokens,
  messages: [{ role: 'user', content: text }],
  ...(cached === undefined
    ? {}
    : {
        system: [{ type: 'text', text: cached.text, cache_control: { type: 'ephemeral', ttl: cached.ttl } }],
      }),
});

const novaBody = ({ text = 'Hello!!!', maxTokens = MAX_TOKENS, cached }: Question) => ({
  messages: [{ role: 'user', content: [{ text }] }],
  inferenceConfig: { maxTokens },
  ...(cached === undefined ? {} : { system: [{ text: cached.text }, { cachePoint: { type: 'default' } }] }),
});

async function* oneEvent(event: unknown): AsyncGenerator<unknown> {
  yield event;
}

async function* noEvents(): AsyncGenerator<never> {}
