/**
 * Model calls: Converse, ConverseStream, InvokeModel and InvokeModelWithResponseStream. The answer and the usage follow
 * from the request alone: no model runs, nothing takes time unless a test plans it, and a prompt is neither kept nor
 * shown to an observer.
 *
 * A call is billed once, when it ends; one that the client has given up on runs to its end unless it streams.
 */
import { parseObject } from '../members.ts';
import { EVENT_STREAM_CONTENT_TYPE } from '../protocols/event-stream.ts';
import type { ByteStream } from '../protocols/wire.ts';
import {
  AwsFault,
  type BilledUsage,
  type Call,
  type JsonObject,
  RawOutput,
  type Service,
  type World,
} from '../service.ts';
import type { ApplicationProfiles } from './application-profiles.ts';
import { EMBEDDING_MODELS } from './catalogue.ts';
import { converseAnswer, converseStreamParts } from './converse-answer.ts';
import { limitsFor, validateConverse, validateInvocation } from './converse-request.ts';
import { countTokens } from './count-tokens.ts';
import { dialectOf } from './dialects/of-model.ts';
import { billOf, type Generation, generate } from './generation.ts';
import { type InvocationTarget, resolveTarget } from './invocation-target.ts';
import { countHeaders, invokeStreamParts } from './invoke-answer.ts';
import type { ModelCall, ModelCallPlan, ModelCalls, ModelOperation } from './model-call-plan.ts';
import { modelError } from './model-errors.ts';
import { type CallEnd, modelStream, type StreamParts } from './model-stream.ts';
import { PromptCache } from './prompt-cache.ts';
import { countPrompt } from './prompt-tokens.ts';
import { waitFor } from './virtual-wait.ts';

export interface BedrockRuntimeOptions {
  readonly world: World;
  readonly profiles: ApplicationProfiles;
  readonly calls: ModelCalls;
  readonly bill: (usage: BilledUsage) => void;
}

/** A call that runs: what it generates, and what is to become of it. */
interface Running {
  readonly generation: Generation;
  readonly plan: ModelCallPlan;
  readonly end: (outputTokens: number, how: CallEnd) => void;
}

export function createBedrockRuntime({ world, profiles, calls, bill }: BedrockRuntimeOptions): Service {
  const cache = new PromptCache();

  const reached = (operation: ModelOperation, input: JsonObject, call: Call): ModelCall => {
    const made = {
      at: world.clock.now(),
      operation,
      region: call.region,
      modelId: String(input['modelId']),
      principalArn: call.principal.arn,
      requestId: call.requestId,
    };
    calls.made.push(made);
    return made;
  };

  const targetOf = ({ modelId, region }: ModelCall): InvocationTarget =>
    resolveTarget(modelId, region, world.accountId, profiles);

  /** @param request as Converse has it, whatever API it came by */
  const begin = async (made: ModelCall, target: InvocationTarget, request: JsonObject): Promise<Running> => {
    const prompt = countPrompt(request);
    const { maxTokens, tier } = limitsFor(target.model, request, {
      total: prompt.total,
      usesCache: prompt.cachePoints.length > 0,
    });
    const plan = calls.planOf(made);
    const streams = made.operation === 'ConverseStream' || made.operation === 'InvokeModelWithResponseStream';
    if (!streams && plan.breaks !== undefined && plan.breaks.by !== 'cut')
      throw new RangeError(`${made.operation} does not stream: it can be cut, not end in ${plan.breaks.by}`);
    const tags = Object.fromEntries(target.profile?.tags ?? []);
    if (!streams || plan.refuse !== undefined) await waitFor(world.clock, plan.latencyMs ?? 0);
    if (plan.refuse !== undefined) throw typeof plan.refuse === 'string' ? modelError(plan.refuse) : plan.refuse;
    const serving = {
      model: target.model,
      geography: target.geography,
      profileArn: target.profile?.arn,
      tags,
      region: made.region,
      accountId: world.accountId,
      tier,
    };
    const { outputTokens: wantedTokens, latencyMs } = plan;
    const generation = generate({ serving, prompt, maxTokens, wantedTokens, latencyMs }, cache, world.clock.now());
    return {
      generation,
      plan,
      end(outputTokens, end) {
        bill(billOf(generation, outputTokens, world.clock.now()));
        world.observe({ kind: 'model-call', operation: made.operation, requestId: made.requestId, end, outputTokens });
      },
    };
  };

  const whole = ({ generation, plan, end }: Running, headers: Record<string, string>, body: JsonObject): RawOutput => {
    end(generation.usage.outputTokens, plan.breaks === undefined ? 'answered' : 'broken');
    const json = { 'content-type': 'application/json', ...headers };
    return new RawOutput(json, plan.breaks === undefined ? JSON.stringify(body) : CUT);
  };

  const streamed = (
    { generation, plan, end }: Running,
    headers: Record<string, string>,
    parts: StreamParts,
  ): RawOutput =>
    new RawOutput(
      { 'content-type': EVENT_STREAM_CONTENT_TYPE, ...headers },
      modelStream({ generation, parts, plan, onEnd: end, wait: (ms, gone) => waitFor(world.clock, ms, gone) }),
    );

  const converse = async (operation: 'Converse' | 'ConverseStream', input: JsonObject, call: Call) => {
    const made = reached(operation, input, call);
    validateConverse(input);
    const target = targetOf(made);
    if (EMBEDDING_MODELS.includes(target.model)) throw new AwsFault('ValidationException', NOT_A_CHAT_MODEL);
    const running = await begin(made, target, input);
    const echo = {
      ...(input['serviceTier'] === undefined ? {} : { serviceTier: { type: running.generation.serving.tier } }),
      ...(input['performanceConfig'] === undefined ? {} : { performanceConfig: { latency: 'standard' } }),
    };
    return { running, echo: { echo, tellsUsage: running.plan.usage !== 'nowhere' } };
  };

  const invoke = async (operation: 'InvokeModel' | 'InvokeModelWithResponseStream', input: JsonObject, call: Call) => {
    const made = reached(operation, input, call);
    const asked = validateInvocation(call.headers);
    const target = targetOf(made);
    const dialect = dialectOf(target.model);
    if (operation === 'InvokeModelWithResponseStream' && dialect.stream === undefined)
      throw new AwsFault('ValidationException', 'The model is unsupported for streaming.');
    const body = parseObject(String(input['body'] ?? ''));
    if (body === undefined) throw new AwsFault('ValidationException', MALFORMED);
    const serviceTier = asked.tier === undefined ? undefined : { type: asked.tier };
    const running = await begin(made, target, { ...dialect.toConverse(body), serviceTier });
    const { generation, plan } = running;
    const headers = {
      ...(asked.tier !== undefined && { 'x-amzn-bedrock-service-tier': generation.serving.tier }),
      ...(asked.latency !== undefined && { 'x-amzn-bedrock-performanceconfig-latency': 'standard' }),
    };
    const telling = { usage: plan.usage !== 'nowhere', requestId: made.requestId };
    return { running, dialect, body, headers, telling, metered: (plan.usage ?? 'everywhere') === 'everywhere' };
  };

  return {
    signingName: 'bedrock',
    protocol: {
      kind: 'rest-json',
      routes: [
        { operation: 'Converse', method: 'POST', path: '/model/{modelId}/converse' },
        { operation: 'ConverseStream', method: 'POST', path: '/model/{modelId}/converse-stream' },
        { operation: 'InvokeModel', method: 'POST', path: '/model/{modelId}/invoke', payload: 'body' },
        {
          operation: 'InvokeModelWithResponseStream',
          method: 'POST',
          path: '/model/{modelId}/invoke-with-response-stream',
          payload: 'body',
        },
        { operation: 'CountTokens', method: 'POST', path: '/model/{modelId}/count-tokens' },
      ],
    },
    operations: {
      CountTokens: (input, call) => ({
        inputTokens: countTokens(
          input,
          resolveTarget(String(input['modelId']), call.region, world.accountId, profiles),
        ),
      }),
    },
    rawOperations: {
      async Converse(input, call) {
        const { running, echo } = await converse('Converse', input, call);
        return whole(running, {}, converseAnswer(running.generation, echo));
      },
      async ConverseStream(input, call) {
        const { running, echo } = await converse('ConverseStream', input, call);
        return streamed(running, {}, converseStreamParts(running.generation, echo));
      },
      async InvokeModel(input, call) {
        const { running, dialect, body, headers, telling, metered } = await invoke('InvokeModel', input, call);
        const counts = metered ? countHeaders(running.generation) : {};
        return whole(running, { ...headers, ...counts }, dialect.answer(running.generation, telling, body));
      },
      async InvokeModelWithResponseStream(input, call) {
        const { running, dialect, headers, telling, metered } = await invoke(
          'InvokeModelWithResponseStream',
          input,
          call,
        );
        const native = dialect.stream?.(running.generation, telling);
        if (native === undefined) throw new Error(`${running.generation.serving.model.modelId} does not stream`);
        const contentType = { 'x-amzn-bedrock-content-type': 'application/json' };
        return streamed(
          running,
          { ...headers, ...contentType },
          invokeStreamParts(running.generation, native, metered),
        );
      },
    },
  };
}

const NOT_A_CHAT_MODEL =
  'This action doesn’t support the model that you provided. Try again with a supported text or chat model.';
const MALFORMED = 'Malformed input request, please reformat your input and try again.';

/** The answer is lost on its way. */
const CUT: ByteStream = () => ({
  [Symbol.asyncIterator]: () => ({
    next: async () => {
      throw new Error('the answer is cut as planned');
    },
  }),
});
