// Functions, rather than classes with all of their methods: a process that begins loads no more than it uses.
import * as PlainDate from 'temporal-polyfill/fns/PlainDate';
import * as ZonedDateTime from 'temporal-polyfill/fns/ZonedDateTime';
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
    return ZonedDateTime.create(0n, name).timeZoneId.toLowerCase() === name.toLowerCase();
  } catch {
    return false;
  }
}

const two = (value: number): string => String(value).padStart(2, '0');
const four = (value: number): string => String(value).padStart(4, '0');

function firstDay(kind: PeriodKind, day: PlainDate.Record): PlainDate.Record {
  switch (kind) {
    case 'day':
      return day;
    case 'week':
      return PlainDate.subtractDays(day, PlainDate.dayOfWeek(day) - 1);
    case 'month':
      return PlainDate.create(day.year, day.month, 1);
    case 'quarter':
      return PlainDate.create(day.year, day.month - ((day.month - 1) % 3), 1);
    case 'year':
      return PlainDate.create(day.year, 1, 1);
  }
}

const NEXT: Record<PeriodKind, (first: PlainDate.Record) => PlainDate.Record> = {
  day: (first) => PlainDate.addDays(first, 1),
  week: (first) => PlainDate.addWeeks(first, 1),
  month: (first) => PlainDate.addMonths(first, 1),
  quarter: (first) => PlainDate.addMonths(first, 3),
  year: (first) => PlainDate.addYears(first, 1),
};

function idOf(kind: PeriodKind, first: PlainDate.Record): string {
  switch (kind) {
    case 'day':
      return PlainDate.toString(first);
    case 'week':
      return `${four(PlainDate.yearOfWeek(first) ?? first.year)}-W${two(PlainDate.weekOfYear(first) ?? 0)}`;
    case 'month':
      return `${four(first.year)}-${two(first.month)}`;
    case 'quarter':
      return `${four(first.year)}-Q${(first.month + 2) / 3}`;
    case 'year':
      return four(first.year);
  }
}

const NANOSECONDS_IN_MS = 1_000_000n;

/**
 * Periods that were looked up last, by kind and time zone: a calendar is slow, and almost always the same few periods are
 * asked for. The periods of a kind and time zone leave no gap and do not overlap.
 */
const lately = new Map<string, Period[]>();
const KEPT = 4;
const KEPT_CALENDARS = 100;

/** The period of a kind that holds the instant, by the calendar of the time zone. Days last 23, 24 or 25 hours there. */
export function periodAt(kind: PeriodKind, timeZone: string, at: EpochMs): Period {
  const calendar = `${kind} ${timeZone}`;
  const known = lately.get(calendar) ?? [];
  for (const period of known) if (at >= period.startsAt && at < period.endsAt) return period;
  const period = computed(kind, timeZone, at);
  if (lately.size >= KEPT_CALENDARS) lately.clear();
  lately.set(calendar, [period, ...known.slice(0, KEPT - 1)]);
  return period;
}

function computed(kind: PeriodKind, timeZone: string, at: EpochMs): Period {
  const day = ZonedDateTime.toPlainDate(ZonedDateTime.create(BigInt(at) * NANOSECONDS_IN_MS, timeZone));
  const startOf = (date: PlainDate.Record): EpochMs =>
    epochMs(PlainDate.toZonedDateTime(date, timeZone).epochMilliseconds);
  const first = firstDay(kind, day);
  const next = NEXT[kind](first);
  const turn = startOf(next);
  if (at < turn) return { id: idOf(kind, first), kind, startsAt: startOf(first), endsAt: turn };
  // Where clocks go back past midnight, they show the day before again after the new one has begun: it goes on.
  return { id: idOf(kind, next), kind, startsAt: turn, endsAt: startOf(NEXT[kind](next)) };
}

/** The period that begins where this one ends. */
export const nextPeriod = (period: Period, timeZone: string): Period => periodAt(period.kind, timeZone, period.endsAt);
