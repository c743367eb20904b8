import { Temporal } from 'temporal-polyfill';
import { parseCron } from './cron.ts';
import type { Schedule } from './schedule.ts';

/** The expression is not one that EventBridge takes; the message says why. */
export class InvalidSchedule extends Error {
  override readonly name = 'InvalidSchedule';
}

const UNIT_MS = { minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const;

/**
 * Parses `rate(5 minutes)`, `cron(0 8 1 * ? *)` or, for EventBridge Scheduler, `at(2026-12-01T00:00:00)`.
 *
 * @param anchor epoch milliseconds from which a rate counts (when the schedule was made)
 * @param timeZone IANA name for cron() and at(); rules use UTC
 * @throws {InvalidSchedule}
 */
export function parseSchedule(expression: string, anchor: number, timeZone = 'UTC'): Schedule {
  const [, kind, body] = /^(rate|cron|at)\((.*)\)$/.exec(expression) ?? [];
  if (kind === undefined || body === undefined) {
    throw new InvalidSchedule(`Parameter ScheduleExpression is not valid: ${expression}`);
  }
  try {
    if (kind === 'rate') return rate(body, anchor);
    if (kind === 'cron') return parseCron(body, timeZone);
    return once(Temporal.PlainDateTime.from(body).toZonedDateTime(timeZone).epochMilliseconds);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new InvalidSchedule(`Parameter ScheduleExpression is not valid: ${expression} (${reason})`);
  }
}

function rate(body: string, anchor: number): Schedule {
  const [, count = '', unit = '', plural] = /^(\d+) (minute|hour|day)(s?)$/.exec(body) ?? [];
  const value = Number(count);
  if (value < 1) throw new RangeError('expected a whole number, at least 1, and minute(s), hour(s) or day(s)');
  if ((value === 1) === (plural === 's')) throw new RangeError('the unit is singular for 1 and plural otherwise');
  const step = value * (unit === 'minute' ? UNIT_MS.minute : unit === 'hour' ? UNIT_MS.hour : UNIT_MS.day);
  const upTo = (until: number): number => anchor + Math.floor((until - anchor) / step) * step;
  return {
    next: (after) => Math.max(upTo(after), anchor) + step,
    last: (after, until) => {
      const due = upTo(until);
      return due > after && due > anchor ? due : undefined;
    },
  };
}

function once(due: number): Schedule {
  return {
    next: (after) => (due > after ? due : undefined),
    last: (after, until) => (due > after && due <= until ? due : undefined),
  };
}
