import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidSchedule, parseSchedule } from '../../local/eventbridge/schedule-expression.ts';

const at = (text: string): number => Date.parse(text);
const firings = (expression: string, from: string, count: number, timeZone?: string): string[] => {
  const schedule = parseSchedule(expression, at(from), timeZone);
  const found: string[] = [];
  let after: number | undefined = at(from);
  for (let index = 0; index < count && after !== undefined; index++) {
    after = schedule.next(after);
    if (after !== undefined) found.push(new Date(after).toISOString().slice(0, 16));
  }
  return found;
};

describe('a schedule expression', () => {
  it.each<[string, string, string[]]>([
    ['rate(5 minutes)', '2026-11-20T09:00Z', ['2026-11-20T09:05', '2026-11-20T09:10']],
    ['rate(1 day)', '2026-11-20T09:00Z', ['2026-11-21T09:00', '2026-11-22T09:00']],
    ['cron(0 10 * * ? *)', '2026-11-20T09:00Z', ['2026-11-20T10:00', '2026-11-21T10:00']],
    ['cron(15 12 * * ? *)', '2026-11-20T12:15Z', ['2026-11-21T12:15', '2026-11-22T12:15']],
    ['cron(0 18 ? * MON-FRI *)', '2026-11-20T09:00Z', ['2026-11-20T18:00', '2026-11-23T18:00']],
    ['cron(0 8 1 * ? *)', '2026-11-20T09:00Z', ['2026-12-01T08:00', '2027-01-01T08:00']],
    ['cron(0/15 * * * ? *)', '2026-11-20T09:50Z', ['2026-11-20T10:00', '2026-11-20T10:15']],
    ['cron(0/5 8-17 ? * MON-FRI *)', '2026-11-20T17:52Z', ['2026-11-20T17:55', '2026-11-23T08:00']],
    ['cron(0 0 L * ? *)', '2028-02-01T00:00Z', ['2028-02-29T00:00', '2028-03-31T00:00']],
    ['cron(0 0 LW * ? *)', '2026-10-01T00:00Z', ['2026-10-30T00:00', '2026-11-30T00:00']],
    ['cron(0 0 1W * ? *)', '2026-08-01T00:00Z', ['2026-08-03T00:00', '2026-09-01T00:00']],
    ['cron(0 0 ? * 6L *)', '2026-11-01T00:00Z', ['2026-11-27T00:00', '2026-12-25T00:00']],
    ['cron(0 0 ? * TUE#3 *)', '2026-11-01T00:00Z', ['2026-11-17T00:00', '2026-12-15T00:00']],
    ['cron(0 0 1 JAN,JUL ? 2027-2028)', '2026-11-20T00:00Z', ['2027-01-01T00:00', '2027-07-01T00:00']],
    ['at(2026-12-01T08:00:00)', '2026-11-20T00:00Z', ['2026-12-01T08:00']],
  ])('%s', (expression, from, expected) => {
    expect(firings(expression, from, 2)).toEqual(expected);
  });

  it('follows the clock of a time zone through a change to summer time', () => {
    expect(firings('cron(0 9 * * ? *)', '2026-03-28T00:00Z', 2, 'Europe/Berlin')).toEqual([
      '2026-03-28T08:00',
      '2026-03-29T07:00',
    ]);
  });

  it('never comes for 30 February', () => {
    expect(firings('cron(0 0 30 2 ? *)', '2026-01-01T00:00Z', 1)).toEqual([]);
  });

  it.each([
    'rate(1 minutes)',
    'rate(5 minute)',
    'rate(0 minutes)',
    'rate(1 week)',
    'cron(0 10 * * * *)',
    'cron(0 10 ? * ? *)',
    'cron(0 10 * * ?)',
    'cron(60 10 * * ? *)',
    'cron(0 10 * FOO ? *)',
    'at(tomorrow)',
    'every day',
  ])('%s is refused', (expression) => {
    expect(() => parseSchedule(expression, 0)).toThrow(InvalidSchedule);
  });

  it('has as its last due time of a span the one that stepping through the span ends at', () => {
    const expression = fc.constantFrom(
      'rate(7 minutes)',
      'cron(3/20 1-5 * * ? *)',
      'cron(0 0 ? * SUN *)',
      'cron(30 2 L * ? *)',
    );
    const minute = fc.integer({ min: 0, max: 60 * 24 * 40 });
    fc.assert(
      fc.property(expression, minute, minute, (text, from, span) => {
        const schedule = parseSchedule(text, at('2026-01-01T00:00Z'));
        const after = at('2026-01-31T00:00Z') + from * 60_000;
        const until = after + span * 60_000;
        let last: number | undefined;
        for (let due = schedule.next(after); due !== undefined && due <= until; due = schedule.next(due)) last = due;
        expect(schedule.last(after, until)).toBe(last);
      }),
      { numRuns: 60 },
    );
  });
});
