import { Temporal } from 'temporal-polyfill';
import type { Schedule } from './schedule.ts';

const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const WEEKDAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];

/** A schedule that never comes, such as 30 February, is given up after this many days. */
const SEARCH_DAYS = 366 * 8;

type Field = {
  readonly low: number;
  readonly high: number;
  readonly names?: readonly string[];
  readonly base?: number;
};

/**
 * Parses the six fields of AWS's cron(): minutes, hours, day of month, month, day of week, year. One of the two day
 * fields must be `?`. `L`, `W` and `#` are understood. [docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern]
 *
 * @throws {RangeError}
 */
export function parseCron(body: string, timeZone: string): Schedule {
  const fields = body.trim().split(/\s+/);
  const [minute, hour, dayOfMonth, month, dayOfWeek, year] = fields;
  if (
    fields.length !== 6 ||
    minute === undefined ||
    hour === undefined ||
    dayOfMonth === undefined ||
    month === undefined ||
    dayOfWeek === undefined ||
    year === undefined
  ) {
    throw new RangeError('cron() takes six fields');
  }
  if ((dayOfMonth === '?') === (dayOfWeek === '?')) {
    throw new RangeError('exactly one of day-of-month and day-of-week must be "?"');
  }
  const minutes = valuesOf(minute, { low: 0, high: 59 });
  const hours = valuesOf(hour, { low: 0, high: 23 });
  const months = valuesOf(month, { low: 1, high: 12, names: MONTHS, base: 1 });
  const years = valuesOf(year, { low: 1970, high: 2199 });
  const onDay = dayOfWeek === '?' ? dayOfMonthTest(dayOfMonth) : dayOfWeekTest(dayOfWeek);
  const falls = (date: Temporal.PlainDate): boolean => years.has(date.year) && months.has(date.month) && onDay(date);

  const dueOn = (date: Temporal.PlainDate): number[] => {
    const due: number[] = [];
    for (const h of hours) {
      for (const m of minutes) {
        due.push(date.toZonedDateTime({ timeZone, plainTime: new Temporal.PlainTime(h, m) }).epochMilliseconds);
      }
    }
    return due.sort((a, b) => a - b);
  };
  const dateAt = (at: number): Temporal.PlainDate =>
    Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(timeZone).toPlainDate();

  return {
    next: (after) => {
      let date = dateAt(after);
      for (let day = 0; day <= SEARCH_DAYS; day++, date = date.add({ days: 1 })) {
        const due = falls(date) ? dueOn(date).find((at) => at > after) : undefined;
        if (due !== undefined) return due;
      }
      return undefined;
    },
    last: (after, until) => {
      const first = dateAt(after);
      for (let date = dateAt(until); Temporal.PlainDate.compare(date, first) >= 0; date = date.subtract({ days: 1 })) {
        const due = falls(date) ? dueOn(date).findLast((at) => at <= until && at > after) : undefined;
        if (due !== undefined) return due;
      }
      return undefined;
    },
  };
}

/** A list of values, ranges and steps: `*`, `5`, `1-5`, `0/15`, `0/10`, `MON-FRI,SUN`. */
function valuesOf(text: string, field: Field): Set<number> {
  const values = new Set<number>();
  for (const part of text.split(',')) {
    const [range = '', stepText, ...extra] = part.split('/');
    if (extra.length > 0) throw new RangeError(`"${part}" has two steps`);
    const step = stepText === undefined ? 1 : wholeNumber(stepText);
    if (step < 1) throw new RangeError(`"${part}" has a step below 1`);
    const [from = '', to, ...more] = range.split('-');
    if (more.length > 0) throw new RangeError(`"${part}" is not a range`);
    const low = range === '*' ? field.low : numberOf(from, field);
    const high = to !== undefined ? numberOf(to, field) : range === '*' || stepText !== undefined ? field.high : low;
    if (high < low) throw new RangeError(`"${part}" ends before it begins`);
    for (let value = low; value <= high; value += step) values.add(value);
  }
  return values;
}

function numberOf(text: string, field: Field): number {
  const named = field.names?.indexOf(text.toUpperCase()) ?? -1;
  const value = named >= 0 ? named + (field.base ?? 0) : wholeNumber(text);
  if (value < field.low || value > field.high) {
    throw new RangeError(`${text} is not between ${field.low} and ${field.high}`);
  }
  return value;
}

function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new RangeError(`"${text}" is not a whole number`);
  return Number(text);
}

type DayTest = (date: Temporal.PlainDate) => boolean;

function dayOfMonthTest(text: string): DayTest {
  if (text === 'L') return (date) => date.day === date.daysInMonth;
  if (text === 'LW') return (date) => date.day === nearestWeekday(date, date.daysInMonth);
  const weekday = /^(\d+)W$/.exec(text)?.[1];
  if (weekday !== undefined) {
    const target = numberOf(weekday, { low: 1, high: 31 });
    return (date) => target <= date.daysInMonth && date.day === nearestWeekday(date, target);
  }
  const days = valuesOf(text, { low: 1, high: 31 });
  return (date) => days.has(date.day);
}

/** The weekday (Monday to Friday) nearest to a day, within its month. */
function nearestWeekday(month: Temporal.PlainDate, day: number): number {
  const { dayOfWeek, daysInMonth } = month.with({ day });
  if (dayOfWeek === 6) return day === 1 ? 3 : day - 1;
  if (dayOfWeek === 7) return day === daysInMonth ? day - 2 : day + 1;
  return day;
}

/** AWS counts days of the week from 1, Sunday. */
function dayOfWeekTest(text: string): DayTest {
  const field: Field = { low: 1, high: 7, names: WEEKDAYS, base: 1 };
  const awsDay = (date: Temporal.PlainDate): number => (date.dayOfWeek % 7) + 1;
  if (text === 'L') return (date) => awsDay(date) === 7;
  const last = /^(\w+)L$/.exec(text)?.[1];
  if (last !== undefined) {
    const target = numberOf(last, field);
    return (date) => awsDay(date) === target && date.day + 7 > date.daysInMonth;
  }
  const [, nthDay, nth] = /^(\w+)#([1-5])$/.exec(text) ?? [];
  if (nthDay !== undefined && nth !== undefined) {
    const target = numberOf(nthDay, field);
    return (date) => awsDay(date) === target && Math.ceil(date.day / 7) === Number(nth);
  }
  const days = valuesOf(text, field);
  return (date) => days.has(awsDay(date));
}
