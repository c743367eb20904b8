import type { EpochMs } from './clock.ts';

export const PERIOD_KINDS = ['day', 'week', 'month', 'quarter', 'year'] as const;
export type PeriodKind = (typeof PERIOD_KINDS)[number];

/** A calendar period in a time zone: `startsAt` belongs to it, `endsAt` is the first instant of the next. */
export interface Period {
  /** `2026-11-23`, `2026-W48`, `2026-11`, `2026-Q4`, `2026`. Sorts within its kind; unique only together with the kind. */
  readonly id: string;
  readonly kind: PeriodKind;
  readonly startsAt: EpochMs;
  readonly endsAt: EpochMs;
}
