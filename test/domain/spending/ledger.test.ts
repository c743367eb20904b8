import { describe, expect, it } from 'vitest';
import type { BudgetId } from '../../../domain/budgets/budget-id.ts';
import { type EpochMs, epochMs } from '../../../domain/clock.ts';
import { nanoUsd } from '../../../domain/money.ts';
import {
  afterWrite,
  forgettable,
  type HolderId,
  isConserved,
  judge,
  type LeaseWrite,
  type LedgerItem,
  left,
  liveHolders,
  NO_RESOLUTION,
  reclaimable,
  spent,
  TOMBSTONE_MS,
  trueUpEffect,
  type WriteId,
  writeUnits,
} from '../../../domain/spending/ledger.ts';

const NOW: EpochMs = epochMs(Date.UTC(2026, 10, 23, 10));
const HOLDER = 'h1' as HolderId;
const key = { budget: 'tenant-monthly/acme' as BudgetId, period: '2026-11' };
const entry = (sequence: number, writeId: string, leased = 100n, expiresAt: number = NOW + 120_000) => ({
  sequence,
  writeId: writeId as WriteId,
  leased: nanoUsd(leased),
  expiresAt: epochMs(expiresAt),
});
const item = (changes: Partial<LedgerItem> = {}): LedgerItem => ({
  key,
  startsAt: epochMs(Date.UTC(2026, 10, 1)),
  endsAt: epochMs(Date.UTC(2026, 11, 1)),
  terms: { limit: nanoUsd(1000n), stopAt: nanoUsd(1000n), standing: 'open', version: 3 },
  committed: nanoUsd(600n),
  settled: nanoUsd(400n),
  leased: nanoUsd(100n),
  unconfirmed: nanoUsd(60n),
  unattributed: nanoUsd(40n),
  holders: new Map([[HOLDER, entry(4, 'w4')]]),
  crossed: [],
  ...changes,
});
/** Reports 50 and takes 450 more: committed goes from 600 to 1000. */
const write = (changes: Partial<LeaseWrite> = {}): LeaseWrite => ({
  key,
  holder: HOLDER,
  settled: nanoUsd(50n),
  unconfirmed: nanoUsd(0n),
  leased: nanoUsd(350n),
  entry: entry(5, 'w5', 450n),
  grant: { termsVersion: 3, ceiling: nanoUsd(1000n), at: NOW },
  ...changes,
});
const report = ({ grant: _, ...rest }: LeaseWrite): LeaseWrite => rest;
const verdict = (at: LedgerItem | undefined, sent: LeaseWrite): string => {
  const outcome = judge(at, sent);
  return outcome.kind === 'landed' ? 'landed' : outcome.why;
};

describe('judge', () => {
  it.each<[string, LedgerItem | undefined, LeaseWrite, string]>([
    ['the next write up to the ceiling', item(), write(), 'landed'],
    ['a grant past the ceiling by one', item({ committed: nanoUsd(601n) }), write(), 'over-ceiling'],
    ['a report past the ceiling', item({ committed: nanoUsd(5000n) }), report(write()), 'landed'],
    [
      'a grant under terms that are no longer so [F28]',
      item({ terms: { ...item().terms, version: 4 } }),
      write(),
      'terms-changed',
    ],
    ['a report under other terms', item({ terms: { ...item().terms, version: 4 } }), report(write()), 'landed'],
    ['a grant before the period has begun [F15]', item({ startsAt: epochMs(NOW + 1) }), write(), 'period-not-begun'],
    ['a grant as the period begins', item({ startsAt: NOW }), write(), 'landed'],
    ['a write where there is no item', undefined, write(), 'not-provisioned'],
    ['a write that has landed, again [F11]', item({ holders: new Map([[HOLDER, entry(5, 'w5')]]) }), write(), 'landed'],
    [
      'another write of the same sequence',
      item({ holders: new Map([[HOLDER, entry(5, 'other')]]) }),
      write(),
      'lease-lost',
    ],
    ['a late write after newer ones', item({ holders: new Map([[HOLDER, entry(7, 'w7')]]) }), write(), 'lease-lost'],
    [
      'a write past one that never landed',
      item({ holders: new Map([[HOLDER, entry(3, 'w3')]]) }),
      write(),
      'lease-lost',
    ],
    ['a further write of a holder whose entry is gone', item({ holders: new Map() }), write(), 'lease-lost'],
    ['the first write of a holder', item({ holders: new Map() }), write({ entry: entry(1, 'w1') }), 'landed'],
    [
      'a late copy of a first write that meets its tombstone',
      item({ holders: new Map([[HOLDER, entry(2, 'reclaim', 0n)]]) }),
      write({ entry: entry(1, 'w1') }),
      'lease-lost',
    ],
    [
      'a first write where another holder has written',
      item({ holders: new Map([['h2' as HolderId, entry(1, 'x')]]) }),
      write({ entry: entry(1, 'w1') }),
      'landed',
    ],
  ])('answers %s', (_, at, sent, expected) => {
    expect(verdict(at, sent)).toBe(expected);
  });

  it('says so of a lost lease before anything about money, so that the holder stops using it', () => {
    expect(
      verdict(item({ holders: new Map(), committed: nanoUsd(9999n), terms: { ...item().terms, version: 9 } }), write()),
    ).toBe('lease-lost');
  });
});

describe('what a write leaves behind', () => {
  const refusing = { since: epochMs(NOW - 60_000), need: nanoUsd(9n) };
  const refused = report(write({ refusal: { at: NOW, need: nanoUsd(20n) } }));

  it('is conserved, with the entry of its holder and those of all others', () => {
    const other = ['h2' as HolderId, entry(1, 'x')] as const;
    const after = afterWrite(item({ holders: new Map([[HOLDER, entry(4, 'w4')], other]) }), write());
    expect(after).toMatchObject({ committed: 1000n, settled: 450n, leased: 450n, unconfirmed: 60n });
    expect(isConserved(after)).toBe(true);
    expect([...after.holders]).toEqual([[HOLDER, entry(5, 'w5', 450n)], other]);
  });

  it('remembers since when it says nothing but no, and what was asked for last', () => {
    expect(afterWrite(item(), refused).refusing).toEqual({ since: NOW, need: 20n });
    expect(afterWrite(item({ refusing }), refused).refusing).toEqual({ since: refusing.since, need: 20n });
  });

  it('forgets refusals with a grant, and with nothing else', () => {
    expect(afterWrite(item({ refusing }), report(write())).refusing).toEqual(refusing);
    expect(afterWrite(item({ refusing }), write())).not.toHaveProperty('refusing');
    expect(afterWrite(item(), report(write()))).not.toHaveProperty('refusing');
  });

  it('adds up what was let pass by a budget that only watches', () => {
    const passed = (calls: number, amount: bigint) => write({ unrefused: { calls, amount: nanoUsd(amount) } });
    const once = afterWrite(item(), passed(2, 70n));
    expect(once.unrefused).toEqual({ calls: 2, amount: 70n });
    expect(afterWrite(once, passed(3, 5n)).unrefused).toEqual({ calls: 5, amount: 75n });
    expect(afterWrite(once, write()).unrefused).toEqual(once.unrefused);
    expect(afterWrite(item(), write())).not.toHaveProperty('unrefused');
  });
});

describe('a true-up', () => {
  const decided = (confirmed: bigint, unspent: bigint) => ({
    confirmed: nanoUsd(confirmed),
    unspent: nanoUsd(unspent),
  });
  const from = { unconfirmed: nanoUsd(60n), unattributed: nanoUsd(40n), resolution: decided(10n, 5n) };
  const effect = (unattributed: bigint, confirmed: bigint, unspent: bigint) =>
    trueUpEffect({ from, to: { unattributed: nanoUsd(unattributed), resolution: decided(confirmed, unspent) } });

  it('moves what is proven spent, takes off what is proven not to be, and adds what nobody reported', () => {
    expect(effect(47n, 30n, 15n)).toEqual({ settled: 20n, unconfirmed: -30n, unattributed: 7n, committed: -3n });
    expect(effect(40n, 10n, 5n)).toEqual({ settled: 0n, unconfirmed: 0n, unattributed: 0n, committed: 0n });
  });

  it('may decide all that is unconfirmed', () => {
    expect(effect(40n, 50n, 25n)).toMatchObject({ settled: 40n, unconfirmed: -60n, committed: -20n });
    expect(
      trueUpEffect({
        from: { ...from, resolution: NO_RESOLUTION },
        to: { unattributed: nanoUsd(40n), resolution: decided(60n, 0n) },
      }),
    ).toMatchObject({ settled: 60n, unconfirmed: -60n, committed: 0n });
  });

  it.each([
    ['decides more than is unconfirmed', 40n, 50n, 26n],
    ['takes back what it confirmed', 40n, 9n, 5n],
    ['takes back what it took off', 40n, 10n, 4n],
    ['takes back what nobody reported', 39n, 10n, 5n],
  ])('that %s is a fault of its maker', (_, unattributed, confirmed, unspent) => {
    expect(() => effect(unattributed, confirmed, unspent)).toThrow(
      new RangeError('a true-up takes back what it decided before, or decides more than is unconfirmed'),
    );
  });
});

describe('what an item tells', () => {
  it('counts leases as committed and not as spent', () => {
    expect(spent(item())).toBe(500n);
    expect(isConserved(item())).toBe(true);
    expect(isConserved(item({ committed: nanoUsd(601n) }))).toBe(false);
  });

  it('has room up to the ceiling and never less than none', () => {
    expect(left(item(), NOW)).toBe(400n);
    expect(left(item({ committed: nanoUsd(1001n) }), NOW)).toBe(0n);
    expect(left(item({ terms: { ...item().terms, standing: 'closed' } }), NOW)).toBe(0n);
  });

  it('counts the holders that want money now, those included whose lease did not cover a call', () => {
    const holders = new Map([
      ['live' as HolderId, entry(1, 'a')],
      ['returned' as HolderId, entry(1, 'b', 0n)],
      ['expired' as HolderId, entry(1, 'c', 5n, NOW)],
    ]);
    expect(liveHolders({ holders }, NOW)).toBe(2);
  });

  it.each([
    [0, 1],
    [9, 1],
    [10, 2],
    [25, 2],
    [26, 3],
  ])('costs with %i holders %i write units a write, by the kilobyte', (count, units) => {
    const holders = new Map(Array.from({ length: count }, (_, at) => [`h${at}` as HolderId, entry(1, 'w')]));
    expect(writeUnits({ holders })).toBe(units);
  });

  it('gives up a lease only after its grace, and forgets its tombstone only when no signed write can be alive', () => {
    const grace = 900_000;
    const expired = item({ holders: new Map([[HOLDER, entry(1, 'a', 5n, NOW)]]) });
    expect(reclaimable(expired, epochMs(NOW + grace), grace)).toEqual([]);
    expect(reclaimable(expired, epochMs(NOW + grace + 1), grace)).toHaveLength(1);
    expect(forgettable(expired, epochMs(NOW + 10 * grace))).toEqual([]);
    const tombstone = item({ holders: new Map([[HOLDER, entry(2, 'a', 0n, NOW)]]) });
    expect(reclaimable(tombstone, epochMs(NOW + 10 * grace), grace)).toEqual([]);
    expect(forgettable(tombstone, epochMs(NOW + TOMBSTONE_MS))).toEqual([]);
    expect(forgettable(tombstone, epochMs(NOW + TOMBSTONE_MS + 1))).toHaveLength(1);
    // A signed request lives 15 minutes (AWS Signature Version 4).
    expect(TOMBSTONE_MS).toBeGreaterThan(15 * 60_000);
  });
});
