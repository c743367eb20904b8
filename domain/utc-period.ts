import { type EpochMs, epochMs } from './clock.ts';
import type { Period, PeriodKind } from './period-kind.ts';

/** A date of the calendar: `month` from 0, and what lies beyond a month or a year belongs to the next. */
interface CalendarDate {
  readonly year: number;
  readonly month: number;
  readonly day: number;
}

const MONTHS_IN_QUARTER = 3;
const DAYS_IN_WEEK = 7;

const two = (value: number): string => String(value).padStart(2, '0');
const four = (value: number): string => String(value).padStart(4, '0');

const startOf = ({ year, month, day }: CalendarDate): EpochMs => epochMs(Date.UTC(year, month, day));

/**
 * By the calendar of UTC, where each day has 24 hours: the same as a calendar with time zones gives, and needs none. Most
 * budgets are in UTC, and a process that begins does not wait for the calendar.
 */
export function utcPeriod(kind: PeriodKind, at: EpochMs): Period {
  const date = new Date(at);
  const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()];
  const span = (id: string, first: CalendarDate, next: CalendarDate): Period => ({
    id,
    kind,
    startsAt: startOf(first),
    endsAt: startOf(next),
  });
  switch (kind) {
    case 'day':
      return span(`${four(year)}-${two(month + 1)}-${two(day)}`, { year, month, day }, { year, month, day: day + 1 });
    case 'week': {
      const monday = day - ((date.getUTCDay() + DAYS_IN_WEEK - 1) % DAYS_IN_WEEK);
      const next = { year, month, day: monday + DAYS_IN_WEEK };
      return span(weekId({ year, month, day: monday + 3 }), { year, month, day: monday }, next);
    }
    case 'month':
      return span(`${four(year)}-${two(month + 1)}`, { year, month, day: 1 }, { year, month: month + 1, day: 1 });
    case 'quarter': {
      const first = month - (month % MONTHS_IN_QUARTER);
      const id = `${four(year)}-Q${first / MONTHS_IN_QUARTER + 1}`;
      return span(id, { year, month: first, day: 1 }, { year, month: first + MONTHS_IN_QUARTER, day: 1 });
    }
    case 'year':
      return span(four(year), { year, month: 0, day: 1 }, { year: year + 1, month: 0, day: 1 });
  }
}

/** ISO 8601: a week belongs to the year that has its Thursday, and is numbered by it. */
function weekId(thursday: CalendarDate): string {
  const date = new Date(startOf(thursday));
  const year = date.getUTCFullYear();
  const dayOfYear = (date.getTime() - Date.UTC(year, 0, 1)) / 86_400_000;
  return `${four(year)}-W${two(Math.floor(dayOfYear / DAYS_IN_WEEK) + 1)}`;
}
