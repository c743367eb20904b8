import type { BilledUsage, World } from '../service.ts';
import { type MinutePoint, MinuteSeries } from './minute-series.ts';

/** A metric by its name and the values of its dimensions. Bedrock's have the one dimension `ModelId`. */
export interface Metric {
  readonly name: string;
  readonly modelId: string;
}

/** Namespace of the runtime's metrics [Amazon Bedrock User Guide, monitoring runtime metrics]. */
export const BEDROCK_NAMESPACE = 'AWS/Bedrock';

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

interface Told {
  readonly metric: Metric;
  /** UNVERIFIED which instant of a call decides; here none takes time. */
  readonly series: MinuteSeries;
}

/** The runtime's metrics of one Region, as far as they are visible: all follow from what was billed. */
export class BedrockMetrics {
  readonly #world: World;
  readonly #delayMs: number;
  /** By Region and metric. */
  readonly #told = new Map<string, Map<string, Told>>();
  /** How much of the bill has been read: a call is read when its metrics become visible, in the order of the bill. */
  #read = 0;

  constructor(world: World, delayMs: number) {
    this.#world = world;
    this.#delayMs = delayMs;
  }

  /** What was told of a metric so far, in order of time. */
  points(region: string, metric: Metric): readonly MinutePoint[] {
    return this.#visible(region).get(keyOf(metric))?.series.points ?? [];
  }

  /** Every metric that has had a data point since an instant. */
  list(region: string, since: number): Metric[] {
    return [...this.#visible(region).values()]
      .filter(({ series }) => series.lastAt >= since)
      .map(({ metric }) => metric);
  }

  #visible(region: string): ReadonlyMap<string, Told> {
    const until = this.#world.clock.now() - this.#delayMs;
    const { billing } = this.#world;
    for (let usage = billing[this.#read]; usage !== undefined && usage.at <= until; usage = billing[++this.#read])
      this.#take(usage);
    return this.#told.get(region) ?? new Map();
  }

  #take(usage: BilledUsage): void {
    const told = this.#told.get(usage.region) ?? new Map<string, Told>();
    this.#told.set(usage.region, told);
    const modelId = modelIdOf(usage);
    for (const [name, added] of Object.entries(METRICS)) {
      const value = added(usage);
      if (value === undefined) continue;
      const metric = { name, modelId };
      const known = told.get(keyOf(metric)) ?? { metric, series: new MinuteSeries() };
      told.set(keyOf(metric), known);
      known.series.add(usage.at, value);
    }
  }
}

const keyOf = ({ name, modelId }: Metric): string => `${name} ${modelId}`;

/** The id of an application inference profile, not its ARN; otherwise the base model's id. */
const modelIdOf = ({ profileArn, foundationModelId }: BilledUsage): string =>
  profileArn?.split('/').at(-1) ?? foundationModelId;
