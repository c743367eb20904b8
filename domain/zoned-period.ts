// Functions, rather than classes with all of their methods: a process that begins loads no more than it uses.
import * as PlainDate from 'temporal-polyfill/fns/PlainDate';
import * as ZonedDateTime from 'temporal-polyfill/fns/ZonedDateTime';
import { type EpochMs, epochMs } from './clock.ts';
import type { Period, PeriodKind } from './period-kind.ts';

/** The name by which the runtime's time zone database knows a zone. @throws where it does not know it */
export const timeZoneId = (name: string): string => ZonedDateTime.create(0n, name).timeZoneId;

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

/** By the calendar of any time zone. Days last 23, 24 or 25 hours there. */
export function zonedPeriod(kind: PeriodKind, timeZone: string, at: EpochMs): Period {
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
