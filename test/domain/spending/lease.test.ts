import { describe, expect, it } from 'vitest';
import type { BudgetId } from '../../../domain/budgets/budget-id.ts';
import { epochMs } from '../../../domain/clock.ts';
import { nanoUsd } from '../../../domain/money.ts';
import { Lease } from '../../../domain/spending/lease.ts';
import type { HolderId, LeaseWrite, WriteId } from '../../../domain/spending/ledger.ts';
import { callCost } from '../../../domain/spending/pricing.ts';

const NOW = epochMs(Date.UTC(2026, 10, 23, 10));
const EXPIRES = epochMs(NOW + 120_000);
let writes = 0;

const plan = (lease: Lease, target: number): LeaseWrite =>
  lease.plan({
    writeId: `w${++writes}` as WriteId,
    target,
    expiresAt: EXPIRES,
    grant: { termsVersion: 1, ceiling: nanoUsd(10_000n), at: NOW },
  });

/** A lease with this much to spend. */
function leaseOf(amount: number): Lease {
  const lease = new Lease({ budget: 'b' as BudgetId, period: '2026-11' }, 'h1' as HolderId);
  plan(lease, amount);
  lease.landed();
  return lease;
}

describe('Lease', () => {
  it('gives nothing before its first grant', () => {
    const lease = new Lease({ budget: 'b' as BudgetId, period: '2026-11' }, 'h1' as HolderId);
    expect(lease.reserve(callCost(0), NOW)).toBe(false);
    plan(lease, 100);
    expect(lease.reserve(callCost(1), NOW)).toBe(false);
    expect(lease.available).toBe(0);
  });

  it('gives all that it has and not one nano-dollar more, however many ask at once [F1]', () => {
    const lease = leaseOf(100);
    const admitted = Array.from({ length: 50 }, () => lease.reserve(callCost(7), NOW)).filter((given) => given);
    expect(admitted).toHaveLength(14);
    expect([lease.available, lease.held]).toEqual([2, 98]);
  });

  it('gives nothing once it has expired', () => {
    const lease = leaseOf(100);
    expect(lease.reserve(callCost(1), epochMs(EXPIRES - 1))).toBe(true);
    expect(lease.reserve(callCost(1), EXPIRES)).toBe(false);
  });

  it('frees what a call did not cost, and all of one that did not run', () => {
    const lease = leaseOf(100);
    lease.reserve(callCost(60), NOW);
    lease.reserve(callCost(40), NOW);
    lease.settle(callCost(60), callCost(15));
    lease.release(callCost(40));
    expect([lease.available, lease.held]).toEqual([85, 0]);
    expect(plan(lease, 0)).toMatchObject({ settled: 15n, unconfirmed: 0n, leased: -100n });
  });

  it('keeps a hold of unknown fate as unconfirmed, not as nothing [F4]', () => {
    const lease = leaseOf(100);
    lease.reserve(callCost(60), NOW);
    lease.abandon(callCost(60));
    expect(lease.available).toBe(40);
    expect(plan(lease, 0)).toMatchObject({ settled: 0n, unconfirmed: 60n, leased: -100n });
  });

  it('refuses to end a hold twice', () => {
    const lease = leaseOf(100);
    lease.reserve(callCost(60), NOW);
    lease.settle(callCost(60), callCost(60));
    expect(() => lease.release(callCost(60))).toThrow(RangeError);
  });

  it('puts what it gives back out of reach at once, and what it asks for in reach only when it has landed', () => {
    const lease = leaseOf(100);
    plan(lease, 30);
    expect(lease.available).toBe(30);
    lease.refused();
    expect(lease.available).toBe(100);
    plan(lease, 150);
    expect(lease.available).toBe(100);
    lease.landed();
    expect(lease.available).toBe(150);
  });

  it('sends the same write, and no other, until its fate is known [F11]', () => {
    const lease = leaseOf(100);
    const sent = plan(lease, 150);
    lease.reserve(callCost(10), NOW);
    lease.settle(callCost(10), callCost(10));
    expect(lease.pending).toBe(sent);
    expect(() => plan(lease, 200)).toThrow('in flight');
    lease.landed();
    expect(lease.pending).toBeUndefined();
    expect(plan(lease, 0)).toMatchObject({ settled: 10n, entry: { sequence: sent.entry.sequence + 1 } });
  });

  it('uses the same sequence number again after a refusal', () => {
    const lease = leaseOf(100);
    const refused = plan(lease, 150);
    lease.refused();
    expect(plan(lease, 120).entry.sequence).toBe(refused.entry.sequence);
  });

  it('goes on from a refused write that lands late, by whatever was sent after it', () => {
    const lease = leaseOf(100);
    lease.reserve(callCost(10), NOW);
    lease.settle(callCost(10), callCost(10));
    lease.countUnrefused(7);
    const late = plan(lease, 150);
    lease.refused();
    expect([lease.available, lease.hasNews]).toEqual([90, true]);
    lease.reserve(callCost(20), NOW);
    lease.settle(callCost(20), callCost(5));
    plan(lease, 0);
    expect(lease.landedLate(late.entry.writeId)).toBe(true);
    expect([lease.available, lease.leased, lease.isConserved]).toEqual([145, 150n, true]);
    expect(plan(lease, 0)).toMatchObject({ settled: 5n, leased: -150n, entry: { sequence: late.entry.sequence + 1 } });
    expect(lease.pending?.unrefused).toBeUndefined();
  });

  it('tells what it has used of money that a refused write gave back, which lands late', () => {
    const lease = leaseOf(100);
    const late = plan(lease, 10);
    lease.refused();
    lease.reserve(callCost(60), NOW);
    lease.settle(callCost(60), callCost(60));
    plan(lease, 40);
    expect(lease.landedLate(late.entry.writeId)).toBe(true);
    expect([lease.available, lease.overdrawn, lease.isConserved]).toEqual([-50, 50, true]);
    expect(plan(lease, 0)).toMatchObject({ settled: 60n, leased: -10n });
  });

  it('knows no write again that another has sent, or that came before one that landed', () => {
    const lease = leaseOf(100);
    const refused = plan(lease, 150);
    lease.refused();
    plan(lease, 120);
    expect(lease.landedLate('of somebody else' as WriteId)).toBe(false);
    expect(lease.landedLate(undefined)).toBe(false);
    lease.landed();
    plan(lease, 0);
    expect(lease.landedLate(refused.entry.writeId)).toBe(false);
    expect(lease.pending).toBeDefined();
  });

  it('says that there is something to tell while a refused write may land, and not once another has', () => {
    const lease = leaseOf(100);
    plan(lease, 0);
    lease.landed();
    expect(lease.hasNews).toBe(false);
    plan(lease, 50);
    lease.refused();
    expect(lease.hasNews).toBe(true);
    plan(lease, 0);
    lease.landed();
    expect(lease.hasNews).toBe(false);
  });

  it('asks for a grant wherever money is left to spend, and only there [F28]', () => {
    const lease = leaseOf(100);
    expect(plan(lease, 50).grant).toBeDefined();
    lease.landed();
    expect(plan(lease, 0).grant).toBeUndefined();
  });

  it('commits the difference with its next report when a call cost more than was held', () => {
    const lease = leaseOf(100);
    lease.reserve(callCost(100), NOW);
    lease.settle(callCost(100), callCost(130));
    expect([lease.available, lease.overdrawn, lease.isConserved]).toEqual([-30, 30, true]);
    const write = plan(lease, 0);
    expect(write).toMatchObject({ settled: 130n, leased: -100n });
    expect(write.grant).toBeUndefined();
    lease.landed();
    expect([lease.available, lease.isConserved]).toEqual([0, true]);
  });

  it('takes a hold beyond the lease and reports it like any other', () => {
    const lease = leaseOf(10);
    lease.overdraw(callCost(25));
    expect([lease.available, lease.overdrawn, lease.held, lease.isConserved]).toEqual([-15, 15, 25, true]);
    lease.settle(callCost(25), callCost(20));
    expect(plan(lease, 0)).toMatchObject({ settled: 20n, leased: -10n });
  });

  it('carries over what an ended lease could not report', () => {
    const lease = leaseOf(100);
    lease.carryOver({ spent: 40, unconfirmed: 0 });
    expect([lease.available, lease.hasNews, lease.isConserved]).toEqual([60, true, true]);
    expect(plan(lease, 60)).toMatchObject({ settled: 40n, leased: -40n });
  });

  it('gives nothing and tells nothing once the ledger has taken it back, and still lets its calls end', () => {
    const lease = leaseOf(100);
    lease.reserve(callCost(60), NOW);
    plan(lease, 200);
    lease.lose();
    expect([lease.isLost, lease.hasNews, lease.pending]).toEqual([true, false, undefined]);
    expect(lease.reserve(callCost(1), NOW)).toBe(false);
    lease.settle(callCost(60), callCost(20));
    expect(lease.held).toBe(0);
  });

  describe('of which a refused write may have landed late, before it was taken back', () => {
    /** Has given 90 of 100 back by a write that was refused, and used 60 of them since. */
    const used = (): Lease => {
      const lease = leaseOf(100);
      plan(lease, 10);
      lease.refused();
      lease.reserve(callCost(60), NOW);
      lease.settle(callCost(60), callCost(60));
      return lease;
    };
    const NONE = { calls: 0, amount: 0 };

    it('leaves in doubt what was used of the money that this write gave back', () => {
      const lease = used();
      plan(lease, 40);
      expect(lease.lose()).toEqual({ spent: 0, unconfirmed: 50, unrefused: NONE });
    });

    it.each([
      ['none had landed', 2, 0],
      ['one had', 3, 50],
      ['nobody knows, in a table that was restored', 2 ** 32, 50],
    ])('goes by the number of what the ledger has in its place: %s', (_, sequence, unconfirmed) => {
      const lease = used();
      plan(lease, 40);
      expect(lease.lose({ sequence })).toEqual({ spent: 0, unconfirmed, unrefused: NONE });
    });

    it('counts what the write in flight gives back once: one of them can have landed', () => {
      const lease = used();
      plan(lease, 0);
      expect([lease.available, lease.lose().unconfirmed]).toEqual([0, 50]);
      const other = used();
      plan(other, 5);
      expect([other.available, other.lose().unconfirmed]).toEqual([5, 50]);
    });

    it('has nothing in doubt by a write that was denied for what it says, that asked for more, or after which another landed', () => {
      const denied = leaseOf(100);
      plan(denied, 10);
      denied.denied();
      const asked = leaseOf(100);
      plan(asked, 500);
      asked.refused();
      const gone = leaseOf(100);
      plan(gone, 10);
      gone.refused();
      plan(gone, 90);
      gone.landed();
      for (const lease of [denied, asked, gone]) {
        lease.reserve(callCost(60), NOW);
        lease.settle(callCost(60), callCost(60));
        expect(lease.lose()).toEqual({ spent: 0, unconfirmed: 0, unrefused: NONE });
      }
    });

    it('tells what cost more than was held as spent, and the rest as in doubt', () => {
      const lease = used();
      lease.overdraw(callCost(45));
      lease.settle(callCost(45), callCost(45));
      expect(lease.available).toBe(-5);
      expect(lease.lose({ sequence: 3 })).toEqual({ spent: 5, unconfirmed: 90, unrefused: NONE });
    });
  });

  it('has news while it has spent, lost track of or kept anything', () => {
    const lease = leaseOf(10);
    expect(lease.hasNews).toBe(true);
    plan(lease, 0);
    lease.landed();
    expect(lease.hasNews).toBe(false);
    expect(() => lease.landed()).toThrow('no write');
  });
});
