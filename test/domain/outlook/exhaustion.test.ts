import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type EpochMs, epochMs } from '../../../domain/clock.ts';
import { nanoUsd } from '../../../domain/money.ts';
import { foreseeExhaustion } from '../../../domain/outlook/exhaustion.ts';
import { type PaceSample, withSample } from '../../../domain/outlook/pace-samples.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const STARTS_AT = epochMs(Date.UTC(2026, 10, 1));
const ENDS_AT = epochMs(Date.UTC(2026, 11, 1));
const USD = 1_000_000_000n;

/** Hourly samples of a spending by the hour, from the period's beginning on. */
const history = (hours: number, perHour: (hour: number) => bigint): { samples: PaceSample[]; spent: bigint } => {
  const samples: PaceSample[] = [];
  let spent = 0n;
  for (let hour = 0; hour < hours; hour++) {
    samples.push({ at: epochMs(STARTS_AT + hour * HOUR_MS), spent: nanoUsd(spent) });
    spent += perHour(hour);
  }
  return { samples, spent };
};
const forecast = (hours: number, perHour: (hour: number) => bigint, limit: bigint, endsAt: EpochMs = ENDS_AT) => {
  const { samples, spent } = history(hours, perHour);
  const now = epochMs(STARTS_AT + hours * HOUR_MS);
  return foreseeExhaustion({
    samples,
    spent: nanoUsd(spent),
    stopAt: nanoUsd(limit),
    startsAt: STARTS_AT,
    endsAt,
    now,
  });
};

describe('when a budget is used up at the present pace', () => {
  it('is exact and certain where spending is even', () => {
    const found = forecast(48, () => USD, 100n * USD);
    const at = epochMs(STARTS_AT + 100 * HOUR_MS);
    expect(found).toEqual({
      kind: 'foreseen',
      perHour: USD,
      uncertaintyPerHour: 0n,
      since: STARTS_AT,
      expectedAt: at,
      earliestAt: at,
      latestAt: at,
      atEnd: 720n * USD,
    });
  });

  it('does not rise by day and fall by night once a whole day is known', () => {
    const byDay = (hour: number) => (hour % 24 >= 8 && hour % 24 < 18 ? USD : 0n);
    const expected = [72, 78, 84, 90].map((hours) => {
      const found = forecast(hours, byDay, 1_000n * USD);
      return found.kind === 'foreseen' ? found.perHour : undefined;
    });
    expect(new Set(expected).size).toBe(1);
    // Ten of 24 hours.
    expect(expected[0]).toBe((10n * USD) / 24n);
  });

  it('is the less certain the less even the spending is, and says so where it may never come', () => {
    const even = forecast(48, () => USD, 200n * USD);
    const uneven = forecast(48, (hour) => (hour % 16 < 8 ? 2n * USD : 0n), 200n * USD);
    const burst = forecast(48, (hour) => (hour === 20 ? 48n * USD : 0n), 200n * USD);
    if (even.kind !== 'foreseen' || uneven.kind !== 'foreseen' || burst.kind !== 'foreseen')
      throw new Error('foreseen');
    expect(even.uncertaintyPerHour).toBe(0n);
    expect(uneven.uncertaintyPerHour).toBeGreaterThan(0n);
    expect(burst.uncertaintyPerHour).toBeGreaterThan(uneven.uncertaintyPerHour);
    expect(burst.latestAt).toBeUndefined();
    expect([even.perHour, uneven.perHour, burst.perHour]).toEqual([USD, USD, USD]);
  });

  it('forgets what is more than a week ago', () => {
    const found = forecast(20 * 24, (hour) => (hour < 12 * 24 ? 10n * USD : USD), 5_000n * USD);
    expect(found).toMatchObject({ kind: 'foreseen', perHour: USD, since: STARTS_AT + 13 * DAY_MS });
  });

  it.each([
    ['too little is known', 5, () => USD, 100n, 'unknown'],
    ['nothing was spent', 48, () => 0n, 100n, 'standing-still'],
    ['nothing is left', 48, () => USD, 48n, 'used-up'],
  ])('is not told where %s', (_, hours, perHour, limit, kind) => {
    expect(forecast(hours, perHour, limit * USD)).toEqual({ kind });
  });

  it('bears samples that are missing, that fall, and that are of another period', () => {
    const { samples, spent } = history(48, () => USD);
    const question = { spent: nanoUsd(spent), stopAt: nanoUsd(100n * USD), startsAt: STARTS_AT, endsAt: ENDS_AT };
    const now = epochMs(STARTS_AT + 48 * HOUR_MS);
    const thinned = samples.filter((_, at) => at % 6 === 0);
    const stray = { at: epochMs(STARTS_AT - HOUR_MS), spent: nanoUsd(9_999n * USD) };
    const exact = { expectedAt: STARTS_AT + 100 * HOUR_MS };
    expect(foreseeExhaustion({ ...question, now, samples: [stray, ...thinned].reverse() })).toMatchObject(exact);
    const fell = samples.map((sample, at) => (at === 30 ? { ...sample, spent: nanoUsd(0n) } : sample));
    expect(foreseeExhaustion({ ...question, now, samples: fell }).kind).toBe('foreseen');
  });

  it('keeps its order, grows with what is left, and is within the amounts, whatever was spent', () => {
    fc.assert(
      fc.property(
        fc.array(fc.bigInt(0n, 10n ** 13n), { minLength: 8, maxLength: 24 * 9 }),
        fc.bigInt(1n, 10n ** 16n),
        fc.bigInt(1n, 10n ** 16n),
        (amounts, left, more) => {
          const { samples, spent } = history(amounts.length, (hour) => amounts[hour] ?? 0n);
          const now = epochMs(STARTS_AT + amounts.length * HOUR_MS);
          const at = (rest: bigint) =>
            foreseeExhaustion({
              samples,
              spent: nanoUsd(spent),
              stopAt: nanoUsd(spent + rest),
              startsAt: STARTS_AT,
              endsAt: ENDS_AT,
              now,
            });
          const [one, other] = [at(left), at(left + more)];
          expect(one.kind).toBe(other.kind);
          if (one.kind !== 'foreseen' || other.kind !== 'foreseen') return;
          expect(one.earliestAt).toBeLessThanOrEqual(one.expectedAt);
          expect(one.expectedAt).toBeLessThanOrEqual(one.latestAt ?? Number.POSITIVE_INFINITY);
          expect(one.expectedAt).toBeGreaterThanOrEqual(now);
          expect(other.expectedAt).toBeGreaterThanOrEqual(one.expectedAt);
          expect(one.atEnd).toBeGreaterThanOrEqual(spent);
          const highest = amounts.reduce((most, amount) => (amount > most ? amount : most), 0n);
          expect(one.perHour).toBeLessThanOrEqual(highest);
        },
      ),
    );
  });

  it('keeps one sample for each hour, and no more than eight days of them', () => {
    let samples: readonly PaceSample[] = [];
    for (let minute = 0; minute < 12 * 24 * 60; minute += 20)
      samples = withSample(samples, { at: epochMs(STARTS_AT + minute * 60_000), spent: nanoUsd(BigInt(minute)) });
    expect(samples).toHaveLength(8 * 24);
    expect(samples.every(({ at }) => at % HOUR_MS === 0)).toBe(true);
    expect(samples.at(-1)?.at).toBe(STARTS_AT + 12 * DAY_MS - HOUR_MS);
  });
});
