import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { epochMs } from '../../../domain/clock.ts';
import { add, type NanoUsd, nanoUsd, ZERO } from '../../../domain/money.ts';
import { ceiling, isSameTerms, type LedgerStanding, roomAt, type Terms } from '../../../domain/spending/terms.ts';

const START = Date.UTC(2026, 10, 1);
const END = Date.UTC(2026, 11, 1);
const usd = (dollars: number) => nanoUsd(BigInt(dollars) * 1_000_000_000n);
const terms = (changes: Partial<Terms> = {}): Terms => ({
  limit: usd(100),
  stopAt: usd(100),
  standing: 'open',
  version: 1,
  ...changes,
});
const pace = { from: epochMs(START), base: usd(80), until: epochMs(END) };
const throttled = terms({ standing: 'throttled', pace });

const instants = fc.integer({ min: START - 1000, max: END + 1000 }).map(epochMs);
const amounts = fc.bigInt({ min: 0n, max: 10n ** 14n }).map(nanoUsd);
const anyTerms: fc.Arbitrary<Terms> = fc
  .record({
    limit: amounts,
    stopAt: amounts,
    standing: fc.constantFrom<LedgerStanding>('open', 'throttled', 'closed'),
    version: fc.nat(),
    pace: fc.option(fc.record({ from: instants, base: amounts, until: instants }), { nil: undefined }),
    raises: fc.option(fc.array(fc.record({ amount: amounts, until: instants }), { maxLength: 3 }), { nil: undefined }),
  })
  .map(({ pace: line, raises, ...rest }) => ({
    ...rest,
    ...(line === undefined || line.from >= line.until ? {} : { pace: line }),
    ...(raises === undefined ? {} : { raises }),
  }));

describe('ceiling', () => {
  it.each<[string, Terms, number, NanoUsd]>([
    ['the stop while open', terms({ stopAt: usd(90) }), START, usd(90)],
    [
      'nothing while closed, raised or not',
      terms({ standing: 'closed', raises: [{ amount: usd(5), until: epochMs(END) }] }),
      START,
      ZERO,
    ],
    ['the base when a pace line begins', throttled, START, usd(80)],
    ['half of the rest half-way along the line', throttled, (START + END) / 2, usd(90)],
    ['all of it at the end of the line', throttled, END, usd(100)],
    ['the base before the line begins, by a clock that is behind', throttled, START - 500, usd(80)],
    [
      'no more than the stop where more was committed when the line began',
      terms({ standing: 'throttled', pace: { ...pace, base: usd(120) } }),
      START,
      usd(100),
    ],
    ['a raise on top while it lasts', terms({ raises: [{ amount: usd(5), until: epochMs(END) }] }), END - 1, usd(105)],
    ['no raise that is over', terms({ raises: [{ amount: usd(5), until: epochMs(END) }] }), END, usd(100)],
  ])('is %s', (_, given, now, expected) => {
    expect(ceiling(given, epochMs(now))).toBe(expected);
  });

  it('lies between nothing and the stop with its raises, and a throttle never allows more than open', () => {
    fc.assert(
      fc.property(anyTerms, instants, (given, now) => {
        const most = add(given.stopAt, ...(given.raises ?? []).map((raise) => raise.amount));
        expect(ceiling(given, now)).toBeGreaterThanOrEqual(0n);
        expect(ceiling(given, now)).toBeLessThanOrEqual(most);
        expect(ceiling({ ...given, standing: 'throttled' }, now)).toBeLessThanOrEqual(
          ceiling({ ...given, standing: 'open' }, now),
        );
        expect(ceiling({ ...given, standing: 'closed' }, now)).toBe(ZERO);
      }),
    );
  });

  it('never falls as time passes along a pace line', () => {
    fc.assert(
      fc.property(amounts, amounts, instants, instants, (stopAt, base, one, other) => {
        const given = terms({ stopAt, standing: 'throttled', pace: { ...pace, base } });
        const [earlier, later] = one < other ? [one, other] : [other, one];
        expect(ceiling(given, earlier)).toBeLessThanOrEqual(ceiling(given, later));
      }),
    );
  });
});

describe('roomAt', () => {
  it.each<[string, Terms, NanoUsd, NanoUsd, number, number | undefined]>([
    ['now where there is room', terms(), usd(50), usd(50), START, START],
    ['never under an open budget that is full', terms(), usd(100), usd(1), START, undefined],
    ['never while closed', terms({ standing: 'closed' }), ZERO, usd(1), START, undefined],
    ['when the line is high enough', throttled, usd(80), usd(10), START, (START + END) / 2],
    ['never where the whole line is too low', throttled, usd(95), usd(10), START, undefined],
  ])('says %s', (_, given, committed, amount, now, expected) => {
    expect(roomAt(given, committed, amount, epochMs(now))).toBe(expected);
  });

  it('does not promise room that a raise gives only until then', () => {
    const soonOver = { ...throttled, raises: [{ amount: usd(20), until: epochMs(START + 1000) }] };
    expect(roomAt(soonOver, usd(100), usd(10), epochMs(START))).toBeUndefined();
  });

  it('names the first instant with room', () => {
    fc.assert(
      fc.property(anyTerms, amounts, amounts, instants, (given, committed, amount, now) => {
        const at = roomAt(given, committed, amount, now);
        if (at === undefined) return;
        expect(at).toBeGreaterThanOrEqual(now);
        expect(ceiling(given, at)).toBeGreaterThanOrEqual(committed + amount);
        if (at > now) expect(ceiling(given, epochMs(at - 1))).toBeLessThan(committed + amount);
      }),
      { numRuns: 500 },
    );
  });
});

describe('isSameTerms', () => {
  const full = terms({
    pace,
    raises: [{ amount: usd(5), until: epochMs(END) }],
    outageExtra: usd(1),
    standing: 'throttled',
    reason: 'x',
  });

  it('looks at what the terms say, not at the order in which they are written', () => {
    const { limit, stopAt, standing, version } = full;
    const outageExtra = usd(1);
    const raises = [{ until: epochMs(END), amount: usd(5) }];
    const other = {
      version,
      raises,
      outageExtra,
      pace: { until: pace.until, base: pace.base, from: pace.from },
      standing,
      stopAt,
      limit,
    };
    expect(isSameTerms(full, other)).toBe(true);
    expect(isSameTerms(terms({ outageExtra }), { outageExtra, ...terms() })).toBe(true);
  });

  it('takes no raises for none, and pays no heed to version and reason', () => {
    expect(isSameTerms(terms(), terms({ raises: [], version: 7, reason: 'y' }))).toBe(true);
  });

  it.each<[string, Partial<Terms>]>([
    ['limit', { limit: usd(1) }],
    ['stop', { stopAt: usd(1) }],
    ['standing', { standing: 'closed' }],
    ['pace', { pace: { ...pace, base: usd(1) } }],
    ['raises', { raises: [] }],
    ['outage extra', { outageExtra: usd(2) }],
  ])('sees another %s', (_, change) => {
    expect(isSameTerms(full, { ...full, ...change })).toBe(false);
  });
});
