import { Temporal } from 'temporal-polyfill';
import { type EpochMs, epochMs } from './clock.ts';

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

/** Whether the runtime's time zone database knows this IANA name. Fixed offsets (`+02:00`) are not accepted. */
export function isTimeZone(name: string): boolean {
  if (/^[+-]/.test(name)) return false;
  try {
    // Temporal also takes a date with a zone or an offset in it; then the zone that it finds has another name.
    const zoned = Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name);
    return zoned.timeZoneId.toLowerCase() === name.toLowerCase();
  } catch {
    return false;
  }
}

const two = (value: number): string => String(value).padStart(2, '0');
const four = (value: number): string => String(value).padStart(4, '0');

function firstDay(kind: PeriodKind, day: Temporal.PlainDate): Temporal.PlainDate {
  switch (kind) {
    case 'day':
      return day;
    case 'week':
      return day.subtract({ days: day.dayOfWeek - 1 });
    case 'month':
      return day.with({ day: 1 });
    case 'quarter':
      return day.with({ day: 1, month: day.month - ((day.month - 1) % 3) });
    case 'year':
      return day.with({ day: 1, month: 1 });
  }
}

const LENGTH: Record<PeriodKind, Temporal.DurationLike> = {
  day: { days: 1 },
  week: { weeks: 1 },
  month: { months: 1 },
  quarter: { months: 3 },
  year: { years: 1 },
};

function idOf(kind: PeriodKind, first: Temporal.PlainDate): string {
  switch (kind) {
    case 'day':
      return first.toString();
    case 'week':
      return `${four(first.yearOfWeek ?? first.year)}-W${two(first.weekOfYear ?? 0)}`;
    case 'month':
      return `${four(first.year)}-${two(first.month)}`;
    case 'quarter':
      return `${four(first.year)}-Q${(first.month + 2) / 3}`;
    case 'year':
      return four(first.year);
  }
}

/** The period of a kind that holds the instant, by the calendar of the time zone. Days last 23, 24 or 25 hours there. */
export function periodAt(kind: PeriodKind, timeZone: string, at: EpochMs): Period {
  const day = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(timeZone).toPlainDate();
  const startOf = (date: Temporal.PlainDate): EpochMs => epochMs(date.toZonedDateTime(timeZone).epochMilliseconds);
  const first = firstDay(kind, day);
  const next = first.add(LENGTH[kind]);
  const turn = startOf(next);
  if (at < turn) return { id: idOf(kind, first), kind, startsAt: startOf(first), endsAt: turn };
  // Where clocks go back past midnight, they show the day before again after the new one has begun: it goes on.
  return { id: idOf(kind, next), kind, startsAt: turn, endsAt: startOf(next.add(LENGTH[kind])) };
}

/** The period that begins where this one ends. */
export const nextPeriod = (period: Period, timeZone: string): Period => periodAt(period.kind, timeZone, period.endsAt);
