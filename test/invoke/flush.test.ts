import { describe, expect, it } from 'vitest';
import type { BudgetId } from '../../domain/budgets/budget-id.ts';
import { type EpochMs, epochMs } from '../../domain/clock.ts';
import { nanoUsd } from '../../domain/money.ts';
import { periodAt } from '../../domain/period.ts';
import type { HolderId, WriteId } from '../../domain/spending/ledger.ts';
import type { CallCost } from '../../domain/spending/pricing.ts';
import { BudgetAccount } from '../../invoke/budget-account.ts';
import { MemoryLedger } from '../domain/spending/memory-ledger.ts';

const LEASE_MS = 120_000;
const CALL = 5_000_000 as CallCost;

/** An account that has paid for one call. */
async function usedAccount() {
  let now: EpochMs = epochMs(Date.UTC(2026, 10, 10));
  const period = periodAt('month', 'UTC', now);
  const key = { budget: 'tenant-monthly/acme' as BudgetId, period: period.id };
  const ledger = new MemoryLedger();
  const limit = nanoUsd(20_000_000_000n);
  await ledger.provide({
    key,
    startsAt: period.startsAt,
    endsAt: period.endsAt,
    terms: { limit, stopAt: limit, outageExtra: limit, standing: 'open', version: 1 },
  });
  let ids = 0;
  const failing = { reads: false, writes: false };
  const account = new BudgetAccount({
    key,
    startsAt: period.startsAt,
    endsAt: period.endsAt,
    ledger: {
      async read(wanted) {
        if (failing.reads) throw new Error('no answer');
        return await ledger.read(wanted);
      },
      async write(write) {
        if (failing.writes) throw new Error('no answer');
        return await ledger.write(write);
      },
    },
    clock: { now: () => now },
    timer: { after: () => () => {} },
    random: () => 0.5,
    leaseMs: LEASE_MS,
    maxWaiting: 0,
    newHolder: () => `holder-${ids++}` as HolderId,
    newWriteId: () => `write-${ids++}` as WriteId,
  });
  const pay = async () => {
    await account.fill(CALL);
    const hold = account.reserve(CALL);
    if (hold === undefined) throw new Error('the call was not admitted');
    account.end(hold, CALL, 0);
  };
  await pay();
  return {
    account,
    pay,
    failing,
    item: () => ledger.item(key),
    leased: () => ledger.item(key)?.leased,
    /** What the governor's sweep does with leases whose holders are gone. */
    reclaim: async () => {
      for (const [holder, entry] of ledger.item(key)?.holders ?? [])
        await ledger.reclaim(key, holder, entry, `reclaim-${ids++}` as WriteId);
    },
    pass: (ms: number) => {
      now = epochMs(now + ms);
    },
  };
}

describe('a flush before a long pause', () => {
  it('returns what is unused, and nothing is leased again until a call needs it', async () => {
    const { account, pay, leased, pass } = await usedAccount();
    expect(leased()).toBeGreaterThan(0n);
    await account.flush();
    expect(leased()).toBe(0n);

    // Past half of the lease, when one in use would be renewed.
    pass(LEASE_MS / 2 + 1);
    await account.maintain();
    expect(leased()).toBe(0n);

    await pay();
    expect(leased()).toBeGreaterThan(0n);
  });

  it('is the exception: a lease in use is renewed', async () => {
    const { account, leased, pass } = await usedAccount();
    pass(LEASE_MS / 2 + 1);
    await account.maintain();
    expect(leased()).toBeGreaterThan(0n);
  });
});

describe('spending beyond a lease that was taken back', () => {
  it('is told also where the ledger could not be read just then, and no call comes any more', async () => {
    const { account, failing, item, leased, pass, pay, reclaim } = await usedAccount();
    failing.writes = true;
    // The lease in hand is used up, and what the policy adds is spent.
    const inHand = Number(leased()) / CALL;
    for (let call = 0; call < inHand + 3; call++) {
      pass(2_000);
      await pay();
    }
    const reclaimed = leased();
    await reclaim();
    failing.writes = false;
    failing.reads = true;
    pass(2_000);
    await expect(account.flush()).rejects.toThrow('no answer');
    failing.reads = false;
    await account.maintain();
    expect(item()).toMatchObject({ leased: 0n, unconfirmed: reclaimed });
    expect(Number(item()?.committed)).toBe((1 + inHand + 3) * CALL);
    expect(account.isAtRest).toBe(true);
  });
});
