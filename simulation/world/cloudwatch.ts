import type { GetMetricDataCommandInput } from '@aws-sdk/client-cloudwatch';
import type { Tokens } from './bill.ts';
import type { Operations } from './clients.ts';

interface Point {
  /** Epoch minute. */
  readonly minute: number;
  readonly visibleAt: number;
  readonly tokens: Tokens;
}

const VALUES: Readonly<Record<string, (tokens: Tokens) => number>> = {
  InputTokenCount: ({ input }) => input,
  OutputTokenCount: ({ output }) => output,
  CacheReadInputTokenCount: ({ cacheRead }) => cacheRead,
  CacheWriteInputTokenCount: () => 0,
  Invocations: () => 1,
};

/** The token metrics of Bedrock's runtime: they come minutes late. */
export class TokenMetrics {
  readonly #points = new Map<string, Point[]>();

  add(profileId: string, at: number, visibleAt: number, tokens: Tokens): void {
    const points = this.#points.get(profileId) ?? [];
    points.push({ minute: Math.floor(at / 60_000), visibleAt, tokens });
    this.#points.set(profileId, points);
  }

  operations(now: () => number, isPartial: () => boolean): Operations {
    return {
      GetMetricDataCommand: ({ MetricDataQueries = [], StartTime, EndTime }: GetMetricDataCommandInput) => {
        const from = Math.floor((StartTime?.getTime() ?? 0) / 60_000);
        const until = Math.floor((EndTime?.getTime() ?? 0) / 60_000);
        const StatusCode = isPartial() ? 'PartialData' : 'Complete';
        return {
          MetricDataResults: MetricDataQueries.map(({ Id, MetricStat }) => ({
            Id,
            StatusCode,
            Values: this.#sum(
              MetricStat?.Metric?.Dimensions?.[0]?.Value ?? '',
              VALUES[MetricStat?.Metric?.MetricName ?? ''],
              { from, until, now: now() },
            ),
          })),
        };
      },
    };
  }

  #sum(
    profileId: string,
    value: ((tokens: Tokens) => number) | undefined,
    { from, until, now }: { from: number; until: number; now: number },
  ): number[] {
    if (value === undefined) return [];
    let total = 0;
    let hasData = false;
    for (const point of this.#points.get(profileId) ?? [])
      if (point.minute >= from && point.minute < until && point.visibleAt <= now) {
        total += value(point.tokens);
        hasData = true;
      }
    return hasData ? [total] : [];
  }
}
