import type { BilledUsage, World } from '../service.ts';

/** A metric by its name and the values of its dimensions. Bedrock's have the one dimension `ModelId`. */
export interface Metric {
  readonly name: string;
  readonly modelId: string;
}

/** Namespace of the runtime's metrics [Amazon Bedrock User Guide, monitoring runtime metrics]. */
export const BEDROCK_NAMESPACE = 'AWS/Bedrock';

const MINUTE_MS = 60_000;

/**
 * Each metric, and what one call adds to it; undefined where it adds no data point. `InputTokenCount` leaves cached
 * tokens out. UNVERIFIED that a call which uses no prompt cache leaves no data point in the cache metrics.
 */
const METRICS: Readonly<Record<string, (usage: BilledUsage) => number | undefined>> = {
  Invocations: () => 1,
  InputTokenCount: (usage) => usage.inputTokens,
  OutputTokenCount: (usage) => usage.outputTokens,
  CacheReadInputTokenCount: (usage) => usage.cacheReadInputTokens || undefined,
  CacheWriteInputTokenCount: (usage) => usage.cacheWriteInputTokens || undefined,
};

export interface MetricPoint {
  /** Beginning of the minute. UNVERIFIED which instant of a call decides; here none takes time. */
  readonly at: number;
  readonly value: number;
}

/** The runtime's metrics of one Region, as far as they are visible: all follow from what was billed. */
export class BedrockMetrics {
  readonly #world: World;
  readonly #delayMs: number;

  constructor(world: World, delayMs: number) {
    this.#world = world;
    this.#delayMs = delayMs;
  }

  /** What was told of a metric so far, in order of time. */
  points(region: string, { name, modelId }: Metric): MetricPoint[] {
    const added = Object.hasOwn(METRICS, name) ? METRICS[name] : undefined;
    if (added === undefined) return [];
    return this.#visible(region)
      .filter((usage) => modelIdOf(usage) === modelId)
      .flatMap((usage) => {
        const value = added(usage);
        return value === undefined ? [] : [{ at: Math.floor(usage.at / MINUTE_MS) * MINUTE_MS, value }];
      });
  }

  /** Every metric that has had a data point since an instant. */
  list(region: string, since: number): Metric[] {
    const metrics = new Map<string, Metric>();
    for (const usage of this.#visible(region)) {
      if (usage.at < since) continue;
      const modelId = modelIdOf(usage);
      for (const [name, added] of Object.entries(METRICS))
        if (added(usage) !== undefined) metrics.set(`${name} ${modelId}`, { name, modelId });
    }
    return [...metrics.values()];
  }

  #visible(region: string): BilledUsage[] {
    const until = this.#world.clock.now() - this.#delayMs;
    return this.#world.billing.filter((usage) => usage.region === region && usage.at <= until);
  }
}

/** The id of an application inference profile, not its ARN; otherwise the base model's id. */
const modelIdOf = ({ profileArn, foundationModelId }: BilledUsage): string =>
  profileArn?.split('/').at(-1) ?? foundationModelId;
