import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Budget } from '../../../domain/budgets/definition.ts';
import {
  type AwsBudget,
  type AwsBudgetState,
  awsBudgetFor,
  awsBudgetName,
  describesPeriod,
  provisionBudget,
} from '../../../domain/budgets/provisioning.ts';
import { type EpochMs, epochMs } from '../../../domain/clock.ts';
import { type PeriodKind, periodAt } from '../../../domain/period.ts';
import { budgetNamed, policyDocument, policyOf } from '../example-policy.ts';

const at = (iso: string): EpochMs => epochMs(Date.parse(iso));
const budgetWith = (changes: Record<string, unknown> = {}, timeZone = 'UTC'): Budget =>
  budgetNamed(
    policyOf(policyDocument({ timeZone, budgets: [{ name: 'a', per: 'tenant', limit: '500 USD', ...changes }] })),
    'a/acme',
  );

/** CreateBudget: 1 to 100 characters of [^:\\], without /action/ and without a script element (API model); the user guide lists the characters. */
const AWS_NAME = /^(?!.*\/action\/)[A-Za-z0-9 _.:/=+%@-]{1,100}$/;
const tagValues = fc.stringMatching(/^[a-zA-Z0-9\s._:/=+@-]{1,256}$/u);
const budgetNames = fc.oneof(
  fc.constantFrom('action', 'tenant-monthly', 'a'),
  fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/),
);

describe('awsBudgetName', () => {
  it.each([
    [{ name: 'tenant-monthly', value: 'acme' }, 'governor/prod/tenant-monthly/acme'],
    [{ name: 'support-chat' }, 'governor/prod/support-chat'],
    [{ name: 'a', value: 'a b/c:d' }, 'governor/prod/a/a%20b%2Fc%3Ad'],
    [{ name: 'a', value: '\u2003' }, 'governor/prod/a/%u2003'],
    [{ name: 'action', value: 'acme' }, 'governor/prod/%61ction/acme'],
    [{ name: 'action' }, 'governor/prod/action'],
  ])('names %j', (budget, name) => {
    expect(awsBudgetName(budget, 'prod')).toBe(name);
  });

  it('is a name that AWS Budgets takes', () => {
    fc.assert(
      fc.property(
        budgetNames,
        fc.option(tagValues, { nil: undefined }),
        fc.constantFrom('prod', 'action'),
        (name, value, stage) => {
          expect(awsBudgetName({ name, ...(value === undefined ? {} : { value }) }, stage)).toMatch(AWS_NAME);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('gives two budgets two names', () => {
    const budgets = fc.record({ name: budgetNames, value: tagValues });
    fc.assert(
      fc.property(budgets, budgets, (one, other) => {
        fc.pre(one.name !== other.name || one.value !== other.value);
        expect(awsBudgetName(one, 'prod')).not.toBe(awsBudgetName(other, 'prod'));
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    [' 03', '\u2003'],
    ['a/b', 'a%2Fb'],
    ['x'.repeat(200), `${'x'.repeat(199)}y`],
    ['Acme', 'acme'],
  ])('tells %j from %j', (one, other) => {
    expect(awsBudgetName({ name: 'a', value: one }, 'prod')).not.toBe(
      awsBudgetName({ name: 'a', value: other }, 'prod'),
    );
  });
});

describe('awsBudgetFor', () => {
  it.each<[PeriodKind, string]>([
    ['day', 'DAILY'],
    ['month', 'MONTHLY'],
    ['quarter', 'QUARTERLY'],
    ['year', 'ANNUALLY'],
  ])('expresses a budget for each %s as %s', (period, timeUnit) => {
    expect(awsBudgetFor(budgetWith({ period }), 'prod')).toMatchObject({
      timeUnit,
      amount: '500.00',
      selector: { tenant: ['acme'] },
    });
  });

  it('says that AWS knows no weekly budgets', () => {
    expect(awsBudgetFor(budgetWith({ period: 'week' }), 'prod')).toBeUndefined();
  });

  it('asks for five notifications at most, the disabling ones among them, none twice', () => {
    const shares = fc.uniqueArray(
      fc.record({ at: fc.integer({ min: 1, max: 1000 }), action: fc.constantFrom('notify', 'throttle', 'disable') }),
      { maxLength: 20, selector: ({ at: share, action }) => `${share} ${action}` },
    );
    fc.assert(
      fc.property(shares, (thresholds) => {
        const budget = budgetWith({
          thresholds: thresholds.map(({ at: share, action }) => ({ at: `${share}%`, action })),
        });
        const { notifications = [] } = awsBudgetFor(budget, 'prod') ?? {};
        expect(notifications.length).toBeLessThanOrEqual(5);
        expect(new Set(notifications.map(({ type, threshold }) => `${type} ${threshold}`)).size).toBe(
          notifications.length,
        );
        const disabling = [...new Set(thresholds.filter(({ action }) => action === 'disable').map((t) => t.at))].sort(
          (a, b) => a - b,
        );
        for (const share of disabling.slice(0, 5))
          expect(notifications).toContainEqual({ type: 'ACTUAL', threshold: share });
      }),
    );
  });

  it('asks for a forecast where the policy does, in percent', () => {
    const budget = budgetWith({
      thresholds: [
        { at: '100%', on: 'forecast', action: 'notify' },
        { at: '33.33%', action: 'notify' },
      ],
    });
    expect(awsBudgetFor(budget, 'prod')?.notifications).toEqual([
      { type: 'ACTUAL', threshold: 33.33 },
      { type: 'FORECASTED', threshold: 100 },
    ]);
  });
});

describe('provisionBudget', () => {
  const journal = { decided() {}, counted() {} };
  function aws(existing: AwsBudgetState | undefined, create: 'created' | 'exists' = 'created') {
    const calls: string[] = [];
    const awsBudgets = {
      async describe() {
        calls.push('describe');
        return calls.includes('create') || create === 'created' ? existing : undefined;
      },
      async create() {
        calls.push('create');
        return create;
      },
      async update(_wanted: AwsBudget) {
        calls.push('update');
        return 'updated' as const;
      },
    };
    return { calls, ports: { awsBudgets, journal, stage: 'prod' } };
  }
  const wanted = (): AwsBudget => {
    const budget = awsBudgetFor(
      budgetWith({
        thresholds: [
          { at: '80%', action: 'notify' },
          { at: '100%', action: 'disable' },
        ],
      }),
      'prod',
    );
    if (budget === undefined) throw new Error('a monthly budget can be expressed');
    return budget;
  };
  const budget = budgetWith({
    thresholds: [
      { at: '80%', action: 'notify' },
      { at: '100%', action: 'disable' },
    ],
  });

  it('creates what is not there', async () => {
    const { calls, ports } = aws(undefined);
    expect(await provisionBudget(ports, budget)).toBe('created');
    expect(calls).toEqual(['describe', 'create']);
  });

  it.each<[string, Partial<AwsBudgetState>]>([
    ['is the same', {}],
    ['says 500.0 for 500.00', { amount: '500.0' }],
    ['says 500', { amount: '500' }],
    [
      'lists its notifications in another order',
      {
        notifications: [
          { type: 'ACTUAL', threshold: 80 },
          { type: 'ACTUAL', threshold: 100 },
        ],
      },
    ],
    ['has figures', { updatedAt: at('2026-11-20T00:00:00Z') }],
  ])('leaves alone what %s', async (_, differences) => {
    const { calls, ports } = aws({ ...wanted(), ...differences });
    expect(await provisionBudget(ports, budget)).toBe('unchanged');
    expect(calls).toEqual(['describe']);
  });

  it.each<[string, Partial<AwsBudgetState>]>([
    ['the amount', { amount: '500.01' }],
    ['an amount that cannot be read', { amount: 'much' }],
    ['the unit of time', { timeUnit: 'DAILY' }],
    ['the selector', { selector: { tenant: ['acme', 'lakeside'] } }],
    ['no selector', { selector: {} }],
    ['a filter that says more than tags', { countsOtherwise: true }],
    ['a notification less', { notifications: [{ type: 'ACTUAL', threshold: 80 }] }],
    [
      'a notification on the forecast',
      {
        notifications: [
          { type: 'ACTUAL', threshold: 80 },
          { type: 'FORECASTED', threshold: 100 },
        ],
      },
    ],
  ])('updates what differs in %s', async (_, differences) => {
    const { calls, ports } = aws({ ...wanted(), ...differences });
    expect(await provisionBudget(ports, budget)).toBe('updated');
    expect(calls).toEqual(['describe', 'update']);
  });

  it('leaves alone what others have made to limit something else than cost', async () => {
    const { calls, ports } = aws({ ...wanted(), limits: 'USAGE' });
    expect(await provisionBudget(ports, budget)).toBe('foreign');
    expect(calls).toEqual(['describe']);
  });

  it('asks nothing of a budget that was seen as wanted, and nothing before it creates one that was not seen', async () => {
    const { calls, ports } = aws(undefined);
    expect(await provisionBudget(ports, budget, { state: wanted() })).toBe('unchanged');
    expect(calls).toEqual([]);
    expect(await provisionBudget(ports, budget, { state: undefined })).toBe('created');
    expect(calls).toEqual(['create']);
  });

  it('writes nothing on the word of a bulk read', async () => {
    const { calls, ports } = aws(wanted());
    expect(await provisionBudget(ports, budget, { state: { ...wanted(), amount: '1.0' } })).toBe('unchanged');
    expect(calls).toEqual(['describe']);
  });

  it('adopts a budget that somebody created meanwhile', async () => {
    const { calls, ports } = aws({ ...wanted(), amount: '1.0' }, 'exists');
    expect(await provisionBudget(ports, budget)).toBe('updated');
    expect(calls).toEqual(['describe', 'create', 'describe', 'update']);
  });
});

describe('describesPeriod', () => {
  const state = (updatedAt: string | undefined, timeUnit: AwsBudget['timeUnit'] = 'MONTHLY'): AwsBudgetState => ({
    name: 'x',
    amount: '1.00',
    timeUnit,
    selector: {},
    notifications: [],
    ...(updatedAt === undefined ? {} : { updatedAt: at(updatedAt) }),
  });
  const answer = (
    timeZone: string,
    updatedAt: string | undefined,
    period: PeriodKind = 'month',
    timeUnit: AwsBudget['timeUnit'] = 'MONTHLY',
  ) => {
    const budget = budgetWith({ period }, timeZone);
    return describesPeriod(state(updatedAt, timeUnit), budget, periodAt(period, timeZone, at('2026-11-23T10:00:00Z')));
  };

  it.each<[string, boolean, string, string | undefined]>([
    ['well within the period', true, 'UTC', '2026-11-20T08:00:00Z'],
    ['twelve hours after it began', true, 'UTC', '2026-11-01T12:00:00Z'],
    [
      'less than twelve hours after it began, when they may still be those of the period before',
      false,
      'UTC',
      '2026-11-01T11:59:59Z',
    ],
    ['of the period before', false, 'UTC', '2026-10-31T23:00:00Z'],
    ['of the period after', false, 'UTC', '2026-12-01T13:00:00Z'],
    ['of nobody knows when', false, 'UTC', undefined],
    ['of a month that AWS began within ours', true, 'Europe/Zurich', '2026-11-20T08:00:00Z'],
    ['of a month that AWS began before ours', false, 'America/New_York', '2026-11-20T08:00:00Z'],
    ['after our period has ended and AWS’s has not', false, 'Asia/Tokyo', '2026-11-30T16:00:00Z'],
  ])('takes figures %s: %s', (_, expected, timeZone, updatedAt) => {
    expect(answer(timeZone, updatedAt)).toBe(expected);
  });

  it('takes no figures of another unit of time', () => {
    expect(answer('UTC', '2026-11-20T13:00:00Z', 'month', 'QUARTERLY')).toBe(false);
    expect(answer('UTC', '2026-11-23T13:00:00Z', 'week', 'MONTHLY')).toBe(false);
    expect(answer('UTC', '2026-11-23T13:00:00Z', 'day', 'DAILY')).toBe(true);
    expect(answer('UTC', '2026-11-22T13:00:00Z', 'day', 'DAILY')).toBe(false);
  });

  it('never takes figures of a span that lies outside the period in part at its beginning', () => {
    const instants = fc.integer({ min: Date.UTC(2026, 8, 1), max: Date.UTC(2027, 1, 1) }).map(epochMs);
    fc.assert(
      fc.property(
        instants,
        instants,
        fc.constantFrom('UTC', 'Europe/Zurich', 'America/New_York', 'Pacific/Kiritimati'),
        (now, updatedAt, timeZone) => {
          const period = periodAt('month', timeZone, now);
          if (!describesPeriod({ ...state(undefined), updatedAt }, budgetWith({}, timeZone), period)) return;
          expect(periodAt('month', 'UTC', updatedAt).startsAt).toBeGreaterThanOrEqual(period.startsAt);
          expect(updatedAt).toBeLessThan(period.endsAt);
        },
      ),
    );
  });
});
