import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BudgetId } from '../../../domain/budgets/budget-id.ts';
import { type EpochMs, epochMs } from '../../../domain/clock.ts';
import type { MetricName } from '../../../domain/journal.ts';
import { add, nanoUsd, ZERO } from '../../../domain/money.ts';
import { nextPeriod, periodAt } from '../../../domain/period.ts';
import type { ProfileArn } from '../../../domain/profiles/profile-arn.ts';
import type { TagHistory } from '../../../domain/profiles/tag-history.ts';
import {
  type HolderId,
  isConserved,
  type LeaseEntry,
  type LedgerKey,
  spent,
  type WriteId,
} from '../../../domain/spending/ledger.ts';
import type { Metered, MeteredWindow } from '../../../domain/spending/metered-spend.ts';
import { type BudgetFinding, closedUntil, compare, planTrueUp } from '../../../domain/spending/true-up.ts';
import { type TrueUp, type TrueUpOutcome, trueUp } from '../../../domain/spending/true-up-budget.ts';
import { NO_USAGE, type Usage } from '../../../domain/spending/usage.ts';
import { UsageReadings } from '../../../domain/spending/usage-readings.ts';
import {
  HOUR_MS,
  holderOf,
  hourAt,
  NO_TOTALS,
  type ProcessId,
  type UsageRecords,
} from '../../../domain/spending/usage-record.ts';
import { budgetNamed, policyDocument, policyOf } from '../example-policy.ts';
import { profileArn } from '../governed-account.ts';
import { MemoryLedger } from './memory-ledger.ts';
import { MemoryCheckpoints, MemoryOpenings, MemoryUsage } from './memory-usage.ts';
import { at, entryOf, RATES, recordOf, totals } from './usage-fixtures.ts';

const CHAT = profileArn('chat00000001');
const PROCESS = 'process-1' as ProcessId;
const metered = (inputTokens: number): Usage => ({ ...NO_USAGE, inputTokens });

describe('comparing what was metered with what was recorded', () => {
  it('finds nothing where they are equal', () => {
    expect(compare(RATES, metered(500), totals(3, 500))).toMatchObject({ excess: 0n, confirmed: 0n, unspent: 0n });
  });

  it('proves unconfirmed money unspent where they are equal', () => {
    expect(compare(RATES, metered(500), totals(3, 500, 40))).toMatchObject({ confirmed: 0n, unspent: 40n });
  });

  it('takes an excess for unconfirmed attempts first, and proves unspent what it cannot have cost at any tier', () => {
    expect(compare(RATES, metered(520), totals(3, 500, 40))).toMatchObject({
      excess: 20n,
      excessAtMost: 35n,
      confirmed: 20n,
      unspent: 5n,
    });
    expect(compare(RATES, metered(530), totals(3, 500, 40))).toMatchObject({ confirmed: 30n, unspent: 0n });
    expect(compare(RATES, metered(600), totals(3, 500, 40))).toMatchObject({
      excess: 100n,
      confirmed: 40n,
      unspent: 0n,
    });
  });

  it('proves nothing while less is metered than was recorded, of any kind of token', () => {
    const behind = { excess: 0n, excessAtMost: 0n, confirmed: 0n, unspent: 0n, isConclusive: false };
    expect(compare(RATES, metered(499), totals(3, 500, 40))).toEqual(behind);
    const output = { ...metered(600), outputTokens: 4 };
    const recorded = { ...totals(3, 500, 40), usage: { ...metered(500), outputTokens: 5 } };
    expect(compare(RATES, output, recorded)).toEqual({ ...behind, excess: 100n, excessAtMost: 175n });
  });

  it('does not decide what may be of an earlier period, whichever of the attempts the excess is', () => {
    expect(compare(RATES, metered(500), totals(3, 500, 40), nanoUsd(15n))).toMatchObject({
      confirmed: 0n,
      unspent: 25n,
    });
    expect(compare(RATES, metered(510), totals(3, 500, 40), nanoUsd(15n))).toMatchObject({
      confirmed: 0n,
      unspent: 7n,
    });
    expect(compare(RATES, metered(540), totals(3, 500, 40), nanoUsd(15n))).toMatchObject({
      confirmed: 25n,
      unspent: 0n,
    });
  });

  it('compares the two kinds of cache writes together, as metrics may not tell them apart', () => {
    const recorded = { ...NO_TOTALS, usage: { ...NO_USAGE, cacheWrite5mInputTokens: 30, cacheWrite1hInputTokens: 20 } };
    const told = { ...NO_USAGE, cacheWrite5mInputTokens: 50 };
    expect(compare(RATES, told, recorded)).toMatchObject({ excess: 0n, isConclusive: true });
    expect(compare(RATES, { ...told, cacheWrite5mInputTokens: 57 }, recorded)).toMatchObject({ excess: 7n });
  });

  it('never decides more than is unconfirmed, and explains every excess', () => {
    const amount = fc.nat(1_000);
    fc.assert(
      fc.property(amount, amount, amount, amount, (seen, known, unconfirmed, doubt) => {
        const doubtful = nanoUsd(BigInt(Math.min(doubt, unconfirmed)));
        const found = compare(RATES, metered(seen), totals(1, known, unconfirmed), doubtful);
        expect(found.confirmed + found.unspent + doubtful).toBeLessThanOrEqual(BigInt(unconfirmed));
        expect(found.confirmed).toBeLessThanOrEqual(found.excess);
        // Whichever attempts the excess was: what is freed is not among them.
        if (found.isConclusive)
          expect(BigInt(unconfirmed) - found.unspent).toBeGreaterThanOrEqual(min(found.excess, unconfirmed));
      }),
    );
  });
});

const min = (a: bigint, b: number): bigint => (a < BigInt(b) ? a : BigInt(b));

describe('closed hours', () => {
  const now = at('2026-11-23T22:40:00Z');
  const entry = (leased: bigint): LeaseEntry => ({
    sequence: 1,
    writeId: 'w' as WriteId,
    leased: nanoUsd(leased),
    expiresAt: now,
  });
  const holder = holderOf(PROCESS, 1);

  it('end with the last one that metrics have had time to tell of', () => {
    expect(closedUntil(now, new Map(), new Map())).toBe(at('2026-11-23T22:00:00Z'));
    expect(closedUntil(epochMs(now - 26 * 60_000), new Map(), new Map())).toBe(at('2026-11-23T21:00:00Z'));
  });

  it('wait for the watermark of every process that holds money', () => {
    const told = (iso: string) => new Map([[PROCESS, at(iso)]]);
    expect(closedUntil(now, new Map([[holder, entry(5n)]]), told('2026-11-23T22:00:00Z'))).toBe(
      at('2026-11-23T22:00:00Z'),
    );
    expect(closedUntil(now, new Map([[holder, entry(5n)]]), told('2026-11-23T21:59:59Z'))).toBe(
      at('2026-11-23T21:00:00Z'),
    );
    expect(closedUntil(now, new Map([[holder, entry(5n)]]), new Map())).toBeUndefined();
  });

  it('do not wait for a process that has given its money back', () => {
    expect(closedUntil(now, new Map([[holder, entry(0n)]]), new Map())).toBe(at('2026-11-23T22:00:00Z'));
  });
});

describe('planning a true-up', () => {
  const NOTHING: BudgetFinding = {
    closedExcess: ZERO,
    openExcess: ZERO,
    confirmed: ZERO,
    unspent: ZERO,
    decidable: ZERO,
    unspentInAll: ZERO,
  };
  const amounts = (unconfirmed: bigint, leased = 0n, unattributed = 0n) => {
    const account = accountWith({ unconfirmed, leased, unattributed });
    return account.item();
  };
  const finding = (parts: Partial<Record<keyof BudgetFinding, bigint>>): BudgetFinding => ({
    ...NOTHING,
    ...Object.fromEntries(Object.entries(parts).map(([name, amount]) => [name, nanoUsd(amount)])),
  });

  it('counts as outside only what neither unconfirmed money nor leases account for, while hours are open', () => {
    expect(planTrueUp(amounts(30n, 50n), finding({ openExcess: 80n }))).toBeUndefined();
    expect(planTrueUp(amounts(30n, 50n), finding({ openExcess: 81n }))?.to.unattributed).toBe(1n);
  });

  it('does not let leases account for the excess of closed hours', () => {
    expect(planTrueUp(amounts(30n, 50n), finding({ closedExcess: 80n }))?.to.unattributed).toBe(50n);
  });

  it('never lowers what is unattributed', () => {
    expect(planTrueUp(amounts(0n, 0n, 70n), finding({ closedExcess: 20n }))).toBeUndefined();
  });

  it('lowers unconfirmed money neither below zero nor by more than has a record', () => {
    const tooMuch = planTrueUp(amounts(10n), finding({ unspent: 40n, decidable: 40n }));
    expect(tooMuch?.to.resolution.unspent).toBe(10n);
    const reclaimed = planTrueUp(amounts(100n), finding({ unspent: 40n, decidable: 40n }));
    expect(reclaimed?.to.resolution.unspent).toBe(40n);
  });

  it('counts the stronger of two proofs about the same money, not their sum', () => {
    const proofs = finding({ unspent: 40n, decidable: 40n, unspentInAll: 60n });
    expect(planTrueUp(amounts(100n), proofs)?.to.resolution.unspent).toBe(60n);
    expect(planTrueUp(amounts(50n), proofs)?.to.resolution.unspent).toBe(50n);
  });

  it('leaves as much unconfirmed as accounts for the excess, so that freeing money makes no spend from outside', () => {
    const change = planTrueUp(amounts(100n), finding({ unspentInAll: 95n, closedExcess: 12n }));
    expect(change?.to).toMatchObject({ unattributed: 0n, resolution: { unspent: 88n } });
  });
});

const POLICY = policyOf(policyDocument({ timeZone: 'UTC' }));
const BUDGET = budgetNamed(POLICY, 'tenant-monthly/acme');
const PERIOD = periodAt('month', 'UTC', at('2026-11-23T00:00:00Z'));
const KEY: LedgerKey = { budget: 'tenant-monthly/acme' as BudgetId, period: '2026-11' };

interface Amounts {
  readonly settled?: bigint;
  readonly unconfirmed?: bigint;
  readonly leased?: bigint;
  readonly unattributed?: bigint;
}

/** A budget with an item, and metrics that say whatever the test puts in them. */
function accountWith({ settled = 0n, unconfirmed = 0n, leased = 0n, unattributed = 0n }: Amounts) {
  const ledger = new MemoryLedger();
  const usage = new MemoryUsage();
  const openings = new MemoryOpenings();
  const points: { readonly at: EpochMs; readonly tokens: number; readonly profile: ProfileArn }[] = [];
  const counted: MetricName[] = [];
  const state = {
    now: at('2026-11-23T22:40:00Z'),
    areMetricsDown: false,
    isPastSilent: false,
    unreadable: undefined as ProfileArn | undefined,
  };
  const parts = { settled, unconfirmed, leased, unattributed };
  ledger.put({
    key: KEY,
    startsAt: PERIOD.startsAt,
    endsAt: PERIOD.endsAt,
    terms: { limit: nanoUsd(10n ** 9n), stopAt: nanoUsd(10n ** 9n), standing: 'open', version: 1 },
    committed: nanoUsd(settled + unconfirmed + leased + unattributed),
    ...{ settled: nanoUsd(parts.settled), unconfirmed: nanoUsd(parts.unconfirmed) },
    ...{ leased: nanoUsd(parts.leased), unattributed: nanoUsd(parts.unattributed) },
    holders: new Map(),
    crossed: [],
  });
  const clock = { now: () => state.now };
  const entries = [entryOf(CHAT, { tenant: 'acme' })];
  const meteredIn = ({ profile, from, until }: MeteredWindow): Metered => {
    if (state.areMetricsDown || state.unreadable === profile) return { kind: 'unreadable', why: 'they are down' };
    if (state.isPastSilent && from === PERIOD.startsAt) return { kind: 'silent' };
    const inWindow = points.filter((point) => point.at >= from && point.at < until && point.profile === profile);
    return { kind: 'told', usage: metered(inWindow.reduce((sum, { tokens }) => sum + tokens, 0)) };
  };
  const checkpoints = new MemoryCheckpoints();
  const histories = new Map<ProfileArn, TagHistory>();
  // Nothing is kept from one true-up to the next: late metrics are to be seen at once.
  const ports = (): TrueUp => ({
    ledger,
    openings,
    checkpoints,
    readings: new UsageReadings({
      records: usage,
      metered: { read: async (windows) => windows.map(meteredIn) },
      clock,
    }),
    index: { list: async () => entries },
    histories: { list: async () => histories },
    clock,
    journal: { decided() {}, counted: (metric) => void counted.push(metric) },
  });
  let records = 0;
  const item = () => {
    const found = ledger.item(KEY);
    if (found === undefined) throw new Error('the item is gone');
    return found;
  };
  return {
    ports,
    state,
    openings,
    ledger,
    meteredIn,
    item,
    entries,
    counted,
    usage,
    checkpoints,
    histories,
    meter: (iso: string, tokens: number, profile = CHAT) => void points.push({ at: at(iso), tokens, profile }),
    record: async (iso: string, cost: number, lost = 0, profile = CHAT) =>
      await usage.write(
        recordOf({ process: `p${records++}`, hour: hourAt(at(iso)), totals: [[profile, totals(1, cost, lost)]] }),
      ),
    trueUp: () => trueUpBudget(ports()),
  };
}

const trueUpBudget = async (ports: TrueUp): Promise<TrueUpOutcome | undefined> =>
  (await trueUp(ports, [{ budget: BUDGET, period: PERIOD }]))[0]?.outcome;

describe('truing up a budget', () => {
  it('says when there is no ledger item', async () => {
    const { ports } = accountWith({});
    expect(await trueUpBudget({ ...ports(), ledger: new MemoryLedger() })).toBe('not-provisioned');
  });

  it('counts spend that no helper recorded as unattributed, and says nothing new the next time', async () => {
    const account = accountWith({ settled: 500n });
    await account.record('2026-11-20T10:00:00Z', 500);
    account.meter('2026-11-20T10:00:00Z', 500);
    account.meter('2026-11-20T11:00:00Z', 70);
    expect(await account.trueUp()).toBe('trued-up');
    expect(account.item()).toMatchObject({ settled: 500n, unattributed: 70n, committed: 570n });
    expect(await account.trueUp()).toBe('nothing-new');
    account.state.now = epochMs(account.state.now + 5 * HOUR_MS);
    expect(await account.trueUp()).toBe('nothing-new');
  });

  it('frees unconfirmed money that the metrics prove unspent, and settles what they prove spent', async () => {
    const account = accountWith({ settled: 500n, unconfirmed: 90n });
    await account.record('2026-11-20T10:00:00Z', 500, 90);
    account.meter('2026-11-20T10:00:00Z', 540);
    expect(await account.trueUp()).toBe('trued-up');
    // 40 tokens can have cost 70 at the dearest tier, so that 20 of the 90 were certainly not spent.
    expect(account.item()).toMatchObject({ settled: 540n, unconfirmed: 30n, unattributed: 0n, committed: 570n });
    expect(await account.trueUp()).toBe('nothing-new');
  });

  it('leaves what reclaimed leases made unconfirmed, and lets it account for an excess', async () => {
    const account = accountWith({ settled: 500n, unconfirmed: 90n });
    await account.record('2026-11-20T10:00:00Z', 500);
    account.meter('2026-11-20T10:00:00Z', 560);
    expect(await account.trueUp()).toBe('nothing-new');
    account.meter('2026-11-20T12:00:00Z', 40);
    await account.trueUp();
    expect(account.item()).toMatchObject({ settled: 500n, unconfirmed: 90n, unattributed: 10n });
  });

  it('decides nothing about the latest hour', async () => {
    const account = accountWith({ settled: 0n, unconfirmed: 90n });
    await account.record('2026-11-23T22:10:00Z', 0, 90);
    expect(await account.trueUp()).toBe('nothing-new');
    account.state.now = at('2026-11-23T23:14:59Z');
    expect(await account.trueUp()).toBe('nothing-new');
    account.state.now = at('2026-11-23T23:15:00Z');
    expect(await account.trueUp()).toBe('trued-up');
    expect(account.item()).toMatchObject({ unconfirmed: 0n, committed: 0n });
  });

  it('does not decide attempts that ended in the first hour of a period, which may be of the one before', async () => {
    const account = accountWith({ unconfirmed: 90n });
    await account.record('2026-11-01T00:20:00Z', 0, 50);
    await account.record('2026-11-01T01:20:00Z', 0, 40);
    await account.trueUp();
    expect(account.item()).toMatchObject({ unconfirmed: 50n });
  });

  it('does not decide attempts of a profile that joined or left the budget in the period', async () => {
    const account = accountWith({ unconfirmed: 90n });
    await account.record('2026-11-20T10:00:00Z', 0, 90);
    await account.openings.settle(KEY, CHAT);
    expect(await account.trueUp()).toBe('nothing-new');
  });

  it('concludes nothing from metrics that cannot be read, or tell less than was recorded', async () => {
    const account = accountWith({ settled: 500n, unconfirmed: 90n });
    await account.record('2026-11-20T10:00:00Z', 500, 90);
    account.state.areMetricsDown = true;
    expect(await account.trueUp()).toBe('nothing-new');
    account.state.areMetricsDown = false;
    account.meter('2026-11-20T10:00:00Z', 499);
    expect(await account.trueUp()).toBe('nothing-new');
    account.meter('2026-11-20T10:00:01Z', 1);
    expect(await account.trueUp()).toBe('trued-up');
    expect(account.item().unconfirmed).toBe(0n);
  });

  it('takes a call that is metered in one hour and recorded in the next for the same call', async () => {
    const account = accountWith({ settled: 500n });
    account.meter('2026-11-20T10:59:59Z', 500);
    await account.record('2026-11-20T11:00:01Z', 500);
    expect(await account.trueUp()).toBe('nothing-new');
  });

  it('counts as unattributed what a late metric proves spent after it was freed', async () => {
    const account = accountWith({ unconfirmed: 90n });
    await account.record('2026-11-20T10:00:00Z', 0, 90);
    await account.trueUp();
    expect(account.item().committed).toBe(0n);
    account.meter('2026-11-20T10:00:00Z', 60);
    await account.trueUp();
    expect(account.item()).toMatchObject({ settled: 0n, unconfirmed: 0n, unattributed: 60n });
  });

  it('does not take a late metric for proof about what reclaimed leases made unconfirmed', async () => {
    const account = accountWith({ unconfirmed: 190n });
    await account.record('2026-11-20T10:00:00Z', 0, 90);
    await account.trueUp();
    expect(account.item()).toMatchObject({ unconfirmed: 100n });
    account.meter('2026-11-20T10:00:00Z', 60);
    expect(await account.trueUp()).toBe('nothing-new');
    expect(account.item()).toMatchObject({ settled: 0n, unconfirmed: 100n, unattributed: 0n });
  });

  it('trues up the last hours of a period that is over, and nothing beyond it', async () => {
    const account = accountWith({ unconfirmed: 90n });
    await account.record('2026-11-30T23:10:00Z', 0, 90);
    account.meter('2026-12-01T00:00:00Z', 1_000);
    account.state.now = at('2026-12-01T00:20:00Z');
    expect(await account.trueUp()).toBe('trued-up');
    expect(account.item()).toMatchObject({ committed: 0n });
  });

  it('counts what a profile spent that was deleted in the period, and asks nothing about one deleted before', async () => {
    const account = accountWith({});
    const gone = profileArn('gone00000001');
    const longGone = profileArn('gone00000002');
    const [chat] = account.entries;
    if (chat === undefined) throw new Error('there is one');
    account.entries.push(
      { ...chat, arn: gone, endedAt: at('2026-11-20T12:00:00Z') },
      { ...chat, arn: longGone, endedAt: at('2026-10-31T22:59:59Z') },
    );
    account.meter('2026-11-20T11:00:00Z', 70, gone);
    account.meter('2026-11-20T11:00:00Z', 5_000, longGone);
    expect(await account.trueUp()).toBe('trued-up');
    expect(account.item()).toMatchObject({ unattributed: 70n, committed: 70n });
  });

  it('finds in the open hours of a period what leases cannot have spent, where nothing was metered before', async () => {
    const account = accountWith({ leased: 100n });
    account.meter('2026-11-23T22:30:00Z', 130);
    account.state.isPastSilent = true;
    expect(await account.trueUp()).toBe('trued-up');
    expect(account.item()).toMatchObject({ unattributed: 30n, leased: 100n });
  });

  it('takes silence for no proof', async () => {
    const account = accountWith({ unconfirmed: 90n });
    await account.record('2026-11-20T10:00:00Z', 0, 90);
    account.state.isPastSilent = true;
    expect(await account.trueUp()).toBe('nothing-new');
  });

  it('tells which metrics could not be read, and goes on with other profiles', async () => {
    const account = accountWith({});
    const other = profileArn('other0000001');
    const [chat] = account.entries;
    if (chat === undefined) throw new Error('there is one');
    account.entries.push({ ...chat, arn: other });
    account.meter('2026-11-20T11:00:00Z', 70, other);
    account.state.unreadable = CHAT;
    const [report] = await trueUp(account.ports(), [{ budget: BUDGET, period: PERIOD }]);
    expect(report).toMatchObject({ outcome: 'trued-up', unreadable: [CHAT] });
    expect(account.counted).toEqual(['MetricsUnreadable', 'UnattributedSpendFound']);
    expect(account.item()).toMatchObject({ unattributed: 70n });
  });

  it('lets one budget whose records cannot be read hold up no other', async () => {
    const account = accountWith({});
    account.meter('2026-11-20T11:00:00Z', 70);
    const ports = account.ports();
    const ledger: TrueUp['ledger'] = {
      trueUp: (key, change) => account.ledger.trueUp(key, change),
      read: (key) => account.ledger.read(key),
      async readTogether(keys) {
        const items = await account.ledger.readTogether(keys);
        return (key) => {
          if (key.budget !== BUDGET.id) throw new Error('written by another version');
          return items(key);
        };
      },
    };
    const other = budgetNamed(POLICY, 'tenant-monthly/other');
    const reports = await trueUp({ ...ports, ledger }, [
      { budget: other, period: PERIOD },
      { budget: BUDGET, period: PERIOD },
    ]);
    expect(reports.map(({ outcome }) => outcome)).toEqual(['failed', 'trued-up']);
    expect(account.counted).toEqual(['TrueUpFailed', 'UnattributedSpendFound']);
  });

  it('lets records of one period that cannot be read hold up no other period', async () => {
    const account = accountWith({});
    account.state.now = at('2026-12-01T02:30:00Z');
    const december = nextPeriod(PERIOD, 'UTC');
    const { startsAt, endsAt } = december;
    account.ledger.put({ ...account.item(), key: { ...KEY, period: december.id }, startsAt, endsAt });
    account.meter('2026-12-01T00:20:00Z', 70);
    const broken = { from: at('2026-11-30T20:00:00Z'), until: at('2026-11-30T21:00:00Z') };
    const records: UsageRecords = {
      write: (record) => account.usage.write(record),
      read(window) {
        if (window.from < broken.until && broken.from < window.until) throw new Error('written by another version');
        return account.usage.read(window);
      },
    };
    const { clock } = account.ports();
    const metering = { read: async (windows: readonly MeteredWindow[]) => windows.map(account.meteredIn) };
    const readings = new UsageReadings({ records, metered: metering, clock });
    const reports = await trueUp({ ...account.ports(), readings }, [
      { budget: BUDGET, period: PERIOD },
      { budget: BUDGET, period: december },
    ]);
    expect(reports.map(({ period, outcome }) => [period.id, outcome])).toEqual([
      ['2026-11', 'failed'],
      ['2026-12', 'trued-up'],
    ]);
  });

  describe('of a budget with cells', () => {
    const cell = 'cell-0' as HolderId;
    const lease = { sequence: 1, writeId: 'w' as WriteId, leased: nanoUsd(50n), expiresAt: at('2026-11-23T22:41:00Z') };
    const budgetWithCell = (watermark: EpochMs | undefined) => {
      const account = accountWith({ unconfirmed: 90n, leased: 50n });
      const root = account.item();
      const reported = { settled: ZERO, unconfirmed: nanoUsd(90n) };
      account.ledger.put({ ...root, holders: new Map([[cell, { ...lease, reported }]]) });
      account.ledger.put({
        ...root,
        key: { ...KEY, cell },
        holders: new Map([[holderOf(PROCESS, 1), lease]]),
      });
      return {
        ...account,
        async trueUp() {
          await account.record('2026-11-20T10:00:00Z', 0, 90);
          if (watermark !== undefined)
            await account.usage.write(
              recordOf({ process: PROCESS, hour: hourAt(watermark), watermark, totals: [[CHAT, totals(0, 0)]] }),
            );
          return await account.trueUp();
        },
      };
    };

    it('closes an hour when every process that leases from a cell has told it', async () => {
      const account = budgetWithCell(at('2026-11-23T22:00:10Z'));
      expect(await account.trueUp()).toBe('trued-up');
      expect(account.item()).toMatchObject({ unconfirmed: 0n, leased: 50n });
    });

    it('closes none while a process of a cell has told nothing', async () => {
      expect(await budgetWithCell(undefined).trueUp()).toBe('nothing-new');
    });
  });

  describe('of money that a crashed process had in its lease', () => {
    /** Reclaimed at 10:40; trued up at that time and then hourly. */
    const crashed = async () => {
      const account = accountWith({ settled: 500n, unconfirmed: 90n });
      await account.record('2026-11-23T10:05:00Z', 500);
      account.meter('2026-11-23T10:05:00Z', 500);
      account.state.now = at('2026-11-23T10:40:00Z');
      return {
        ...account,
        async trueUpAt(iso: string) {
          account.state.now = at(iso);
          return await account.trueUp();
        },
      };
    };

    type Crashed = Awaited<ReturnType<typeof crashed>>;

    it('frees exactly what was not spent once all its calls must have been metered', async () => {
      const account = await crashed();
      for (const early of ['10:40', '11:20', '12:14'])
        expect(await account.trueUpAt(`2026-11-23T${early}:00Z`)).toBe('nothing-new');
      expect(await account.trueUpAt('2026-11-23T12:15:00Z')).toBe('trued-up');
      expect(account.item()).toMatchObject({ settled: 500n, unconfirmed: 0n, unattributed: 0n, committed: 500n });
    });

    it('keeps what it may have spent: calls that were metered and not recorded, at the dearest tier', async () => {
      const account = await crashed();
      account.meter('2026-11-23T10:21:00Z', 20);
      await account.trueUpAt('2026-11-23T10:40:00Z');
      expect(await account.trueUpAt('2026-11-23T12:15:00Z')).toBe('trued-up');
      expect(account.item()).toMatchObject({ unconfirmed: 35n, unattributed: 0n, committed: 535n });
    });

    it('keeps what it had recorded and not told the ledger', async () => {
      const account = await crashed();
      await account.record('2026-11-23T10:21:00Z', 30);
      account.meter('2026-11-23T10:21:00Z', 30);
      await account.trueUpAt('2026-11-23T10:40:00Z');
      expect(await account.trueUpAt('2026-11-23T12:15:00Z')).toBe('trued-up');
      expect(account.item()).toMatchObject({ unconfirmed: 30n, unattributed: 0n, committed: 530n });
    });

    it('frees nothing where a profile went shortly before the period began: processes may have gone on with it', async () => {
      const goneAt = async (iso: string) => {
        const account = await crashed();
        const tags = { tenant: 'acme' };
        const now = { tenant: 'other' };
        account.histories.set(profileArn('other0000001'), [
          { from: epochMs(0), until: at(iso), tags },
          { from: at(iso), tags: now },
        ]);
        await account.trueUpAt('2026-11-23T10:40:00Z');
        await account.trueUpAt('2026-11-23T12:15:00Z');
        return account.item().unconfirmed;
      };
      expect(await goneAt('2026-10-31T23:59:00Z')).toBe(90n);
      expect(await goneAt('2026-10-30T23:00:00Z')).toBe(0n);
    });

    it('frees nothing where a profile came or went in the period, or its metrics are missing', async () => {
      for (const spoil of [
        async (account: Crashed) => await account.openings.settle(KEY, CHAT),
        async ({ state }: Crashed) => {
          state.areMetricsDown = true;
        },
        async ({ state }: Crashed) => {
          state.isPastSilent = true;
        },
        async (account: Crashed) => {
          const entry = entryOf(profileArn('other0000001'), { tenant: 'other' });
          account.entries.push({ ...entry, budgets: [{ id: BUDGET.id, period: 'month', timeZone: 'UTC' }] });
        },
      ]) {
        const account = await crashed();
        await spoil(account);
        await account.trueUpAt('2026-11-23T10:40:00Z');
        expect(await account.trueUpAt('2026-11-23T12:15:00Z')).toBe('nothing-new');
        expect(account.item()).toMatchObject({ unconfirmed: 90n });
      }
    });
  });

  it('starts over when the item changes under it', async () => {
    const account = accountWith({ settled: 0n, unconfirmed: 90n });
    await account.record('2026-11-20T10:00:00Z', 0, 90);
    let meddled = false;
    const ledger: TrueUp['ledger'] = {
      read: (key) => account.ledger.read(key),
      readTogether: (keys) => account.ledger.readTogether(keys),
      async trueUp(key, change) {
        const { unconfirmed, committed } = account.item();
        const more = nanoUsd(meddled ? 0n : 5n);
        meddled = true;
        account.ledger.put({
          ...account.item(),
          unconfirmed: add(unconfirmed, more),
          committed: add(committed, more),
        });
        return await account.ledger.trueUp(key, change);
      },
    };
    expect(await trueUpBudget({ ...account.ports(), ledger })).toBe('trued-up');
    expect(account.item()).toMatchObject({ unconfirmed: 5n, committed: 5n });
  });

  it('ends the same after a crash at its write as without one, and counts every dollar once', async () => {
    const hour = fc.integer({ min: 1, max: 400 });
    const happening: fc.Arbitrary<Happening> = fc.oneof(
      fc.record({ kind: fc.constant('call' as const), hour, cost: fc.nat(100) }),
      fc.record({ kind: fc.constant('lost call' as const), hour, hold: fc.nat(100), share: fc.nat(100) }),
      fc.record({ kind: fc.constant('outside' as const), hour, cost: fc.nat(100) }),
      fc.record({
        kind: fc.constant('true up' as const),
        fate: fc.constantFrom('crash before' as const, 'crash after' as const, 'twice at once' as const),
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(happening, { maxLength: 30 }), async (happenings) => {
        const disturbed = await play(happenings, true);
        const smooth = await play(happenings, false);
        expect(disturbed.account.item()).toEqual(smooth.account.item());
        expect(await disturbed.account.trueUp()).toBe('nothing-new');
        const item = smooth.account.item();
        // Without true-ups in between, before late metrics came, what is not left as unconfirmed is the truth at most.
        if (happenings.some(({ kind }) => kind === 'true up')) return;
        expect(spent(item) - item.unconfirmed).toBeLessThanOrEqual(smooth.truth);
        const isAllKnown = happenings.every(
          (each) => each.kind === 'call' || (each.kind === 'lost call' && each.hold * each.share < 100),
        );
        if (isAllKnown) expect([spent(item), item.unconfirmed]).toEqual([smooth.truth, 0n]);
      }),
      { numRuns: 300 },
    );
  });
});

type Happening =
  | { readonly kind: 'call'; readonly hour: number; readonly cost: number }
  /** An attempt that nobody heard of again, and that cost this many percent of its hold. */
  | { readonly kind: 'lost call'; readonly hour: number; readonly hold: number; readonly share: number }
  | { readonly kind: 'outside'; readonly hour: number; readonly cost: number }
  | { readonly kind: 'true up'; readonly fate: 'crash before' | 'crash after' | 'twice at once' };

/** Lets everything happen, each true-up disturbed or not and then done once more; checks what must hold after each. */
async function play(happenings: readonly Happening[], isDisturbed: boolean) {
  const account = accountWith({});
  let truth = 0n;
  const commit = (settled: number, unconfirmed: number): void => {
    const item = account.item();
    account.ledger.put({
      ...item,
      settled: nanoUsd(item.settled + BigInt(settled)),
      unconfirmed: nanoUsd(item.unconfirmed + BigInt(unconfirmed)),
      committed: nanoUsd(item.committed + BigInt(settled + unconfirmed)),
    });
  };
  const meter = (iso: string, cost: number): void => {
    account.meter(iso, cost);
    truth += BigInt(cost);
  };
  const trueUp = async (): Promise<void> => {
    const before = account.item();
    await account.trueUp();
    expect(account.item().unattributed).toBeGreaterThanOrEqual(before.unattributed);
    expect(account.item().unconfirmed).toBeGreaterThanOrEqual(0n);
    expect(spent(account.item())).toBeGreaterThanOrEqual(truth);
    expect(isConserved(account.item())).toBe(true);
  };
  for (const now of happenings) {
    const iso = now.kind === 'true up' ? '' : new Date(PERIOD.startsAt + now.hour * HOUR_MS).toISOString();
    switch (now.kind) {
      case 'call':
        commit(now.cost, 0);
        await account.record(iso, now.cost);
        meter(iso, now.cost);
        break;
      case 'lost call':
        commit(0, now.hold);
        await account.record(iso, 0, now.hold);
        meter(iso, Math.floor((now.hold * now.share) / 100));
        break;
      case 'outside':
        meter(iso, now.cost);
        break;
      case 'true up':
        if (isDisturbed) await disturbedTrueUp(account, now.fate);
        await trueUp();
    }
  }
  await trueUp();
  return { account, truth };
}

async function disturbedTrueUp(
  { ports, ledger }: ReturnType<typeof accountWith>,
  fate: Extract<Happening, { kind: 'true up' }>['fate'],
): Promise<void> {
  const crashing: TrueUp['ledger'] = {
    read: (key) => ledger.read(key),
    readTogether: (keys) => ledger.readTogether(keys),
    async trueUp(key, change) {
      if (fate === 'crash before') throw new Error('crash');
      const outcome = await ledger.trueUp(key, change);
      if (fate === 'crash after') throw new Error('crash');
      return outcome;
    },
  };
  const run = () => trueUpBudget({ ...ports(), ledger: crashing });
  await Promise.allSettled(fate === 'twice at once' ? [run(), run()] : [run()]);
}
