import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BudgetId } from '../../../domain/budgets/budget-id.ts';
import { epochMs } from '../../../domain/clock.ts';
import { nanoUsd, ZERO } from '../../../domain/money.ts';
import { ceiling, type LedgerStanding, type Terms } from '../../../domain/spending/terms.ts';
import { decide, type Evidence } from '../../../domain/standing/decide.ts';
import type { Override, OverrideId } from '../../../domain/standing/override.ts';
import { wordOn } from '../../../domain/standing/override.ts';
import type { Signal, SignalId } from '../../../domain/standing/signal.ts';
import { budgetNamed, policyDocument, policyOf } from '../example-policy.ts';

const NOW = epochMs(Date.UTC(2026, 10, 23, 10));
const HOUR = 3_600_000;
const usd = (dollars: number) => nanoUsd(BigInt(dollars) * 1_000_000_000n);

type Action = 'notify' | 'throttle' | 'disable';
const policyWith = (signals: { anomaly?: Action; alarm?: Action } = {}, mode = 'enforce') =>
  policyOf(
    policyDocument({
      budgets: [
        {
          name: 'a',
          per: 'tenant',
          limit: '100 USD',
          mode,
          signals,
          thresholds: [
            { at: '90%', action: 'throttle' },
            { at: '100%', action: 'disable' },
          ],
        },
      ],
    }),
  );
const POLICY = policyWith();
const BUDGET = budgetNamed(POLICY, 'a/acme');

interface Facts {
  readonly spent?: number;
  readonly before?: Partial<Terms>;
  readonly overrides?: readonly Partial<Override>[];
  readonly signals?: readonly Partial<Signal>[];
}

const override = (given: Partial<Override>): Override => ({
  id: 'o' as OverrideId,
  target: { kind: 'budget', budget: BUDGET.id },
  change: { kind: 'disable' },
  reason: 'because',
  author: 'arn:aws:iam::123456789012:user/ada',
  madeAt: NOW,
  until: epochMs(NOW + HOUR),
  ...given,
});
const signal = (given: Partial<Signal>): Signal => ({
  id: 's' as SignalId,
  kind: 'anomaly',
  budget: BUDGET.id,
  because: 'something odd',
  seenAt: NOW,
  until: epochMs(NOW + HOUR),
  ...given,
});

function evidenceOf({ spent = 0, before = {}, overrides = [], signals = [] }: Facts, policy = POLICY): Evidence {
  const settled = usd(spent);
  return {
    ledger: {
      settled,
      committed: settled,
      unconfirmed: ZERO,
      unattributed: ZERO,
      leased: ZERO,
      terms: { limit: usd(100), stopAt: usd(100), standing: 'open', version: 1, ...before },
    },
    operators: wordOn(policy, BUDGET, overrides.map(override), NOW),
    signals: signals.map(signal),
    now: NOW,
  };
}
const OPERATOR_CLOSED = { standing: 'closed', heldBy: 'operator', reason: 'an operator has closed it: x' } as const;
const DISABLE = { change: { kind: 'disable' } } as const;
const ENABLE = { change: { kind: 'enable' } } as const;

/** Evidence and policy → standing, on whose word, and until when; `undefined` is the end of the period. */
describe('the decision table', () => {
  it.each<
    [string, { anomaly?: Action; alarm?: Action }, Facts, LedgerStanding, string | undefined, number | undefined]
  >([
    ['nothing', {}, {}, 'open', undefined, undefined],
    ['a disable, and nothing spent', {}, { overrides: [DISABLE] }, 'closed', 'operator', HOUR],
    ['a disable that has ended', {}, { overrides: [{ ...DISABLE, until: NOW }] }, 'open', undefined, undefined],
    ['a closing of operators whose word has ended', {}, { before: OPERATOR_CLOSED }, 'open', undefined, undefined],
    [
      'a closing of operators who have taken it back',
      {},
      { before: { ...OPERATOR_CLOSED, standingUntil: epochMs(NOW + HOUR) } },
      'open',
      undefined,
      undefined,
    ],
    [
      'a closing of operators whose word has ended, over one of money',
      {},
      { before: { ...OPERATOR_CLOSED, tightened: { standing: 'closed', reason: 'as before' } } },
      'closed',
      undefined,
      undefined,
    ],
    [
      'the same, with another limit in the policy',
      {},
      { before: { ...OPERATOR_CLOSED, limit: usd(50), tightened: { standing: 'closed', reason: 'as before' } } },
      'open',
      undefined,
      undefined,
    ],
    ['an enable, with the limit spent', {}, { spent: 100, overrides: [ENABLE] }, 'open', 'operator', HOUR],
    [
      'an enable, with money having closed before',
      {},
      { before: { standing: 'closed' }, overrides: [ENABLE] },
      'open',
      'operator',
      HOUR,
    ],
    [
      'an enable and an anomaly that is to close',
      { anomaly: 'disable' },
      { overrides: [ENABLE], signals: [{}] },
      'open',
      'operator',
      HOUR,
    ],
    [
      'a disable of the tenant and an enable of the budget',
      {},
      { overrides: [ENABLE, { ...DISABLE, target: { kind: 'tenant', tenant: 'acme' } }] },
      'closed',
      'operator',
      HOUR,
    ],
    [
      'a disable of another tenant',
      {},
      { overrides: [{ ...DISABLE, target: { kind: 'tenant', tenant: 'lakeside' } }] },
      'open',
      undefined,
      undefined,
    ],
    [
      'a disable of another budget',
      {},
      { overrides: [{ ...DISABLE, target: { kind: 'budget', budget: 'b' as BudgetId } }] },
      'open',
      undefined,
      undefined,
    ],
    [
      'a raise, with the limit spent',
      {},
      { spent: 100, overrides: [{ change: { kind: 'raise', amount: usd(50) } }] },
      'open',
      undefined,
      undefined,
    ],
    [
      'a raise that is spent as well',
      {},
      { spent: 150, overrides: [{ change: { kind: 'raise', amount: usd(50) } }] },
      'closed',
      undefined,
      undefined,
    ],
    ['an anomaly, by default', {}, { signals: [{}] }, 'open', undefined, undefined],
    ['an alarm, by default', {}, { signals: [{ kind: 'alarm' }] }, 'open', undefined, undefined],
    ['an anomaly that is to throttle', { anomaly: 'throttle' }, { signals: [{}] }, 'throttled', 'signal', HOUR],
    [
      'an alarm that is to throttle, and an anomaly that is not',
      { alarm: 'throttle' },
      { signals: [{}] },
      'open',
      undefined,
      undefined,
    ],
    [
      'an anomaly that is to throttle and has ended',
      { anomaly: 'throttle' },
      { signals: [{ until: NOW }] },
      'open',
      undefined,
      undefined,
    ],
    [
      'a throttling by signal that has ended',
      {},
      { before: { standing: 'throttled', heldBy: 'signal' } },
      'open',
      undefined,
      undefined,
    ],
    ['an anomaly that is to close', { anomaly: 'disable' }, { signals: [{}] }, 'closed', 'signal', HOUR],
    [
      'two anomalies, of which one lasts longer',
      { anomaly: 'throttle' },
      { signals: [{ until: epochMs(NOW + 2 * HOUR) }, {}] },
      'throttled',
      'signal',
      2 * HOUR,
    ],
    [
      'two anomalies, of which the later one lasts longer',
      { anomaly: 'throttle' },
      { signals: [{}, { until: epochMs(NOW + 2 * HOUR) }] },
      'throttled',
      'signal',
      2 * HOUR,
    ],
    [
      'a shorter closing and a longer throttling',
      { anomaly: 'throttle', alarm: 'disable' },
      { signals: [{ kind: 'alarm' }, { until: epochMs(NOW + 2 * HOUR) }] },
      'closed',
      'signal',
      HOUR,
    ],
    [
      'a longer throttling and a shorter closing',
      { anomaly: 'throttle', alarm: 'disable' },
      { signals: [{ until: epochMs(NOW + 2 * HOUR) }, { kind: 'alarm' }] },
      'closed',
      'signal',
      HOUR,
    ],
    [
      'an anomaly that is to throttle, and money that throttles',
      { anomaly: 'throttle' },
      { spent: 90, signals: [{}] },
      'throttled',
      undefined,
      undefined,
    ],
    [
      'an anomaly that is to throttle, and money that closes',
      { anomaly: 'throttle' },
      { spent: 100, signals: [{}] },
      'closed',
      undefined,
      undefined,
    ],
  ])('of %s', (_, signals, facts, standing, heldBy, lasts) => {
    const budget = budgetNamed(policyWith(signals), 'a/acme');
    const decision = decide(budget, evidenceOf(facts));
    expect(decision.standing).toBe(standing);
    expect(decision.heldBy).toBe(heldBy);
    expect(decision.standingUntil).toBe(lasts === undefined ? undefined : NOW + lasts);
    if (decision.standing !== 'open') expect(decision.because).not.toBe('');
  });

  it('of a budget that only watches is open, whatever is said, and says what it would be', () => {
    const budget = budgetNamed(policyWith({ anomaly: 'throttle' }, 'shadow'), 'a/acme');
    expect(decide(budget, evidenceOf({ signals: [{}] }))).toMatchObject({
      standing: 'open',
      otherwise: { standing: 'throttled', because: 'something odd' },
    });
    expect(decide(budget, evidenceOf({ overrides: [DISABLE] }))).toMatchObject({
      standing: 'open',
      otherwise: { standing: 'closed' },
    });
  });

  it('leaves the word that the terms carry where nobody was asked for another, until its end', () => {
    const { ledger, now } = evidenceOf({ before: { ...OPERATOR_CLOSED, standingUntil: epochMs(NOW + HOUR) } });
    expect(decide(BUDGET, { ledger, now })).toMatchObject({ standing: 'closed', heldBy: 'operator' });
    expect(decide(BUDGET, { ledger, now: epochMs(NOW + HOUR) }).standing).toBe('open');
    const throttled = { standing: 'throttled', heldBy: 'signal', standingUntil: epochMs(NOW + HOUR) } as const;
    const seen = evidenceOf({ before: throttled });
    expect(decide(BUDGET, { ledger: seen.ledger, now })).toMatchObject({ standing: 'throttled', heldBy: 'signal' });
    expect(decide(BUDGET, seen).standing).toBe('open');
  });

  it('asks of the terms the word of those alone who were not asked', () => {
    const {
      ledger,
      operators = { raises: [] },
      signals = [],
      now,
    } = evidenceOf({
      before: { ...OPERATOR_CLOSED, standingUntil: epochMs(NOW + HOUR) },
    });
    expect(decide(BUDGET, { ledger, operators, now }).standing).toBe('open');
    expect(decide(BUDGET, { ledger, signals, now })).toMatchObject({ standing: 'closed', heldBy: 'operator' });
    const throttled = evidenceOf({
      before: { standing: 'throttled', heldBy: 'signal', standingUntil: epochMs(NOW + HOUR) },
    });
    expect(decide(BUDGET, { ledger: throttled.ledger, signals, now }).standing).toBe('open');
    expect(decide(BUDGET, { ledger: throttled.ledger, operators, now })).toMatchObject({
      standing: 'throttled',
      heldBy: 'signal',
      because: 'throttled until then',
    });
  });

  it('takes no word from the terms that has no end there', () => {
    const { ledger, now } = evidenceOf({ before: OPERATOR_CLOSED });
    expect(decide(BUDGET, { ledger, now }).standing).toBe('open');
  });

  it('leaves a budget open that an operator has opened, whatever is spent, where operators were not asked', () => {
    const { ledger, now } = evidenceOf({
      spent: 100,
      before: { standing: 'open', heldBy: 'operator', standingUntil: epochMs(NOW + HOUR) },
    });
    expect(decide(BUDGET, { ledger, now })).toMatchObject({
      standing: 'open',
      heldBy: 'operator',
      standingUntil: NOW + HOUR,
    });
    expect(decide(BUDGET, { ledger, now: epochMs(NOW + HOUR) }).standing).toBe('closed');
  });

  it('of two signals that do and last the same tells the one that came first', () => {
    const budget = budgetNamed(policyWith({ anomaly: 'throttle' }), 'a/acme');
    const signals = [{ because: 'the first' }, { because: 'the second' }];
    expect(decide(budget, evidenceOf({ signals }))).toMatchObject({ because: 'the first' });
  });

  it('keeps nothing beneath where money has the word, or says nothing, or an enable has settled it', () => {
    const budget = budgetNamed(policyWith({ anomaly: 'disable' }), 'a/acme');
    for (const facts of [
      { spent: 100 },
      { signals: [{}] },
      { overrides: [DISABLE] },
      { before: { standing: 'closed' }, overrides: [ENABLE] },
    ] as const satisfies readonly Facts[])
      expect(decide(budget, evidenceOf(facts)), JSON.stringify(Object.keys(facts))).not.toHaveProperty('tightened');
  });

  it('keeps what money says beneath another’s word', () => {
    const budget = budgetNamed(policyWith({ anomaly: 'disable' }), 'a/acme');
    const said = decide(budget, evidenceOf({ spent: 95, signals: [{}] }));
    expect(said).toMatchObject({
      standing: 'closed',
      heldBy: 'signal',
      tightened: { standing: 'throttled', reason: '90% of the limit is spent' },
    });
  });
});

const RANK: Record<LedgerStanding, number> = { open: 0, throttled: 1, closed: 2 };
const facts = fc.record({
  spent: fc.nat({ max: 150 }),
  before: fc.constantFrom<Partial<Terms>>({}, { standing: 'throttled' }, { standing: 'closed' }, OPERATOR_CLOSED, {
    ...OPERATOR_CLOSED,
    tightened: { standing: 'throttled', reason: 'as before' },
  }),
  signals: fc.array(
    fc.record({
      kind: fc.constantFrom('anomaly' as const, 'alarm' as const),
      until: fc.integer({ min: -2, max: 2 }).map((hours) => epochMs(NOW + hours * HOUR)),
    }),
    { maxLength: 3 },
  ),
});
const action = fc.constantFrom<Action>('notify', 'throttle', 'disable');

describe('whatever is known', () => {
  it('an operator’s word on the standing is what holds, while it lasts', () => {
    fc.assert(
      fc.property(facts, action, action, fc.boolean(), (known, anomaly, alarm, isDisable) => {
        const budget = budgetNamed(policyWith({ anomaly, alarm }), 'a/acme');
        const decision = decide(budget, evidenceOf({ ...known, overrides: [isDisable ? DISABLE : ENABLE] }));
        expect(decision).toMatchObject({
          standing: isDisable ? 'closed' : 'open',
          heldBy: 'operator',
          standingUntil: NOW + HOUR,
        });
      }),
    );
  });

  it('a further signal, or more spent, loosens nothing', () => {
    fc.assert(
      fc.property(facts, action, fc.nat({ max: 50 }), (known, anomaly, more) => {
        const budget = budgetNamed(policyWith({ anomaly, alarm: 'throttle' }), 'a/acme');
        const rank = (of: Facts) => RANK[decide(budget, evidenceOf(of)).standing];
        const before = rank(known);
        expect(rank({ ...known, spent: known.spent + more })).toBeGreaterThanOrEqual(before);
        expect(rank({ ...known, signals: [...known.signals, {}] })).toBeGreaterThanOrEqual(before);
      }),
    );
  });

  it('what money has tightened holds, however little later figures say, until limit, raise or enable', () => {
    fc.assert(
      fc.property(facts, action, (known, anomaly) => {
        const budget = budgetNamed(policyWith({ anomaly }), 'a/acme');
        const first = decide(budget, evidenceOf(known));
        const money = first.heldBy === undefined ? first.standing : (first.tightened?.standing ?? 'open');
        const { tightened, heldBy, standing } = first;
        const before: Partial<Terms> = {
          standing,
          ...(heldBy === undefined ? {} : { heldBy }),
          ...(tightened === undefined ? {} : { tightened }),
        };
        // All figures gone, and every other word ended.
        const after = decide(budget, evidenceOf({ before, signals: [] }));
        expect(after.standing).toBe(money);
      }),
    );
  });

  it('a closed budget grants nothing, and a raise never grants less', () => {
    fc.assert(
      fc.property(facts, fc.nat({ max: 100 }), (known, dollars) => {
        const raises = [{ amount: usd(dollars), until: epochMs(NOW + HOUR) }];
        const terms: Terms = { limit: usd(100), stopAt: usd(100), version: 1, standing: 'open', ...known.before };
        expect(ceiling({ ...terms, raises }, NOW) >= ceiling(terms, NOW)).toBe(true);
        expect(ceiling({ ...terms, standing: 'closed', raises }, NOW)).toBe(0n);
      }),
    );
  });
});
