import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type EpochMs, epochMs } from '../../../domain/clock.ts';
import { add, type NanoUsd, nanoUsd } from '../../../domain/money.ts';
import type { LedgerItem } from '../../../domain/spending/ledger.ts';
import type { LedgerStanding } from '../../../domain/spending/terms.ts';
import { decide, describeEvidence } from '../../../domain/standing/decide.ts';
import { thresholdKey } from '../../../domain/standing/notice.ts';
import type { Override, OverrideId } from '../../../domain/standing/override.ts';
import { budgetNamed, policyDocument, policyOf } from '../example-policy.ts';

const NOW = epochMs(Date.UTC(2026, 10, 23, 10));
const usd = (dollars: number): NanoUsd => nanoUsd(BigInt(Math.round(dollars * 1e9)));
const budgetWith = (thresholds: unknown[], limit = '100 USD') =>
  budgetNamed(policyOf(policyDocument({ budgets: [{ name: 'a', per: 'tenant', limit, thresholds }] })), 'a/acme');

const LADDER = budgetWith([
  { at: '80%', action: 'notify' },
  { at: '90%', action: 'throttle' },
  { at: '100%', on: 'forecast', action: 'notify' },
  { at: '100%', action: 'disable' },
]);
const TOLD_ONLY = budgetWith([{ at: '100%', action: 'notify' }]);

interface Facts {
  readonly settled?: number;
  readonly unconfirmed?: number;
  readonly unattributed?: number;
  readonly leased?: number;
  /** Refused last, and nothing granted since two minutes ago. */
  readonly need?: number;
  readonly since?: EpochMs;
  readonly raised?: number;
  readonly standing?: LedgerStanding;
  readonly limit?: number;
}
function ledgerOf(
  facts: Facts,
): Pick<LedgerItem, 'terms' | 'committed' | 'settled' | 'unconfirmed' | 'unattributed' | 'leased' | 'refusing'> {
  const [settled, unconfirmed, unattributed, leased] = [
    facts.settled,
    facts.unconfirmed,
    facts.unattributed,
    facts.leased,
  ].map((part) => usd(part ?? 0)) as [NanoUsd, NanoUsd, NanoUsd, NanoUsd];
  const limit = usd(facts.limit ?? 100);
  return {
    settled,
    unconfirmed,
    unattributed,
    leased,
    committed: add(settled, unconfirmed, unattributed, leased),
    terms: {
      limit,
      stopAt: limit,
      standing: facts.standing ?? 'open',
      version: 1,
      ...(facts.raised === undefined ? {} : { raises: [{ amount: usd(facts.raised), until: epochMs(NOW + 1) }] }),
      ...(facts.standing === undefined ? {} : { reason: 'as before' }),
    },
    ...(facts.need === undefined
      ? {}
      : { refusing: { since: facts.since ?? epochMs(NOW - 120_000), need: usd(facts.need) } }),
  };
}

describe('decide', () => {
  it.each<[string, Facts, LedgerStanding, readonly string[]]>([
    ['nothing spent', {}, 'open', []],
    ['a nano-dollar below the first threshold [F18]', { settled: 79.999999999 }, 'open', []],
    ['the first threshold reached exactly [F18]', { settled: 80 }, 'open', ['8000|actual|notify']],
    ['leases up to the limit and little spent', { settled: 10, leased: 90 }, 'open', []],
    ['a throttling threshold reached', { settled: 90 }, 'throttled', ['8000|actual|notify', '9000|actual|throttle']],
    [
      'a nano-dollar below the limit',
      { settled: 99.999999999 },
      'throttled',
      ['8000|actual|notify', '9000|actual|throttle'],
    ],
    [
      'the limit reached',
      { settled: 100 },
      'closed',
      ['8000|actual|notify', '9000|actual|throttle', '10000|actual|disable'],
    ],
    [
      'unconfirmed and unattributed money that reaches it',
      { settled: 60, unconfirmed: 25, unattributed: 15 },
      'closed',
      ['8000|actual|notify', '9000|actual|throttle', '10000|actual|disable'],
    ],
    [
      'a refused call that no longer fits',
      { settled: 95, need: 5.5 },
      'closed',
      ['8000|actual|notify', '9000|actual|throttle', '10000|actual|disable'],
    ],
    [
      'a refused call that fits again',
      { settled: 95, need: 5 },
      'throttled',
      ['8000|actual|notify', '9000|actual|throttle'],
    ],
    [
      'a refused call that is large, with 90 % gone exactly',
      { settled: 90, need: 10.5 },
      'closed',
      ['8000|actual|notify', '9000|actual|throttle', '10000|actual|disable'],
    ],
    [
      'a refused call that is large, with less than 90 % gone',
      { settled: 89, need: 50 },
      'open',
      ['8000|actual|notify'],
    ],
    [
      'a refused call that no longer fits, with a grant within the last lease term',
      { settled: 95, need: 5.5, since: epochMs(NOW - 119_999) },
      'throttled',
      ['8000|actual|notify', '9000|actual|throttle'],
    ],
    ['the limit reached, with a raise in force', { settled: 100, raised: 50 }, 'open', ['8000|actual|notify']],
    [
      'a raise used up as well',
      { settled: 150, raised: 50 },
      'closed',
      ['8000|actual|notify', '9000|actual|throttle', '10000|actual|disable'],
    ],
    [
      'a refused call that does not fit into a raise',
      { settled: 147, need: 4, raised: 50 },
      'closed',
      ['8000|actual|notify', '9000|actual|throttle', '10000|actual|disable'],
    ],
    [
      'a budget closed before, and raised since',
      { settled: 100, standing: 'closed', raised: 50 },
      'open',
      ['8000|actual|notify'],
    ],
    ['a refused call while leases held the money', { settled: 10, leased: 90, need: 5 }, 'open', []],
    ['a budget closed before in this period', { settled: 10, standing: 'closed' }, 'closed', []],
    ['a budget closed before under another limit', { settled: 10, standing: 'closed', limit: 50 }, 'open', []],
    ['a budget throttled before in this period', { settled: 10, standing: 'throttled' }, 'throttled', []],
    [
      'a budget throttled before that is used up now',
      { settled: 100, standing: 'throttled' },
      'closed',
      ['8000|actual|notify', '9000|actual|throttle', '10000|actual|disable'],
    ],
  ])('decides on %s', (_, facts, standing, reached) => {
    const decision = decide(LADDER, { ledger: ledgerOf(facts), now: NOW });
    expect(decision.standing).toBe(standing);
    expect(decision.reached.map(({ threshold }) => thresholdKey(threshold))).toEqual(reached);
  });

  it.each([
    ['closed', { settled: 100 }, '100% of the limit is spent'],
    ['throttled', { settled: 90 }, '90% of the limit is spent'],
  ] as const)('leaves a budget open that only watches and would be %s, and says so', (standing, facts, because) => {
    const decision = decide({ ...LADDER, isShadow: true }, { ledger: ledgerOf(facts), now: NOW });
    expect(decision).toMatchObject({ standing: 'open', otherwise: { standing, because } });
    expect(decision.reached).toEqual(decide(LADDER, { ledger: ledgerOf(facts), now: NOW }).reached);
  });

  it('says nothing of what a budget that only watches would be where it would be open', () => {
    const decision = decide({ ...LADDER, isShadow: true }, { ledger: ledgerOf({ settled: 80 }), now: NOW });
    expect(decision.standing).toBe('open');
    expect(decision.reached).toHaveLength(1);
    expect(decision).not.toHaveProperty('otherwise');
  });

  it('tells of a forecast and closes nobody by it', () => {
    const decision = decide(LADDER, { ledger: ledgerOf({ settled: 10 }), forecast: usd(100), now: NOW });
    expect(decision.standing).toBe('open');
    expect(decision.reached).toMatchObject([{ threshold: { on: 'forecast' }, figure: usd(100) }]);
    expect(decide(LADDER, { ledger: ledgerOf({}), forecast: usd(99.999999999), now: NOW }).reached).toEqual([]);
  });

  it('never closes a budget without a disabling threshold, and tells that it is used up', () => {
    const decision = decide(TOLD_ONLY, { ledger: ledgerOf({ settled: 99, need: 2 }), now: NOW });
    expect(decision.standing).toBe('open');
    expect(decision.reached).toHaveLength(1);
    expect(decide(TOLD_ONLY, { ledger: ledgerOf({ settled: 500 }), now: NOW }).standing).toBe('open');
  });

  it('reaches by a refused call what the limit stops at, and no threshold beyond it', () => {
    const budget = budgetWith([
      { at: '100%', action: 'disable' },
      { at: '120%', action: 'notify' },
    ]);
    const { reached } = decide(budget, { ledger: ledgerOf({ settled: 95, need: 6 }), now: NOW });
    expect(reached.map(({ threshold }) => thresholdKey(threshold))).toEqual(['10000|actual|disable']);
  });

  it('lets go of what money closed when the policy stops the budget elsewhere', () => {
    const { terms, ...ledger } = ledgerOf({ settled: 10, standing: 'closed' });
    const standing = (stopAt: NanoUsd) =>
      decide(LADDER, { ledger: { ...ledger, terms: { ...terms, stopAt } }, now: NOW }).standing;
    expect(standing(usd(100))).toBe('closed');
    expect(standing(usd(90))).toBe('open');
  });

  it('says why', () => {
    const because = (facts: Facts) => {
      const decision = decide(LADDER, { ledger: ledgerOf(facts), now: NOW });
      return decision.standing === 'open' ? undefined : decision.because;
    };
    expect(because({ settled: 100 })).toBe('100% of the limit is spent');
    expect(because({ settled: 95, need: 6 })).toBe('what is left does not pay for the next call');
    expect(because({ settled: 100, need: 6 })).toBe('100% of the limit is spent');
    expect(because({ settled: 90 })).toBe('90% of the limit is spent');
    expect(because({ settled: 1, standing: 'closed' })).toBe('as before');
  });

  it.each(['closed', 'throttled'] as const)('says that it was %s before where nobody has written why', (standing) => {
    const ledger = ledgerOf({ settled: 1 });
    const decision = decide(LADDER, { ledger: { ...ledger, terms: { ...ledger.terms, standing } }, now: NOW });
    expect(decision).toMatchObject({ standing, because: `${standing} before in this period` });
  });

  it('reaches a threshold exactly when that share of the limit is spent, whatever the amounts [F18]', () => {
    const limits = fc.oneof(fc.bigInt({ min: 1n, max: 100n }), fc.bigInt({ min: 1n, max: 10n ** 13n }));
    fc.assert(
      fc.property(
        limits,
        fc.bigInt({ min: -2n, max: 2n }),
        fc.integer({ min: 1, max: 1000 }),
        (limit, beside, percent) => {
          const near = (limit * BigInt(percent)) / 100n + beside;
          const settled = nanoUsd(near < 0n ? 0n : near);
          const budget = {
            ...budgetWith([{ at: `${percent}%`, action: 'notify' }]),
            limit: nanoUsd(limit),
            stopAt: nanoUsd(limit),
          };
          const { reached } = decide(budget, { ledger: { ...ledgerOf({}), settled, committed: settled }, now: NOW });
          expect(reached.length === 1).toBe(settled * 100n >= limit * BigInt(percent));
        },
      ),
    );
  });

  it('never loosens as more is spent', () => {
    const rank: Record<LedgerStanding, number> = { open: 0, throttled: 1, closed: 2 };
    const amount = fc.nat({ max: 150 });
    fc.assert(
      fc.property(
        amount,
        amount,
        amount,
        fc.option(fc.nat({ max: 50 }), { nil: undefined }),
        (settled, more, unconfirmed, need) => {
          const of = (spent: number) =>
            decide(LADDER, {
              ledger: ledgerOf({ settled: spent, unconfirmed, ...(need === undefined ? {} : { need }) }),
              now: NOW,
            });
          expect(rank[of(settled + more).standing]).toBeGreaterThanOrEqual(rank[of(settled).standing]);
          expect(of(settled + more).reached.length).toBeGreaterThanOrEqual(of(settled).reached.length);
        },
      ),
    );
  });
});

it('describes the evidence in amounts that people read', () => {
  const ledger = ledgerOf({ settled: 12.345, leased: 1 });
  const figures = {
    at: '2026-11-23T10:00:00.000Z',
    committed: '13.35 USD',
    settled: '12.35 USD',
    leased: '1.00 USD',
    unconfirmed: '0.00 USD',
    unattributed: '0.00 USD',
    limit: '100.00 USD',
  };
  expect(describeEvidence({ ledger, now: NOW })).toStrictEqual(figures);
  expect(describeEvidence({ ledger, forecast: usd(90), operators: { raises: [] }, now: NOW })).toStrictEqual({
    ...figures,
    forecast: '90.00 USD',
  });
  const until = epochMs(NOW + 1);
  const disable: Override & { readonly change: { readonly kind: 'disable' } } = {
    id: 'o' as OverrideId,
    target: { kind: 'tenant', tenant: 'acme' },
    change: { kind: 'disable' },
    reason: 'because',
    author: 'ada',
    madeAt: NOW,
    until,
  };
  const operators = { standing: disable, raises: [{ amount: usd(5), until }] };
  expect(describeEvidence({ ledger, operators, now: NOW })).toStrictEqual({
    ...figures,
    operator: 'disable by ada',
    raised: '5.00 USD',
  });
});
