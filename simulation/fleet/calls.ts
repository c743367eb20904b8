import type { GovernedCalls } from '../../invoke/plugin.ts';
import { GovernorRefusal } from '../../invoke/refusals.ts';
import type { Chance } from '../clockwork/chance.ts';
import type { Faults } from '../run/faults.ts';
import { type CallPlan, isStreamed, type Runtime } from '../world/runtime.ts';
import type { Host } from './host.ts';
import type { BoundCalls } from './tenant-process.ts';

/** What a caller asks for. */
export interface Call {
  readonly plan: CallPlan;
  readonly model: string;
  readonly input: Readonly<Record<string, unknown>>;
  /** After so many milliseconds the caller gives up. */
  readonly abortsAfter: number | undefined;
}

/** @param models that the tenant's profiles are made for */
export function drawCall(chance: Chance, faults: Faults, models: readonly string[]): Call {
  const api = chance.pick([
    'Converse',
    'Converse',
    'ConverseStream',
    'InvokeModel',
    'InvokeModelWithResponseStream',
  ] as const);
  const bytes = chance.whole(200, 900);
  const maxTokens = chance.pick([200, 400, 800]);
  const read = chance.happens(0.3) ? Math.floor(bytes / 4) : 0;
  const tokens = { input: Math.floor(bytes / 3), output: chance.whole(20, maxTokens), cacheRead: read };
  const model = chance.pick(models);
  const text = 'x'.repeat(bytes);
  const messages = [{ role: 'user', content: [{ text }] }];
  const isStream = isStreamed({ api });
  return {
    model,
    plan: {
      api,
      tokens,
      latencyMs: Math.min(20_000, chance.lognormal(1_200, 0.7)),
      breaksAt: isStream && faults.happens('streamBroken') ? chance.between(0.1, 0.9) : undefined,
      isUsageTold: !faults.happens('usageUntold'),
    },
    input:
      api === 'InvokeModel' || api === 'InvokeModelWithResponseStream'
        ? { modelId: model, body: JSON.stringify({ messages, inferenceConfig: { maxTokens } }) }
        : { modelId: model, messages, inferenceConfig: { maxTokens } },
    abortsAfter: faults.happens('callAborted') ? chance.between(10, 3_000) : undefined,
  };
}

export interface Sending extends BoundCalls {
  readonly host: Host;
  readonly runtime: Runtime;
  readonly call: Call;
  /** Whose call it is. */
  readonly tenant: string;
}

export type CallOutcome =
  | { readonly kind: 'answered' }
  | { readonly kind: 'refused'; readonly code: string }
  | { readonly kind: 'failed'; readonly name: string };

const MAX_ATTEMPTS = 3;
const PATHS = {
  Converse: 'converse',
  ConverseStream: 'converse-stream',
  InvokeModel: 'invoke',
  InvokeModelWithResponseStream: 'invoke-with-response-stream',
} as const;

/**
 * The part of a runtime client's middleware stack that matters here: what the governor does ahead of the first call, its admission, the SDK's retry, the governor's
 * accounting of each attempt, and Bedrock.
 */
export async function send({ host, runtime, governed, prepare, call, tenant }: Sending): Promise<CallOutcome> {
  const { plan, input } = call;
  const controller = call.abortsAfter === undefined ? undefined : new AbortController();
  const signal = controller?.signal;
  if (call.abortsAfter !== undefined) host.machine.after(call.abortsAfter, () => controller?.abort());
  const context = {
    commandName: `${plan.api}Command`,
    clientName: 'BedrockRuntimeClient',
    __smithy_context: signal === undefined ? {} : { abortSignal: signal },
  } as unknown as Parameters<GovernedCalls['admission']>[1];
  let admittedAt = host.scheduler.now;
  const attempt = governed.attempt(async (args) => {
    const { path } = args.request as { readonly path: string };
    return (await runtime.answer({
      host,
      path,
      plan,
      signal,
      tenant,
      isGoverned: true,
      admittedAt,
    })) as unknown as Answer;
  }, context);
  const retrying = async (args: Args): Promise<Answer> => {
    admittedAt = host.scheduler.now;
    for (let made = 1; ; made++) {
      try {
        return await attempt(args);
      } catch (error) {
        if (made === MAX_ATTEMPTS || !isRetried(error) || signal?.aborted === true) throw error;
        await host.machine.wait(100 * 2 ** made * host.chance.next());
      }
    }
  };
  const request = { path: `/model/${encodeURIComponent(call.model)}/${PATHS[plan.api]}` };
  try {
    await prepare(context, input);
    const { output } = await governed.admission(retrying, context)({ input, request });
    const stream: unknown = Reflect.get(output, 'stream') ?? Reflect.get(output, 'body');
    if (isAsyncIterable(stream)) await readStream(stream, signal);
    return { kind: 'answered' };
  } catch (error) {
    if (error instanceof GovernorRefusal) return { kind: 'refused', code: error.code };
    return { kind: 'failed', name: error instanceof Error ? error.name : String(error) };
  }
}

type Args = { input: object; request: unknown };
type Answer = Awaited<ReturnType<ReturnType<GovernedCalls['attempt']>>>;

const RETRIED = new Set(['ThrottlingException', 'TimeoutError', 'InternalServerException']);
const isRetried = (error: unknown): boolean => error instanceof Error && RETRIED.has(error.name);

const isAsyncIterable = (value: unknown): value is AsyncIterable<unknown> =>
  typeof value === 'object' && value !== null && Symbol.asyncIterator in value;

/** A caller that gives up leaves the stream where it is. */
async function readStream(stream: AsyncIterable<unknown>, signal: AbortSignal | undefined): Promise<void> {
  for await (const _ of stream) if (signal?.aborted === true) return;
}
