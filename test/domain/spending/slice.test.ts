import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isEdge, sliceFor } from '../../../domain/spending/slice.ts';

const request = {
  need: 0,
  usual: 10,
  spendPerSecond: 0,
  termSeconds: 120,
  previous: 1_000_000,
  left: 1_000_000,
  holders: 1,
};
const amounts = fc.nat({ max: 10 ** 12 });

describe('sliceFor', () => {
  it('asks for four usual calls before a pace is known, for a term of spending after', () => {
    expect(sliceFor(request)).toBe(40);
    expect(sliceFor({ ...request, spendPerSecond: 500 })).toBe(60_000);
  });

  it('asks for no more than half its equal share of what is left, but always for the need', () => {
    expect(sliceFor({ ...request, spendPerSecond: 500, left: 1000, holders: 5 })).toBe(100);
    expect(sliceFor({ ...request, need: 700, left: 1000, holders: 5 })).toBe(700);
    expect(sliceFor({ ...request, left: 0 })).toBe(0);
  });

  it('is a whole amount, at least the need and at most the greater of need and half the share', () => {
    fc.assert(
      fc.property(
        amounts,
        amounts,
        amounts,
        amounts,
        fc.nat({ max: 2000 }),
        (need, usual, spendPerSecond, left, holders) => {
          const slice = sliceFor({ need, usual, spendPerSecond, termSeconds: 120, previous: 1_000_000, left, holders });
          expect(Number.isSafeInteger(slice)).toBe(true);
          expect(slice).toBeGreaterThanOrEqual(need);
          expect(slice).toBeLessThanOrEqual(Math.max(need, left / (2 * Math.max(1, holders))));
        },
      ),
    );
  });

  it('grows to no more than four times the slice before: a pace seen for a moment is no pace to trust at once', () => {
    expect(sliceFor({ ...request, spendPerSecond: 500, previous: 0 })).toBe(40);
    expect(sliceFor({ ...request, spendPerSecond: 500, previous: 1000 })).toBe(4000);
    expect(sliceFor({ ...request, spendPerSecond: 500, previous: 1_000_000 })).toBe(60_000);
  });

  it('leaves room for everybody: what all holders ask for ahead of need fits into half of what is left', () => {
    fc.assert(
      fc.property(
        amounts,
        amounts,
        amounts,
        fc.integer({ min: 1, max: 500 }),
        (usual, spendPerSecond, left, holders) => {
          expect(
            sliceFor({ need: 0, usual, spendPerSecond, termSeconds: 120, previous: 1_000_000, left, holders }) *
              holders,
          ).toBeLessThanOrEqual(left / 2);
        },
      ),
    );
  });

  it('shrinks as a budget runs out', () => {
    fc.assert(
      fc.property(amounts, amounts, amounts, amounts, (usual, spendPerSecond, one, other) => {
        const slice = (left: number) =>
          sliceFor({ need: 0, usual, spendPerSecond, termSeconds: 120, previous: 1_000_000, left, holders: 3 });
        expect(slice(Math.min(one, other))).toBeLessThanOrEqual(slice(Math.max(one, other)));
      }),
    );
  });
});

describe('isEdge', () => {
  it('is where a slice no longer holds four usual calls', () => {
    fc.assert(
      fc.property(amounts, fc.integer({ min: 1, max: 10 ** 9 }), fc.nat({ max: 500 }), (left, usual, holders) => {
        const slice = sliceFor({ ...request, usual, left, holders, previous: 0 });
        expect(isEdge({ left, usual, holders })).toBe(slice < 4 * usual);
      }),
    );
  });
});
