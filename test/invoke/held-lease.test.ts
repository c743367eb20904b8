import { expect, it } from 'vitest';
import type { BudgetId } from '../../domain/budgets/budget-id.ts';
import { type EpochMs, epochMs } from '../../domain/clock.ts';
import { nanoUsd } from '../../domain/money.ts';
import type { HolderId, LeaseWrite, LedgerKey, WriteId } from '../../domain/spending/ledger.ts';
import { MemoryLedger } from '../../domain/spending/memory-ledger.ts';
import { callCost } from '../../domain/spending/pricing.ts';
import type { Terms } from '../../domain/spending/terms.ts';
import { HeldLease } from '../../invoke/held-lease.ts';

const START = epochMs(Date.UTC(2026, 10, 23, 10));
const KEY: LedgerKey = { budget: 'tenant/acme' as BudgetId, period: '2026-11' };
const TERMS: Terms = { limit: nanoUsd(1_000n), stopAt: nanoUsd(1_000n), standing: 'open', version: 1 };

/** A process, and the ledger in which all its writes are seen. */
async function world() {
  let now: EpochMs = START;
  let ids = 0;
  const ledger = new MemoryLedger();
  const sent: LeaseWrite[] = [];
  await ledger.provide({ key: KEY, startsAt: START, endsAt: epochMs(START + 86_400_000), terms: TERMS });
  const item = () => ledger.item(KEY) ?? expect.fail('the item is provided');
  let theirs = 0;
  const held = new HeldLease(
    {
      key: KEY,
      endsAt: item().endsAt,
      ledger: {
        read: (key) => ledger.read(key),
        write: (write) => {
          sent.push(write);
          return ledger.write(write);
        },
      },
      clock: { now: () => now },
      leaseMs: 120_000,
      newHolder: () => `h${++ids}` as HolderId,
      newWriteId: () => `w${++ids}` as WriteId,
    },
    () => {},
  );
  return {
    ledger,
    sent,
    item,
    held,
    sleep(ms: number) {
      now = epochMs(now + ms);
    },
    spend(amount: number) {
      expect(held.lease.reserve(callCost(amount), now)).toBe(true);
      held.lease.settle(callCost(amount), callCost(amount));
    },
    /** Another process has leased so much: past the limit, as one does that reports what it has spent in an outage. */
    another(leased: number) {
      const holder = 'other' as HolderId;
      const { sequence = 0, leased: before = 0n } = item().holders.get(holder) ?? {};
      const entry = {
        sequence: sequence + 1,
        writeId: `o${++theirs}` as WriteId,
        expiresAt: now,
        leased: nanoUsd(BigInt(leased)),
      };
      ledger.apply({
        key: KEY,
        holder,
        entry,
        settled: nanoUsd(0n),
        unconfirmed: nanoUsd(0n),
        leased: nanoUsd(BigInt(leased) - before),
      });
    },
    /** Another process takes back what has ended. */
    async reclaim() {
      for (const [holder, entry] of item().holders)
        if (entry.leased > 0n) await ledger.reclaim(KEY, holder, entry, `r${++ids}` as WriteId);
    },
  };
}

it.each([
  ['landed late', true],
  ['never landed', false],
])(
  'counts all that it used of money which a refused write gave back, whether that %s before it was frozen [F10]',
  async (_, landsLate) => {
    const { ledger, sent, item, held, sleep, spend, another, reclaim } = await world();
    await held.write(100, item());
    another(1_500);
    // Gives 90 back and keeps 10: refused, as too much is committed. A copy of it is still under way.
    expect(await held.write(10, item())).toBe(false);
    spend(60);
    another(0);
    const copy = sent[1] ?? expect.fail('it was sent');
    if (landsLate) expect(ledger.apply(copy).kind).toBe('landed');
    // Frozen until its lease is over and was taken back.
    sleep(600_000);
    await reclaim();
    await held.giveBack();
    await held.giveBack();
    const { committed, settled, leased, unconfirmed } = item();
    expect(committed).toBe(settled + unconfirmed + leased);
    expect([leased, settled]).toEqual([0n, 0n]);
    // Of 100 it had 60 spent: all of them are counted, and where all of the lease is, no more than that.
    expect(unconfirmed).toBe(landsLate ? 60n : 100n);
  },
);
