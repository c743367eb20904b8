import { beforeEach, describe, expect, it } from 'vitest';
import { checkDrift, type DriftReport } from '../../../domain/budgets/check-drift.ts';
import { type BilledDay, daysFrom, startOfDay, type UtcDay } from '../../../domain/budgets/drift.ts';
import { isRefused } from '../../../domain/budgets/payer.ts';
import { epochMs } from '../../../domain/clock.ts';
import type { JournalFacts } from '../../../domain/journal.ts';
import { nanoUsd, ZERO } from '../../../domain/money.ts';
import type { ProfileArn } from '../../../domain/profiles/profile-arn.ts';
import type { IndexEntry } from '../../../domain/profiles/profile-index.ts';
import { hourAt, NO_TOTALS, type ProcessId } from '../../../domain/spending/usage-record.ts';
import { policyDocument, policyOf } from '../example-policy.ts';
import { profileArn } from '../governed-account.ts';
import { indexEntry } from '../profiles/index-entry.ts';

const DAY = '2026-11-23' as UtcDay;
const usd = (dollars: number) => nanoUsd(BigInt(dollars) * 1_000_000_000n);

let entries: IndexEntry[];
let used: Map<ProfileArn, number>;
let bill: BilledDay;
let decisions: { readonly decision: string; readonly facts: JournalFacts }[];
beforeEach(() => {
  entries = [];
  used = new Map();
  decisions = [];
});

const checked = async (): Promise<DriftReport> => {
  const report = await checkDrift(
    {
      policy: policyOf(policyDocument({ timeZone: 'UTC' })),
      clock: { now: () => epochMs(Date.UTC(2026, 10, 25, 6)) },
      journal: { decided: (decision, facts) => void decisions.push({ decision, facts }), counted: () => {} },
      gauges: { measured: () => {} },
      bill: {
        read: async (_, { first, last }) =>
          daysFrom(first, last).map((day) =>
            day === DAY ? bill : { day, byTenant: new Map(), unassigned: ZERO, isSilent: true },
          ),
      },
      index: { list: async () => entries },
      records: {
        async *read({ from }) {
          if (from !== startOfDay(DAY)) return;
          const totals = new Map([...used].map(([arn, dollars]) => [arn, { ...NO_TOTALS, settled: usd(dollars) }]));
          yield { process: 'p' as ProcessId, hour: hourAt(from), chunk: 0, sequence: 1, watermark: from, totals };
        },
      },
    },
    '2026-11-22' as UtcDay,
  );
  if (isRefused(report)) throw new Error('nobody refuses here');
  return report;
};
const billed = (byTenant: Readonly<Record<string, number>>, unassigned = 0): BilledDay => ({
  day: DAY,
  byTenant: new Map(Object.entries(byTenant).map(([tenant, dollars]) => [tenant, usd(dollars)])),
  unassigned: unassigned === 0 ? ZERO : usd(unassigned),
  isSilent: false,
});

describe('the bill compared with the records', () => {
  it('finds no drift of a tenant without a name, whose spend the bill shows as unassigned', async () => {
    entries = [indexEntry('a', { tenant: 'acme' }), indexEntry('b', { tenant: '' }), indexEntry('c', {})];
    used = new Map(['a', 'b', 'c'].map((id) => [profileArn(id), 10]));
    bill = billed({ acme: 10 }, 20);
    expect((await checked()).detected).toEqual([]);
  });

  it('counts spend of no tenant, and of profiles that the index does not know, where AWS tells no tenants', async () => {
    entries = [indexEntry('a', { tenant: 'acme' }), indexEntry('b', {})];
    used = new Map(['a', 'b', 'unknown'].map((id) => [profileArn(id), 10]));
    bill = billed({}, 30);
    expect((await checked()).detected).toEqual([]);
  });

  it('tells the largest drifts of a day where all tenants drift, as they do with a wrong price', async () => {
    const tenants = Array.from({ length: 3_000 }, (_, n) => `t${n}`);
    bill = billed(Object.fromEntries(tenants.map((tenant, n) => [tenant, n + 10])));
    const { detected, compared } = await checked();
    expect(compared).toEqual([DAY]);
    expect(detected).toHaveLength(100);
    expect(detected[0]?.tenant).toBe('t2999');
    expect(decisions).toContainEqual({
      decision: 'tell the largest drifts',
      facts: { day: DAY, drifting: 3_000, told: 100 },
    });
  });
});
