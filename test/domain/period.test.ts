import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type EpochMs, epochMs } from '../../domain/clock.ts';
import { isTimeZone, nextPeriod, PERIOD_KINDS, type PeriodKind, periodAt } from '../../domain/period.ts';
import { utcPeriod } from '../../domain/utc-period.ts';
import { zonedPeriod } from '../../domain/zoned-period.ts';

const at = (iso: string): EpochMs => epochMs(Date.parse(iso));
const HOUR = 3_600_000;

/** Every zone of the runtime's database: DST, half-hour offsets, gaps and repeated hours at midnight, skipped days. */
const ZONES = ['UTC', ...Intl.supportedValuesOf('timeZone')];
const AWKWARD_ZONES = [
  'America/Sao_Paulo', // clocks went forward at midnight until 2018
  'Africa/Cairo', // forward at midnight again since 2023
  'Asia/Beirut', // forward at 0:00, back at 24:00
  'America/Santiago', // forward at 24:00
  'America/Havana', // back from 1:00 to 0:00: midnight comes twice
  'America/St_Johns', // until 2011 clocks changed at 0:01: back into the day before
  'Pacific/Apia', // 2011-12-30 did not exist
  'Australia/Lord_Howe', // by half an hour
  'Asia/Kathmandu',
  'Europe/Zurich',
];
const zones = fc.oneof(fc.constantFrom(...AWKWARD_ZONES), fc.constantFrom(...ZONES));
const kinds = fc.constantFrom(...PERIOD_KINDS);
const instants = fc.integer({ min: Date.UTC(1990, 0, 1), max: Date.UTC(2060, 0, 1) }).map(epochMs);
/** Instants within a few hours of a midnight of winter or summer time changes, where calendars go wrong. */
const nearMidnights = fc
  .tuple(
    fc.integer({ min: 1990, max: 2040 }),
    fc.integer({ min: 0, max: 365 }),
    fc.integer({ min: -15 * HOUR, max: 15 * HOUR }),
  )
  .map(([year, day, shift]) => epochMs(Date.UTC(year, 0, 1 + day) + shift));

describe('periodAt', () => {
  it.each<[PeriodKind, string, string, string, string, string]>([
    ['day', 'UTC', '2026-11-23T10:00:00Z', '2026-11-23', '2026-11-23T00:00:00Z', '2026-11-24T00:00:00Z'],
    ['day', 'Europe/Zurich', '2026-11-23T23:30:00Z', '2026-11-24', '2026-11-23T23:00:00Z', '2026-11-24T23:00:00Z'],
    ['week', 'UTC', '2026-11-23T00:00:00Z', '2026-W48', '2026-11-23T00:00:00Z', '2026-11-30T00:00:00Z'],
    ['week', 'UTC', '2027-01-03T23:59:59Z', '2026-W53', '2026-12-28T00:00:00Z', '2027-01-04T00:00:00Z'],
    ['week', 'UTC', '2024-12-30T00:00:00Z', '2025-W01', '2024-12-30T00:00:00Z', '2025-01-06T00:00:00Z'],
    ['month', 'UTC', '2024-02-29T12:00:00Z', '2024-02', '2024-02-01T00:00:00Z', '2024-03-01T00:00:00Z'],
    ['month', 'Asia/Kathmandu', '2026-10-31T18:15:00Z', '2026-11', '2026-10-31T18:15:00Z', '2026-11-30T18:15:00Z'],
    ['month', 'America/New_York', '2026-11-01T03:59:59Z', '2026-10', '2026-10-01T04:00:00Z', '2026-11-01T04:00:00Z'],
    ['quarter', 'UTC', '2026-12-31T23:59:59Z', '2026-Q4', '2026-10-01T00:00:00Z', '2027-01-01T00:00:00Z'],
    ['year', 'Pacific/Auckland', '2026-12-31T11:00:00Z', '2027', '2026-12-31T11:00:00Z', '2027-12-31T11:00:00Z'],
  ])('finds the %s in %s that holds %s: %s', (kind, zone, instant, id, startsAt, endsAt) => {
    expect(periodAt(kind, zone, at(instant))).toEqual({ id, kind, startsAt: at(startsAt), endsAt: at(endsAt) });
  });

  it('knows UTC without a calendar of time zones as one with them does', () => {
    const property = fc.property(kinds, instants, (kind, instant) => {
      expect(periodAt(kind, 'UTC', instant)).toEqual(zonedPeriod(kind, 'UTC', instant));
    });
    fc.assert(property, { numRuns: 2_000 });
  });

  it.each(PERIOD_KINDS)('turns from one %s of UTC to the next at the very millisecond, for ten years', (kind) => {
    let period = periodAt(kind, 'UTC', at('2020-01-01T00:00:00Z'));
    while (period.endsAt < Date.UTC(2030, 0, 1)) {
      const next = periodAt(kind, 'UTC', period.endsAt);
      expect(utcPeriod(kind, epochMs(period.endsAt - 1))).toEqual(period);
      expect(next).toEqual(zonedPeriod(kind, 'UTC', period.endsAt));
      period = next;
    }
  });

  it.each([
    ['Europe/Zurich', '2026-03-29T12:00:00Z', 23],
    ['Europe/Zurich', '2026-10-25T12:00:00Z', 25],
    ['America/New_York', '2026-03-08T17:00:00Z', 23],
    ['America/New_York', '2026-11-01T17:00:00Z', 25],
    ['Australia/Lord_Howe', '2026-10-03T20:00:00Z', 23.5],
    ['America/Sao_Paulo', '2018-11-04T12:00:00Z', 23],
    ['Africa/Cairo', '2026-04-24T12:00:00Z', 23],
    ['Asia/Beirut', '2026-03-29T12:00:00Z', 23],
    ['America/Havana', '2026-11-01T17:00:00Z', 25],
  ])('gives the day of a clock change in %s its real length', (zone, instant, hours) => {
    const day = periodAt('day', zone, at(instant));
    expect((day.endsAt - day.startsAt) / HOUR).toBe(hours);
  });

  it.each([
    ['America/Sao_Paulo', '2018-11-04T12:00:00Z', '2018-11-04T03:00:00Z'],
    ['Africa/Cairo', '2026-04-24T12:00:00Z', '2026-04-23T22:00:00Z'],
  ])('begins a day without a midnight in %s at its first instant', (zone, instant, startsAt) => {
    expect(periodAt('day', zone, at(instant)).startsAt).toBe(at(startsAt));
  });

  it('goes from the day before to the day after one that was skipped', () => {
    const before = periodAt('day', 'Pacific/Apia', at('2011-12-30T09:00:00Z'));
    expect(before.id).toBe('2011-12-29');
    expect(nextPeriod(before, 'Pacific/Apia').id).toBe('2011-12-31');
  });

  it('keeps an instant in the day that has begun when clocks go back past midnight', () => {
    // 2010-11-07 0:01 became 2010-11-06 23:01: the wall shows the 6th again, an hour after the 7th began.
    expect(periodAt('day', 'America/St_Johns', at('2010-11-07T03:00:00Z')).id).toBe('2010-11-07');
  });

  it('turns at midnight of its own time zone, to the millisecond [F15]', () => {
    for (const [zone, turn] of [
      ['Pacific/Auckland', '2026-10-31T11:00:00Z'],
      ['America/Los_Angeles', '2026-11-01T07:00:00Z'],
    ] as const) {
      const midnight = at(turn);
      expect(periodAt('month', zone, epochMs(midnight - 1))).toMatchObject({ id: '2026-10', endsAt: midnight });
      expect(periodAt('month', zone, midnight)).toMatchObject({ id: '2026-11', startsAt: midnight });
    }
  });

  it('holds the instant, and gives every instant in a period the same period [F13]', () => {
    fc.assert(
      fc.property(
        kinds,
        zones,
        fc.oneof(instants, nearMidnights),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (kind, zone, instant, share) => {
          const period = periodAt(kind, zone, instant);
          expect(period.startsAt).toBeLessThanOrEqual(instant);
          expect(instant).toBeLessThan(period.endsAt);
          const other = Math.min(
            period.startsAt + Math.floor(share * (period.endsAt - period.startsAt)),
            period.endsAt - 1,
          );
          expect(periodAt(kind, zone, epochMs(other))).toEqual(period);
        },
      ),
      { numRuns: 400 },
    );
  });

  it('is worked out once for all of its instants, also where other kinds and time zones are asked for in between', () => {
    const noon = at('2026-11-23T12:00:00Z');
    const day = periodAt('day', 'Europe/Rome', noon);
    const month = periodAt('month', 'Europe/Madrid', noon);
    expect(periodAt('day', 'Europe/Rome', day.startsAt)).toBe(day);
    expect(periodAt('day', 'Europe/Rome', epochMs(day.endsAt - 1))).toBe(day);
    expect(periodAt('month', 'Europe/Madrid', noon)).toBe(month);
  });

  it('is forgotten where very many others are asked for: what is kept is bounded', () => {
    const noon = at('2026-11-23T12:00:00Z');
    const day = periodAt('day', 'Europe/Rome', noon);
    for (let later = 1; later <= 4; later++) periodAt('day', 'Europe/Rome', epochMs(noon + later * 86_400_000));
    expect(periodAt('day', 'Europe/Rome', noon)).not.toBe(day);
    expect(periodAt('day', 'Europe/Rome', noon)).toEqual(day);
  });

  it('is forgotten where very many calendars are asked for', () => {
    const noon = at('2026-11-23T12:00:00Z');
    const calendars = PERIOD_KINDS.flatMap((kind) => ZONES.slice(0, 40).map((zone) => [kind, zone] as const));
    const day = periodAt('day', 'Europe/Rome', noon);
    for (const [kind, zone] of calendars) periodAt(kind, zone, noon);
    expect(periodAt('day', 'Europe/Rome', noon)).not.toBe(day);
    expect(periodAt('day', 'Europe/Rome', noon)).toEqual(day);
  });

  it('tiles the time line: the next period begins where this one ends, under another id that sorts after it [F14, F15]', () => {
    fc.assert(
      fc.property(kinds, zones, fc.oneof(instants, nearMidnights), (kind, zone, instant) => {
        const period = periodAt(kind, zone, instant);
        const next = nextPeriod(period, zone);
        expect(next.startsAt).toBe(period.endsAt);
        expect(next.id > period.id).toBe(true);
        const before = periodAt(kind, zone, epochMs(period.startsAt - 1));
        expect(before.endsAt).toBe(period.startsAt);
        expect(before.id < period.id).toBe(true);
      }),
      { numRuns: 400 },
    );
  });

  it('never gives periods of two kinds the same id, so that a budget whose period changes starts a new item [F16]', () => {
    fc.assert(
      fc.property(zones, instants, (zone, instant) => {
        const ids = PERIOD_KINDS.map((kind) => periodAt(kind, zone, instant).id);
        expect(new Set(ids).size).toBe(PERIOD_KINDS.length);
      }),
    );
  });

  it('names every week of 40 years once', () => {
    const ids = new Set<string>();
    let week = periodAt('week', 'Europe/Zurich', at('2000-01-01T12:00:00Z'));
    const end = at('2040-01-01T12:00:00Z');
    let weeks = 0;
    for (; week.startsAt < end; week = nextPeriod(week, 'Europe/Zurich'), weeks++) ids.add(week.id);
    expect(ids.size).toBe(weeks);
    expect([...ids]).toEqual([...ids].sort());
  });
});

describe('isTimeZone', () => {
  it.each(['UTC', 'Europe/Zurich', 'europe/zurich', 'Etc/GMT+5', 'America/Argentina/Buenos_Aires'])(
    'knows %s',
    (name) => {
      expect(isTimeZone(name)).toBe(true);
    },
  );

  it.each([
    '',
    'Mars/Olympus',
    '+02:00',
    '-05',
    'UTC+2',
    '2026-01-01T00:00+02:00',
    '2026-01-01T00:00Z',
    '2026-01-01T00:00[Europe/Zurich]',
    'Europe/Zurich ',
    '__proto__',
  ])('does not take %j for one', (name) => {
    expect(isTimeZone(name)).toBe(false);
  });

  it('answers any text and never throws, and what it knows can be used', () => {
    fc.assert(
      fc.property(fc.string(), (name) => {
        if (isTimeZone(name)) expect(periodAt('day', name, at('2026-11-23T10:00:00Z')).kind).toBe('day');
      }),
    );
  });
});
