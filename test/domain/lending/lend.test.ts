import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { LeaseAnswer } from '../../../domain/lending/lease-answer.ts';
import { serialise } from '../../../domain/lending/lease-json.ts';
import { nanoUsd } from '../../../domain/money.ts';
import { cellId, cellKey, cellsOf } from '../../../domain/spending/cell.ts';
import { type HolderId, isConserved, type LedgerKey } from '../../../domain/spending/ledger.ts';
import { NO_USAGE } from '../../../domain/spending/usage.ts';
import { provideCells } from '../../../domain/standing/collect-cells.ts';
import { budgetNamed, policyOf } from '../example-policy.ts';
import {
  ACME,
  BETA,
  HOLDER,
  LENDING_POLICY,
  LendingAccount,
  NOW,
  PROCESS,
  reading,
  writing,
} from './lending-account.ts';

const REPORT = { termsVersion: undefined, sequence: 2, writeId: 'write-0002' };

let account: LendingAccount;
let own: LedgerKey;
let others: LedgerKey;
let shared: LedgerKey;
beforeEach(() => {
  account = new LendingAccount();
  account.profile('a1', { tenant: 'acme', team: 'claims' });
  account.profile('b1', { tenant: 'beta', team: 'claims' });
  own = account.provide('tenant-monthly/acme');
  others = account.provide('tenant-monthly/beta');
  shared = account.provide('claims');
});

const asAcme = (request: unknown) => account.ask(ACME, request);
const figures = (key: LedgerKey) => {
  const { committed, settled, leased, unconfirmed } = account.item(key);
  return { committed, settled, leased, unconfirmed };
};

/** Acme and beta share `claims`, which only watches. */
function watchingAccount(): LendingAccount {
  const budgets = [{ name: 'claims', selector: { team: 'claims' }, limit: '0.000001 USD', mode: 'shadow' }];
  const watching = new LendingAccount(policyOf({ ...LENDING_POLICY, budgets }));
  watching.profile('a1', { tenant: 'acme', team: 'claims' });
  watching.profile('b1', { tenant: 'beta', team: 'claims' });
  return watching;
}

describe('lending', () => {
  it('lends from the budgets that cover a profile of the caller, its own and shared ones', async () => {
    expect(await asAcme(writing())).toMatchObject({ kind: 'landed', item: { leased: 100n } });
    expect(await asAcme(writing({ budget: 'claims' }))).toMatchObject({ kind: 'landed', item: { leased: 100n } });
  });

  it.each(['tenant-monthly/beta', 'tenant-monthly/nobody', 'hot', 'no-such-budget', 'tenant-monthly/acme#cell-0', ''])(
    'says the same of a budget of others and of one that does not exist: %s',
    async (budget) => {
      const before = account.item(others);
      for (const request of [reading(budget), writing({ budget }), writing({ ...REPORT, budget })])
        expect(await asAcme(request)).toEqual({
          protocol: 1,
          kind: 'denied',
          code: 'BudgetNotYours',
          message: 'budget: no profile of alias tenant-acme is covered by a budget of this name',
        });
      expect(account.item(others)).toBe(before);
      expect(account.counted.map(({ metric }) => metric)).toEqual(['LendingDenied', 'LendingDenied', 'LendingDenied']);
    },
  );

  it('lends nothing from a budget once the last profile that it covered is gone, and still takes what is to be told', async () => {
    await asAcme(writing());
    account.entries.splice(0, 1, { ...account.profile('gone', {}), tags: { tenant: 'acme' }, endedAt: NOW });
    const renewing = await asAcme(writing({ sequence: 2, writeId: 'write-0002' }));
    // A process that sees nothing left gives back what it has.
    expect(renewing).toMatchObject({ kind: 'refused', why: 'over-ceiling', item: { committed: 1_000n } });
    expect(await asAcme(reading('tenant-monthly/acme'))).toMatchObject({ kind: 'item', item: { committed: 1_000n } });
    const other = { ...REPORT, holder: 'process-of-others.1', sequence: 1, settled: '10', leased: '0' };
    expect(await asAcme(writing(other))).toMatchObject({ code: 'BudgetNotYours' });
    for (let copy = 0; copy < 2; copy++)
      expect(await asAcme(writing({ ...REPORT, settled: '60', leased: '0' }))).toMatchObject({ kind: 'landed' });
    expect(figures(own)).toEqual({ committed: 60n, settled: 60n, leased: 0n, unconfirmed: 0n });
  });

  it('decides the ceiling by the terms of the item and its own clock', async () => {
    expect(await asAcme(writing({ leased: '1000' }))).toMatchObject({ kind: 'landed' });
    const more = writing({ holder: `${PROCESS}.2`, leased: '1' });
    expect(await asAcme(more)).toMatchObject({ kind: 'refused', why: 'over-ceiling', item: { committed: 1000n } });
    expect(await asAcme(writing({ ...REPORT, termsVersion: 7 }))).toMatchObject({ why: 'terms-changed' });
  });

  it('lends from no period that is over or has not begun', async () => {
    account.now = account.item(own).endsAt;
    expect(await asAcme(writing())).toMatchObject({ kind: 'refused', why: 'over-ceiling' });
    const december = account.provide('tenant-monthly/acme');
    account.now = NOW;
    expect(await asAcme(writing({ period: december.period }))).toMatchObject({ why: 'period-not-begun' });
  });

  it('takes what a lease ends at for a wish: at most two minutes from now, and not in the past', async () => {
    await asAcme(writing({ expiresAt: NOW + 1e12 }));
    await asAcme(writing({ holder: `${PROCESS}.2`, expiresAt: 0 }));
    expect([...account.item(own).holders.values()].map(({ expiresAt }) => expiresAt - NOW)).toEqual([120_000, 0]);
  });

  it('knows by itself what a write changes: what the holder had leased before is not for it to say', async () => {
    await asAcme(writing({ leased: '700' }));
    await asAcme(writing({ sequence: 2, writeId: 'write-0002', leased: '200', settled: '500' }));
    expect(figures(own)).toEqual({ committed: 700n, settled: 500n, leased: 200n, unconfirmed: 0n });
  });

  it('leases nothing more without a grant, but for what the terms allow in an outage', async () => {
    await asAcme(writing({ leased: '100' }));
    expect(await asAcme(writing({ ...REPORT, leased: '101' }))).toMatchObject({ code: 'RequestInvalid' });
    expect(await asAcme(writing({ ...REPORT, leased: '100', settled: '0' }))).toMatchObject({ kind: 'landed' });
    const { terms } = account.item(own);
    account.ledger.put({ ...account.item(own), terms: { ...terms, outageExtra: nanoUsd(50n) } });
    const beyond = { termsVersion: undefined, sequence: 3, writeId: 'write-0003' };
    expect(await asAcme(writing({ ...beyond, leased: '151' }))).toMatchObject({ code: 'RequestInvalid' });
    expect(await asAcme(writing({ ...beyond, leased: '150' }))).toMatchObject({ kind: 'landed' });
  });

  it('counts all that is told beyond a lease on the own budget, and says so', async () => {
    await asAcme(writing());
    expect(await asAcme(writing({ ...REPORT, settled: '5000', leased: '0' }))).toMatchObject({ kind: 'landed' });
    expect(figures(own)).toMatchObject({ committed: 5000n, settled: 5000n });
    expect(account.counted).toContainEqual({
      metric: 'ReportBeyondLease',
      facts: { caller: ACME.name, budget: own.budget, beyond: '4900' },
    });
  });

  it('takes no more beyond a lease on a shared budget than calls in flight can have cost', async () => {
    const before = () => account.item(shared);
    await asAcme(writing({ budget: 'claims' }));
    const seen = before();
    const told = { ...REPORT, budget: 'claims', leased: '0' };
    expect(await asAcme(writing({ ...told, settled: '201' }))).toMatchObject({ code: 'ReportTooLarge' });
    expect(account.item(shared)).toBe(seen);
    expect(await asAcme(writing({ ...told, settled: '200' }))).toMatchObject({ kind: 'landed' });
  });

  it('believes word of a refusal only while the budget does not pay for what was needed', async () => {
    await asAcme(writing({ leased: '400' }));
    await asAcme(writing({ ...REPORT, leased: '400', refusedNeed: '600' }));
    expect(account.item(own).refusing).toBeUndefined();
    const again = { termsVersion: undefined, sequence: 3, writeId: 'write-0003' };
    await asAcme(writing({ ...again, leased: '400', refusedNeed: '601' }));
    expect(account.item(own).refusing).toEqual({ since: NOW, need: 601n });
  });

  it('counts calls that a budget only watches on such a budget alone: on any other, nobody lets them pass', async () => {
    const told = { budget: 'claims', unrefused: { calls: 3, amount: '70' } };
    expect(await asAcme(writing(told))).toMatchObject({ kind: 'landed' });
    expect(account.item(shared).unrefused).toBeUndefined();
    expect(account.item(shared).leased).toBe(100n);
    const watching = watchingAccount();
    const key = watching.provide('claims');
    expect(await watching.ask(ACME, writing(told))).toMatchObject({ kind: 'landed' });
    expect(watching.item(key).unrefused).toEqual({ calls: 3, amount: 70n });
  });

  it('stays legible to the other callers, however many calls one of them claims', async () => {
    const watching = watchingAccount();
    // What the others have claimed in a long period.
    watching.provide('claims', { unrefused: { calls: Number.MAX_SAFE_INTEGER, amount: nanoUsd(1n) } });
    const most = { calls: 1_000_000_000, amount: '9007199254740991' };
    for (let n = 1; n <= 3; n++)
      await watching.ask(ACME, writing({ budget: 'claims', holder: `${PROCESS}.${n}`, unrefused: most, leased: '0' }));
    const answer = await watching.ask(BETA, reading('claims'));
    expect(LeaseAnswer.parse(JSON.parse(serialise(answer)))).toMatchObject({ kind: 'item' });
  });

  it('lands a write once, however often and late it comes', async () => {
    const first = writing({ leased: '300' });
    for (let copy = 0; copy < 3; copy++) expect(await asAcme(first)).toMatchObject({ kind: 'landed' });
    account.now = (NOW + 30_000) as typeof NOW;
    expect(await asAcme(first)).toMatchObject({ kind: 'landed' });
    await asAcme(writing({ ...REPORT, settled: '100', leased: '200' }));
    expect(await asAcme(first)).toMatchObject({ kind: 'refused', why: 'lease-lost' });
    expect(figures(own)).toEqual({ committed: 300n, settled: 100n, leased: 200n, unconfirmed: 0n });
  });

  it('keeps callers apart that call themselves the same, and shows others without their names', async () => {
    await asAcme(writing({ budget: 'claims' }));
    expect(await account.ask(BETA, writing({ budget: 'claims', leased: '50' }))).toMatchObject({ kind: 'landed' });
    expect(account.item(shared).holders.size).toBe(2);
    const answer = await asAcme(reading('claims'));
    if (answer.kind !== 'item') throw new Error(answer.kind);
    expect([...(answer.item?.holders ?? [])]).toEqual([
      [HOLDER, expect.objectContaining({ leased: 100n, writeId: 'write-0001' })],
      ['other.1', expect.objectContaining({ leased: 50n, writeId: '' })],
    ]);
  });

  it('keeps one caller from filling an item with entries', async () => {
    for (let n = 1; n <= 256; n++) await asAcme(writing({ budget: 'claims', holder: `${PROCESS}.${n}`, leased: '0' }));
    expect(await asAcme(writing({ budget: 'claims', holder: `${PROCESS}.257`, leased: '0' }))).toMatchObject({
      code: 'TooManyHolders',
    });
    expect(await account.ask(BETA, writing({ budget: 'claims' }))).toMatchObject({ kind: 'landed' });
  });

  it.each([
    ['a negative report', { settled: '-1' }],
    ['negative unconfirmed money', { unconfirmed: '-1' }],
    ['a negative lease', { leased: '-100' }],
    ['an amount past what a process can have', { leased: '9007199254740992' }],
    ['an amount of 40 digits', { settled: '9'.repeat(40) }],
    ['an amount with a fraction', { leased: '1.5' }],
    ['a number for an amount', { leased: 100 }],
    ['terms', { terms: { limit: '9', stopAt: '9', standing: 'open', version: 2 } }],
    ['a ceiling', { ceiling: '1000000' }],
    ['tags', { tags: { tenant: 'beta' } }],
    ['an identity', { identity: { name: 'alias tenant-beta', tags: { tenant: 'beta' } } }],
    ['a cell', { cell: 'cell-0' }],
    ["a cell's entry", { reported: { settled: '0', unconfirmed: '0' } }],
    ['the holder of a cell', { holder: 'cell-0' }],
    ['a holder in the name of others', { holder: `AAAAAAAAAA~${HOLDER}` }],
    ['a path for a holder', { holder: '../../process-of-16-ch.1' }],
    ['an expression for a holder', { holder: '#holder' }],
    ['a path for a period', { period: '../2026-11' }],
    ['sequence 0', { sequence: 0 }],
    ['another protocol', { protocol: 2 }],
    ['another deed', { do: 'provide' }],
    ['no deed', { do: undefined }],
  ])('reads nothing into a request with %s', async (_, change) => {
    expect(await asAcme(writing(change))).toMatchObject({ kind: 'denied', code: 'RequestInvalid' });
    expect(figures(own)).toMatchObject({ committed: 0n });
  });

  it('repeats nothing of what the caller wrote in its own messages', async () => {
    const answer = await asAcme(writing({ writeId: 'a secret prompt', budget: 'x'.repeat(400) }));
    expect(JSON.stringify([answer, account.counted])).not.toMatch(/secret|xxx/);
  });

  it('conserves and keeps to the ceiling, whatever a caller asks for in whatever order', async () => {
    const amount = fc.oneof(fc.nat({ max: 1_500 }), fc.constantFrom(0, 100, 1_000)).map(String);
    const request = fc.record({
      budget: fc.constantFrom('tenant-monthly/acme', 'claims'),
      n: fc.integer({ min: 1, max: 3 }),
      ahead: fc.constantFrom(1, 1, 1, 0, 2),
      leased: amount,
      settled: amount,
      unconfirmed: amount,
      isGrant: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(request, { maxLength: 30 }), async (requests) => {
        const fresh = new LendingAccount();
        fresh.profile('a1', { tenant: 'acme', team: 'claims' });
        const keys = ['tenant-monthly/acme', 'claims'].map((id) => fresh.provide(id));
        for (const [at, { budget, n, ahead, isGrant, ...amounts }] of requests.entries()) {
          const key = keys.find((one) => one.budget === budget) ?? shared;
          const before = fresh.item(key);
          const kept = [...before.holders].find(([holder]) => holder.endsWith(`.${n}`))?.[1];
          const sequence = Math.max(1, (kept?.sequence ?? 0) + ahead);
          const holder = `${PROCESS}.${n}`;
          const change = { budget, holder, sequence, writeId: `write-${1_000 + at}`, ...amounts };
          await fresh.ask(ACME, writing(isGrant ? change : { ...change, termsVersion: undefined }));
          const after = fresh.item(key);
          expect(isConserved(after)).toBe(true);
          for (const part of [after.settled, after.leased, after.unconfirmed]) expect(part >= 0n).toBe(true);
          expect(after.settled >= before.settled && after.unconfirmed >= before.unconfirmed).toBe(true);
          if (isGrant && after.committed > before.committed) expect(after.committed <= 1_000n).toBe(true);
          if (!isGrant) expect(after.leased <= before.leased).toBe(true);
          if (!isGrant && budget === 'claims') expect(after.committed - before.committed <= 100n).toBe(true);
        }
      }),
      { numRuns: 100 },
    );
  });
});

describe('lending from cells', () => {
  let hot: LedgerKey;
  beforeEach(async () => {
    account.profile('a2', { tenant: 'acme', team: 'hot' });
    hot = account.provide('hot');
    const { startsAt, endsAt, terms } = account.item(hot);
    await provideCells({ ledger: account.ledger }, budgetNamed(account.policy, 'hot'), {
      key: hot,
      startsAt,
      endsAt,
      terms,
    });
  });

  it('lends from the cell of the process, which borrows from the root; the caller sees one budget', async () => {
    expect(await asAcme(writing({ budget: 'hot', leased: '300' }))).toMatchObject({
      kind: 'landed',
      item: { key: { budget: 'hot', period: '2026-11' }, terms: { version: 1 } },
    });
    const [cell, ...more] = cellsOf(account.item(hot));
    expect(more).toEqual([]);
    expect(account.item(cellKey(hot, cell ?? cellId(0))).leased).toBe(300n);
    const answer = await asAcme(reading('hot'));
    if (answer.kind !== 'item') throw new Error(answer.kind);
    expect(answer.item?.key).toEqual({ budget: 'hot', period: '2026-11' });
    expect([...(answer.item?.holders.keys() ?? [])]).toEqual([HOLDER]);
    await asAcme(writing({ ...REPORT, budget: 'hot', settled: '120', leased: '0' }));
    expect(account.item(hot)).toMatchObject({ settled: 120n, committed: 120n, leased: 0n });
  });

  it('lends all processes together no more than the budget has', async () => {
    let lent = 0;
    for (let process = 0; process < 20; process++) {
      const holder = `process-number-${String(process).padStart(3, '0')}.1` as HolderId;
      const answer = await asAcme(writing({ budget: 'hot', holder, leased: '90' }));
      if (answer.kind === 'landed') lent += 90;
    }
    expect(lent).toBeGreaterThan(500);
    expect(lent).toBeLessThanOrEqual(1_000);
    expect(account.item(hot).committed).toBeLessThanOrEqual(1_000n);
  });

  it('changes nothing for who has no profile that the budget covers, not even as an agent', async () => {
    const before = account.ledger.items;
    for (const request of [reading('hot'), writing({ budget: 'hot' }), writing({ ...REPORT, budget: 'hot' })])
      expect(await account.ask(BETA, request)).toMatchObject({ code: 'BudgetNotYours' });
    expect(account.ledger.items).toEqual(before);
  });
});

describe('recording usage', () => {
  const used = (profile: string) => ({ profile, calls: 1, usage: NO_USAGE, settled: '5', unconfirmed: '0' });
  const recording = (change: Record<string, unknown> = {}) => ({
    protocol: 1,
    do: 'record',
    process: PROCESS,
    hour: '2026-11-23T10',
    chunk: 0,
    sequence: 1,
    watermark: NOW,
    totals: [used(account.entries[0]?.arn ?? '')],
    ...change,
  });

  it('keeps the record under a name that no other caller has', async () => {
    expect(await asAcme(recording())).toEqual({ protocol: 1, kind: 'recorded' });
    account.entries[1] = { ...account.profile('b2', { tenant: 'beta' }) };
    await account.ask(BETA, recording({ totals: [used(account.entries[1].arn)] }));
    const [first, second] = account.usage.records;
    expect(first?.totals.get(account.entries[0]?.arn ?? account.entries[1].arn)?.settled).toBe(5n);
    expect(first?.process).not.toBe(second?.process);
    expect(first?.process.endsWith(`~${PROCESS}`)).toBe(true);
  });

  it('names the process as the holder of its lease does, so that the true-up waits for it', async () => {
    await asAcme(writing());
    await asAcme(recording());
    const [holder] = account.item(own).holders.keys();
    expect(holder).toBe(`${account.usage.records[0]?.process}.1`);
  });

  it('leaves out what is told of profiles of others and of unknown ones, says so, and takes the rest', async () => {
    const mine = account.entries[0]?.arn ?? '';
    for (const [at, other] of [account.entries[1]?.arn ?? '', mine.replace('/a1', '/zz')].entries()) {
      const answer = await asAcme(recording({ sequence: at + 1, totals: [used(mine), used(other)] }));
      expect(answer).toEqual({ protocol: 1, kind: 'recorded', leftOut: [other] });
      expect(LeaseAnswer.parse(JSON.parse(serialise(answer)))).toEqual(answer);
      expect([...(account.usage.records[0]?.totals.keys() ?? [])]).toEqual([mine]);
      const told = { caller: 'alias tenant-acme', code: 'ProfileNotYours', profiles: [other] };
      expect(account.counted[at]).toMatchObject({ metric: 'LendingDenied', facts: told });
    }
  });

  it('keeps the watermark of a process that has nothing of its own to tell', async () => {
    await asAcme(recording({ totals: [used(account.entries[1]?.arn ?? '')] }));
    expect(account.usage.records).toMatchObject([{ watermark: NOW, totals: new Map() }]);
  });

  it('names some of many foreign profiles in the log', async () => {
    const others = Array.from({ length: 50 }, (_, number) => account.profile(`x${number}`, { tenant: 'beta' }).arn);
    const answer = await asAcme(recording({ totals: others.map(used) }));
    expect(answer).toMatchObject({ kind: 'recorded', leftOut: others });
    expect(account.counted[0]?.facts?.['profiles']).toHaveLength(10);
  });

  it('takes what was used through a profile that is gone', async () => {
    account.entries[0] = { ...account.profile('gone', { tenant: 'acme' }), endedAt: NOW };
    expect(await asAcme(recording())).toMatchObject({ kind: 'recorded' });
  });

  it('takes hours of the last day alone, and no word of the future', async () => {
    for (const hour of ['2026-11-23T11', '2026-11-22T09', '2026-13-45T10', '2027-01-01T00'])
      expect(await asAcme(recording({ hour }))).toMatchObject({ code: 'HourOutOfReach' });
    await asAcme(recording({ hour: '2026-11-22T10', watermark: NOW + 1e9 }));
    expect(account.usage.records.map(({ watermark }) => watermark)).toEqual([NOW]);
  });
});
