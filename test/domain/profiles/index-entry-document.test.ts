import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BudgetId } from '../../../domain/budgets/budget-id.ts';
import { epochMs } from '../../../domain/clock.ts';
import { nanoUsd } from '../../../domain/money.ts';
import { PERIOD_KINDS } from '../../../domain/period.ts';
import { GEOGRAPHIES } from '../../../domain/profiles/geography.ts';
import { parseIndexEntry, serialiseIndexEntry } from '../../../domain/profiles/index-entry-document.ts';
import type { IndexEntry, ProfileSource } from '../../../domain/profiles/profile-index.ts';
import type { PicoUsdPerToken, Rates } from '../../../domain/spending/pricing.ts';
import type { Restriction } from '../../../domain/standing/standing.ts';
import { mutationsOf } from '../event-fixtures.ts';
import { profileArn } from '../governed-account.ts';

const instants = fc.integer({ min: 0, max: 4e12 }).map(epochMs);
const money = fc.bigInt({ min: 0n, max: 10n ** 30n }).map(nanoUsd);
const budgetIds = fc.string().map((id) => id as BudgetId);
const rate = fc.nat().map((value) => value as PicoUsdPerToken);
const meters = { input: rate, output: rate, cacheRead: rate, cacheWrite5m: rate, cacheWrite1h: rate };
const rates: fc.Arbitrary<Rates> = fc.record(
  {
    ...meters,
    steps: fc.array(fc.record({ aboveInputTokens: fc.integer({ min: 1 }), ...meters }), { maxLength: 2 }),
    inputTokens: fc.constant('including-cache' as const),
    cachesUnasked: fc.constant(true as const),
  },
  { requiredKeys: ['input', 'output', 'cacheRead', 'cacheWrite5m', 'cacheWrite1h'] },
);
const keys = fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'toString'));
const tags = fc
  .array(fc.tuple(keys, fc.string()), { maxLength: 5 })
  .map((pairs): Record<string, string> => Object.fromEntries(pairs));
const violations = fc.oneof(
  fc.record(
    { key: fc.string(), problem: fc.constant('missing' as const), writtenAs: fc.string(), expected: fc.string() },
    { requiredKeys: ['key', 'problem', 'expected'] },
  ),
  fc.record({
    key: fc.string(),
    problem: fc.constant('not-allowed' as const),
    value: fc.string(),
    expected: fc.string(),
  }),
);
const restrictions: fc.Arbitrary<Restriction> = fc.oneof(
  fc.record({
    kind: fc.constantFrom('budget-used-up' as const, 'budget-disabled' as const, 'budget-throttled' as const),
    budget: budgetIds,
    period: fc.string(),
    spent: money,
    limit: money,
    until: instants,
  }),
  fc.record({
    kind: fc.constant('tenant-disabled' as const),
    tenant: fc.string(),
    because: fc.string(),
    until: instants,
  }),
  fc.record({ kind: fc.constant('quarantine' as const), violations: fc.array(violations, { maxLength: 3 }) }),
);
const entries: fc.Arbitrary<IndexEntry> = fc.record(
  {
    arn: fc.constantFrom(profileArn('a'), profileArn('b', 'eu-central-1')),
    name: fc.string(),
    region: fc.string(),
    tags,
    baseModelId: fc.string(),
    source: fc.constantFrom<ProfileSource>('in-region', 'geo', 'global'),
    geography: fc.constantFrom(...GEOGRAPHIES),
    rates,
    rateChanges: fc.array(fc.record({ from: instants, rates }, { requiredKeys: ['from'] }), { maxLength: 2 }),
    contextWindow: fc.integer({ min: 1, max: 10 ** 7 }),
    standing: fc.oneof(
      fc.constant({ state: 'open' as const }),
      fc.record({
        state: fc.constantFrom('throttled' as const, 'closed' as const),
        reasons: fc.array(restrictions, { maxLength: 3 }),
      }),
    ),
    budgets: fc.array(fc.record({ id: budgetIds, period: fc.constantFrom(...PERIOD_KINDS), timeZone: fc.string() }), {
      maxLength: 3,
    }),
    quarantines: fc.integer({ min: 1, max: 1_000_000 }),
    violatingSince: instants,
    timesViolating: fc.integer({ min: 1, max: 1_000_000 }),
    mendings: fc.record({ day: fc.string(), writes: fc.integer({ min: 1, max: 5 }) }),
    verifiedAt: instants,
    endedAt: instants,
  },
  { requiredKeys: ['arn', 'name', 'region', 'tags', 'baseModelId', 'source', 'standing', 'budgets', 'verifiedAt'] },
);

const own = (record: object): [string, unknown][] => Object.entries(record);

describe('the stored form of an index entry', () => {
  it('gives back the entry that was stored, whatever its tags are called', () => {
    fc.assert(
      fc.property(entries, (entry) => {
        const { tags: read = {}, ...rest } = parseIndexEntry(serialiseIndexEntry(entry)) ?? {};
        const { tags: written, ...others } = entry;
        expect(rest).toEqual(others);
        // Not toEqual, which does not see an own property named __proto__.
        expect(own(read)).toEqual(own(written));
      }),
    );
  });

  it('is JSON in which amounts are decimal strings, for readers in other languages', () => {
    fc.assert(
      fc.property(entries, (entry) => {
        expect(JSON.parse(serialiseIndexEntry(entry))).toMatchObject({ schema: 1, arn: entry.arn });
        expect(serialiseIndexEntry(entry)).not.toMatch(/"(?:spent|limit)":[^"]/);
      }),
    );
  });

  it.each(['', '{', 'null', '[]', '7', '{}', '{"schema":2}', '"text"'])('is not %j', (text) => {
    expect(parseIndexEntry(text)).toBeUndefined();
  });

  const whole: IndexEntry = {
    arn: profileArn('a'),
    name: 'acme-chat',
    region: 'us-east-1',
    tags: { tenant: 'acme' },
    baseModelId: 'amazon.nova-lite-v1:0',
    source: 'geo',
    standing: {
      state: 'closed',
      reasons: [
        {
          kind: 'budget-used-up',
          budget: 'b' as BudgetId,
          period: '2026-11',
          spent: nanoUsd(1n),
          limit: nanoUsd(1n),
          until: epochMs(1),
        },
      ],
    },
    budgets: [{ id: 'b' as BudgetId, period: 'month', timeZone: 'UTC' }],
    verifiedAt: epochMs(1),
  };

  it('is read without what older versions do not write: geography, steps and changes of price', () => {
    const meters = { input: 1, output: 2, cacheRead: 3, cacheWrite5m: 4, cacheWrite1h: 5 };
    const older = { ...JSON.parse(serialiseIndexEntry(whole)), rates: meters };
    expect(parseIndexEntry(JSON.stringify(older))).toEqual({ ...whole, rates: meters });
  });

  it('is read without what newer versions may add', () => {
    const newer = { ...JSON.parse(serialiseIndexEntry(whole)), colour: 'blue' };
    expect(parseIndexEntry(JSON.stringify(newer))).toEqual(whole);
  });

  it.each<[string, Record<string, unknown>]>([
    ['a list in the place of what is known of its creation', { creation: [] }],
    ['a newer shape', { schema: 2 }],
    ['no ARN of a profile', { arn: 'arn:aws:s3:::bucket' }],
    ['tags that are a list', { tags: ['tenant'] }],
    ['a tag that is a number', { tags: { tenant: 7 } }],
    ['no tags', { tags: undefined }],
    ['a price below zero', { rates: { input: -1, output: 1, cacheRead: 1, cacheWrite5m: 1, cacheWrite1h: 1 } }],
    ['a change of price without a day', { rateChanges: [{}] }],
    [
      'a step that is none',
      { rates: { input: 1, output: 1, cacheRead: 1, cacheWrite5m: 1, cacheWrite1h: 1, steps: [{ input: 1 }] } },
    ],
    ['half a price', { rates: { input: 1 } }],
    [
      'an amount that is a number',
      {
        standing: {
          state: 'closed',
          reasons: [{ kind: 'budget-used-up', budget: 'b', period: 'p', spent: 1, limit: '1', until: 1 }],
        },
      },
    ],
    ['an unknown standing', { standing: { state: 'ajar' } }],
    ['an unknown period', { budgets: [{ id: 'b', period: 'fortnight', timeZone: 'UTC' }] }],
  ])('is refused with %s, never read in part', (_, changes) => {
    expect(parseIndexEntry(JSON.stringify({ ...JSON.parse(serialiseIndexEntry(whole)), ...changes }))).toBeUndefined();
    expect(parseIndexEntry(serialiseIndexEntry(whole))).toBeDefined();
  });

  it('is an entry or nothing, and never throws, however it is damaged', () => {
    fc.assert(
      fc.property(mutationsOf(JSON.parse(serialiseIndexEntry(whole))), (mutant) => {
        const read = parseIndexEntry(JSON.stringify(mutant) ?? '');
        if (read !== undefined) expect(parseIndexEntry(serialiseIndexEntry(read))).toEqual(read);
      }),
      { numRuns: 300 },
    );
  });
});
