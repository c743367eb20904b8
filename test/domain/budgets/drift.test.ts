import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BilledDay, compareDay, type Drift, isPast, type UtcDay } from '../../../domain/budgets/drift.ts';
import { type NanoUsd, nanoUsd, ZERO } from '../../../domain/money.ts';

const DAY = '2026-11-23' as UtcDay;
const usd = (dollars: number): NanoUsd => nanoUsd(BigInt(Math.round(dollars * 1e9)));
const billed = (byTenant: Record<string, number>, unassigned = 0): BilledDay => ({
  day: DAY,
  byTenant: new Map(Object.entries(byTenant).map(([tenant, dollars]) => [tenant, usd(dollars)])),
  unassigned: usd(unassigned),
  isSilent: Object.keys(byTenant).length === 0 && unassigned === 0,
});
const recorded = (byTenant: Record<string, number | readonly [number, number]>) =>
  new Map(
    Object.entries(byTenant).map(([tenant, amount]) => {
      const [settled, unconfirmed] = typeof amount === 'number' ? [amount, 0] : amount;
      return [tenant, { settled: usd(settled), unconfirmed: usd(unconfirmed) }];
    }),
  );
const driftsOf = (...[bill, records, isLate = false]: [BilledDay, ReturnType<typeof recorded>, boolean?]) => {
  const comparison = compareDay(bill, records, isLate);
  if (comparison.kind !== 'compared') throw new Error('the day was not compared');
  return comparison.drifts.map(({ tenant, percent }) => [tenant, percent]);
};
const BOUND = { alarmPercent: 10, ignoreBelow: usd(1) };
const drift = (billedUsd: number, settledUsd: number, unconfirmedUsd = 0): Drift => {
  const comparison = compareDay(billed({ acme: billedUsd }), recorded({ acme: [settledUsd, unconfirmedUsd] }), true);
  const [only] = comparison.kind === 'compared' ? comparison.drifts : [];
  if (only === undefined) throw new Error('there is no drift to look at');
  return only;
};

describe('compareDay', () => {
  it('tells each tenant by how much the bill and the records differ', () => {
    expect(
      driftsOf(billed({ acme: 11, bank: 5, cafe: 9 }, 3), recorded({ acme: 10, bank: 5, delta: 2, cafe: 10 })),
    ).toEqual([
      ['acme', 9.09],
      ['bank', 0],
      ['cafe', -10],
      ['delta', -100],
    ]);
  });

  it('takes money whose fate is unknown for neither spent nor unspent', () => {
    expect(driftsOf(billed({ a: 10, b: 11, c: 12.5 }), recorded({ a: [10, 1], b: [10, 1], c: [10, 1] }))).toEqual([
      ['a', 0],
      ['b', 0],
      ['c', 12],
    ]);
  });

  it('does not take a bill that shows nothing for zero, until its figures are overdue', () => {
    expect(compareDay(billed({}), recorded({ acme: 10 }), false)).toEqual({ kind: 'not-there-yet', day: DAY });
    expect(driftsOf(billed({}), recorded({ acme: 10 }), true)).toEqual([['acme', -100]]);
    expect(driftsOf(billed({}), recorded({}))).toEqual([]);
  });

  it('compares all as one where AWS tells no tenant, and says what is unassigned where it tells some', () => {
    expect(driftsOf(billed({}, 12), recorded({ acme: 6, bank: 5 }))).toEqual([[undefined, 8.33]]);
    expect(compareDay(billed({ acme: 6 }, 12), recorded({ acme: 6 }), false)).toMatchObject({ unassigned: usd(12) });
    expect(driftsOf(billed({}, 12), recorded({}))).toEqual([]);
  });

  it('compares what is recorded of no tenant with the whole bill alone, where that tells no tenant either', () => {
    expect(driftsOf(billed({}, 12), recorded({ acme: 10, '': 2 }))).toEqual([[undefined, 0]]);
    expect(driftsOf(billed({ acme: 10 }, 2), recorded({ acme: 10, '': 2 }))).toEqual([['acme', 0]]);
    expect(compareDay(billed({}), recorded({ '': 2 }), false)).toEqual({ kind: 'not-there-yet', day: DAY });
  });

  it('stays between -100 and 100 percent, with the sign of the difference, and is zero within the records', () => {
    const amounts = fc.bigInt({ min: 0n, max: 10n ** 21n }).map(nanoUsd);
    // A correction may make a bill negative.
    const bills = fc.bigInt({ min: -(10n ** 21n), max: 10n ** 21n }).map(nanoUsd);
    fc.assert(
      fc.property(bills, amounts, amounts, (bill, settled, unconfirmed) => {
        const day: BilledDay = { day: DAY, byTenant: new Map([['t', bill]]), unassigned: ZERO, isSilent: false };
        const comparison = compareDay(day, new Map([['t', { settled, unconfirmed }]]), false);
        const [only] = comparison.kind === 'compared' ? comparison.drifts : [];
        if (only === undefined) throw new Error('one tenant, one drift');
        expect(Math.abs(only.percent)).toBeLessThanOrEqual(100);
        const isWithin = bill >= settled && bill <= settled + unconfirmed;
        expect(only.difference === 0n).toBe(isWithin);
        if (!isWithin) expect(only.difference > 0n).toBe(bill > settled);
        if (bill < 0n) expect(only.percent).toBeLessThan(0);
      }),
    );
  });
});

describe('isPast', () => {
  it.each<[string, boolean, Drift]>([
    ['no difference', false, drift(10, 10)],
    ['just the bound', false, drift(90, 100)],
    ['a nano-dollar past the bound', true, drift(89.999999999, 100)],
    ['past the bound above', true, drift(100, 89)],
    ['a large share of little money', false, drift(0.99, 0)],
    ['a large share of a dollar', true, drift(1, 0)],
    ['a difference that unconfirmed money explains', false, drift(100, 50, 50)],
  ])('%s: %s', (_, expected, one) => {
    expect(isPast(one, BOUND)).toBe(expected);
  });
});
