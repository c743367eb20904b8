/**
 * What a model makes of a prompt, and what that costs. Text and usage follow from the request alone: no model runs,
 * and a prompt is neither kept nor shown.
 */
import { AwsFault, type BilledUsage } from '../service.ts';
import type { FoundationModel, Geography } from './catalogue.ts';
import { costNanoUsd, type ServiceTier } from './prices.ts';
import type { CachePoint, CacheTtl, PromptCache } from './prompt-cache.ts';
import type { PromptTokens } from './prompt-tokens.ts';

/** Who is asked and on whose account. The tags are those of the moment at which the call began. */
export interface Serving {
  readonly model: FoundationModel;
  readonly geography: Geography | undefined;
  readonly profileArn: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
  readonly region: string;
  readonly accountId: string;
  readonly tier: ServiceTier;
}

export interface Usage {
  /** Without what the cache was read or written for. */
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens: number;
  /** Newly written to the cache, by how long it is kept, the longest first; never zero tokens. */
  readonly cacheDetails: readonly { readonly ttl: CacheTtl; readonly inputTokens: number }[];
}

export interface Generation {
  readonly serving: Serving;
  readonly usage: Usage;
  /** Whether the prompt names a cache point. */
  readonly usesCache: boolean;
  readonly text: string;
  /** Whether the answer ended because it reached the most tokens that it was allowed. */
  readonly cut: boolean;
  readonly latencyMs: number;
}

export interface GenerationRequest {
  readonly serving: Serving;
  readonly prompt: PromptTokens;
  readonly maxTokens: number;
  /** What the model would write if nothing cut it off; follows from the prompt when undefined. */
  readonly wantedTokens: number | undefined;
  /** Follows from the length of the answer when undefined. */
  readonly latencyMs: number | undefined;
}

const MAX_CACHE_POINTS = 4;

/** @throws {AwsFault} for too many cache points */
export function generate(request: GenerationRequest, cache: PromptCache, now: number): Generation {
  const { serving, prompt, maxTokens } = request;
  if (prompt.cachePoints.length > MAX_CACHE_POINTS)
    throw new AwsFault('ValidationException', `A request may have at most ${MAX_CACHE_POINTS} cache points.`);
  const owner = serving.profileArn ?? `${serving.region}/${serving.model.modelId}`;
  const points: CachePoint[] = prompt.cachePoints.map(({ hash, ...point }) => ({
    ...point,
    prefix: `${owner}/${hash}`,
  }));
  const { readTokens, written } = cache.use(points, now);
  const cacheDetails = (['1h', '5m'] as const)
    .map((ttl) => ({ ttl, inputTokens: total(written.filter((one) => one.ttl === ttl)) }))
    .filter(({ inputTokens }) => inputTokens > 0);
  const wanted = request.wantedTokens ?? 16 + 2 * prompt.total;
  const outputTokens = Math.min(maxTokens, wanted);
  return {
    serving,
    usage: {
      inputTokens: prompt.total - readTokens - total(written),
      outputTokens,
      cacheReadTokens: readTokens,
      cacheDetails,
    },
    usesCache: prompt.cachePoints.length > 0,
    text: `Embedded answer ${prompt.hash.slice(0, 12)}.`,
    cut: wanted > maxTokens,
    latencyMs: request.latencyMs ?? 100 + 8 * outputTokens,
  };
}

export function cacheWriteTokens({ cacheDetails }: Usage): number {
  return cacheDetails.reduce((sum, { inputTokens }) => sum + inputTokens, 0);
}

/** @param outputTokens how many were generated before the call ended; its input counts whole in any case */
export function billOf({ serving, usage }: Generation, outputTokens: number, at: number): BilledUsage {
  const { model, geography, tier } = serving;
  const writtenFor = (ttl: CacheTtl): number =>
    usage.cacheDetails.find((detail) => detail.ttl === ttl)?.inputTokens ?? 0;
  return {
    at,
    region: serving.region,
    accountId: serving.accountId,
    profileArn: serving.profileArn,
    foundationModelId: model.modelId,
    inputTokens: usage.inputTokens,
    outputTokens,
    cacheReadInputTokens: usage.cacheReadTokens,
    cacheWriteInputTokens: cacheWriteTokens(usage),
    cacheDetails: usage.cacheDetails,
    serviceTier: tier,
    costNanoUsd: costNanoUsd(model.modelId, geography, tier, {
      input: usage.inputTokens,
      output: outputTokens,
      cacheRead: usage.cacheReadTokens,
      cacheWrite5m: writtenFor('5m'),
      cacheWrite1h: writtenFor('1h'),
    }),
    tags: serving.tags,
  };
}

function total(written: readonly { readonly tokens: number }[]): number {
  return written.reduce((sum, { tokens }) => sum + tokens, 0);
}
