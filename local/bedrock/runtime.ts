/**
 * Model calls. The answer and the usage follow from the request alone: no model runs, nothing takes time, and a prompt
 * is neither kept nor shown to an observer.
 *
 * Only Converse is here; the other operations of the runtime are answered as unknown.
 */
import { AwsFault, type BilledUsage, type JsonObject, type Service, type World } from '../service.ts';
import type { ApplicationProfiles } from './application-profiles.ts';
import { limitsFor, validateConverse } from './converse-request.ts';
import { type InvocationTarget, resolveTarget } from './invocation-target.ts';
import { costNanoUsd, type ServiceTier } from './prices.ts';
import { PromptCache } from './prompt-cache.ts';
import { countPrompt } from './prompt-tokens.ts';

export interface BedrockRuntimeOptions {
  readonly world: World;
  readonly profiles: ApplicationProfiles;
  readonly bill: (usage: BilledUsage) => void;
}

export function createBedrockRuntime({ world, profiles, bill }: BedrockRuntimeOptions): Service {
  const cache = new PromptCache();

  return {
    signingName: 'bedrock',
    protocol: {
      kind: 'rest-json',
      routes: [{ operation: 'Converse', method: 'POST', path: '/model/{modelId}/converse' }],
    },
    operations: {
      Converse(input, call) {
        validateConverse(input);
        const target = resolveTarget(String(input['modelId']), call.region, world.accountId, profiles);
        const prompt = countPrompt(input);
        const { maxTokens, tier } = limitsFor(target.model, input, {
          total: prompt.total,
          usesCache: prompt.cachePoints.length > 0,
        });
        if (prompt.cachePoints.length > 4)
          throw new AwsFault('ValidationException', 'A request may have at most 4 cache points.');

        const now = world.clock.now();
        const owner = target.profile?.arn ?? `${call.region}/${target.model.modelId}`;
        const points = prompt.cachePoints.map(({ hash, ...point }) => ({ ...point, prefix: `${owner}/${hash}` }));
        const { readTokens, written } = cache.use(points, now);
        const usage = usageOf(prompt.total, readTokens, written, maxTokens);
        bill(billed(target, usage, tier, { at: now, region: call.region, accountId: world.accountId }));
        return {
          output: {
            message: { role: 'assistant', content: [{ text: `Embedded answer ${prompt.hash.slice(0, 12)}.` }] },
          },
          stopReason: usage.cut ? 'max_tokens' : 'end_turn',
          usage: usageMembers(usage, prompt.cachePoints.length > 0),
          metrics: { latencyMs: 100 + 8 * usage.outputTokens },
          ...(input['serviceTier'] === undefined ? {} : { serviceTier: { type: tier } }),
          ...(input['performanceConfig'] === undefined ? {} : { performanceConfig: { latency: 'standard' } }),
        };
      },
    },
  };
}

interface Usage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly readTokens: number;
  readonly written: readonly { readonly ttl: '5m' | '1h'; readonly tokens: number }[];
  /** Whether the answer ended because it reached the most tokens that it was allowed. */
  readonly cut: boolean;
}

function usageOf(promptTokens: number, readTokens: number, written: Usage['written'], maxTokens: number): Usage {
  const inputTokens = promptTokens - readTokens - sum(written);
  const wanted = 16 + 2 * promptTokens;
  return { inputTokens, outputTokens: Math.min(maxTokens, wanted), readTokens, written, cut: wanted > maxTokens };
}

/** `inputTokens` leaves out what the cache was read or written for. Whether `totalTokens` counts it is UNVERIFIED. */
function usageMembers(usage: Usage, usesCache: boolean): JsonObject {
  const { inputTokens, outputTokens, readTokens, written } = usage;
  const totalTokens = inputTokens + outputTokens + readTokens + sum(written);
  if (!usesCache) return { inputTokens, outputTokens, totalTokens };
  const byTtl = (['1h', '5m'] as const).map((ttl) => ({
    ttl,
    inputTokens: sum(written.filter((one) => one.ttl === ttl)),
  }));
  return {
    inputTokens,
    outputTokens,
    totalTokens,
    cacheReadInputTokens: readTokens,
    cacheWriteInputTokens: sum(written),
    cacheDetails: byTtl.filter((one) => one.inputTokens > 0),
  };
}

function billed(
  { model, geography, profile }: InvocationTarget,
  { inputTokens, outputTokens, readTokens, written }: Usage,
  tier: ServiceTier,
  call: Pick<BilledUsage, 'at' | 'region' | 'accountId'>,
): BilledUsage {
  return {
    ...call,
    profileArn: profile?.arn,
    foundationModelId: model.modelId,
    inputTokens,
    outputTokens,
    cacheReadInputTokens: readTokens,
    cacheWriteInputTokens: sum(written),
    costNanoUsd: costNanoUsd(model.modelId, geography, tier, {
      input: inputTokens,
      output: outputTokens,
      cacheRead: readTokens,
      cacheWrite5m: sum(written.filter(({ ttl }) => ttl === '5m')),
      cacheWrite1h: sum(written.filter(({ ttl }) => ttl === '1h')),
    }),
    tags: Object.fromEntries(profile?.tags ?? []),
  };
}

function sum(written: Usage['written']): number {
  return written.reduce((total, { tokens }) => total + tokens, 0);
}
