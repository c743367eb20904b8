import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { epochMs } from '../../../domain/clock.ts';
import { Fault } from '../../../domain/fault.ts';
import { add, type NanoUsd, nanoUsd, ZERO } from '../../../domain/money.ts';
import { recoveredItem } from '../../../domain/recovery/recovered-item.ts';
import type { TableId } from '../../../domain/recovery/table-identity.ts';
import { type CellItem, cellId, granted, NO_FUNDING } from '../../../domain/spending/cell.ts';
import {
  type HolderId,
  isConserved,
  type LeaseEntry,
  type LeaseWrite,
  type LedgerItem,
  type WriteId,
  type WriteOutcome,
} from '../../../domain/spending/ledger.ts';
import { callCost } from '../../../domain/spending/pricing.ts';
import { Fleet } from '../../spending/fleet.ts';
import { MemoryLedger } from '../spending/memory-ledger.ts';

const usd = (amount: number): NanoUsd => nanoUsd(BigInt(amount));
let writes = 0;
const newWriteId = (): WriteId => `recovery-${++writes}` as WriteId;

/** A table that another one may take the place of: grants land where the item is right in it, as in DynamoDB. */
class RestorableLedger extends MemoryLedger {
  table = 'table-1' as TableId;

  override apply(write: LeaseWrite): WriteOutcome {
    const item = this.item(write.key);
    const isHere = item?.holders.get(write.holder)?.writeId === write.entry.writeId;
    if (write.grant !== undefined && !isHere && item?.openIn !== undefined && item.openIn !== this.table)
      throw new Fault('TableRestored', { doing: 'leasing', problem: 'restored', next: 'Recover it.' });
    return super.apply(write);
  }
}

const STOP_AT = 1_000_000;
const step = fc.oneof(
  fc.record({ kind: fc.constant('call' as const), process: fc.nat(3), most: fc.integer({ min: 1, max: 60_000 }) }),
  fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 100, max: 90_000 }) }),
  fc.record({ kind: fc.constant('start' as const) }),
  fc.record({ kind: fc.constant('crash' as const), process: fc.nat(3) }),
);
interface Step {
  readonly kind: 'call' | 'pass' | 'start' | 'crash';
  readonly process?: number;
  readonly most?: number;
  readonly ms?: number;
}

async function take(fleet: Fleet, { kind, process = 0, most = 0, ms = 0 }: Step): Promise<void> {
  const chosen = fleet.processes[process % fleet.processes.length];
  if (kind === 'start') fleet.start();
  else if (kind === 'pass') await fleet.pass(ms);
  else if (kind === 'crash') chosen?.crash();
  else if (chosen !== undefined && !chosen.isGone) await chosen.call(callCost(most));
}

/** Processes spend, a backup is taken, they go on, the backup is restored, and they go on. */
async function restored(before: readonly Step[], after: readonly Step[], meanwhile: readonly Step[]) {
  const ledger = new RestorableLedger();
  const fleet = new Fleet(STOP_AT, undefined, ledger);
  ledger.put({ ...fleet.item, openIn: ledger.table });
  fleet.start();
  fleet.start();
  for (const each of before) await take(fleet, each);
  const backup = fleet.item;
  for (const each of after) await take(fleet, each);
  ledger.table = 'table-2' as TableId;
  ledger.put(backup);
  for (const each of meanwhile) await take(fleet, each);
  // Calls of before are over, and metered.
  await fleet.pass(40 * 60_000);
  return { fleet, ledger };
}

async function spendEverything(fleet: Fleet): Promise<void> {
  for (let round = 0; round < 3; round++) {
    for (const process of [...fleet.processes, fleet.start()])
      if (!process.isGone) for (const most of [100_000, 10_000, 500, 1]) await process.spendAll(callCost(most));
    await fleet.flush();
  }
}

describe('an item of a restored table', () => {
  it('is spent from beyond its bound where it is just opened', async () => {
    const call = { kind: 'call', process: 0, most: 50_000 } as const;
    const { fleet, ledger } = await restored(
      [call],
      Array.from({ length: 15 }, () => call),
      [],
    );
    ledger.put({ ...fleet.item, openIn: ledger.table });
    await spendEverything(fleet);
    expect(fleet.billed).toBeGreaterThan(STOP_AT);
  });

  it('lends nothing before it is recovered, and never beyond its bound after, whatever processes hold', async () => {
    const steps = fc.array(step, { maxLength: 25 });
    await fc.assert(
      fc.asyncProperty(steps, steps, steps, fc.nat(50_000), async (before, after, meanwhile, metered) => {
        const { fleet, ledger } = await restored(before, after, meanwhile);
        const { committed } = fleet.item;
        const billed = fleet.billed;
        const recover = (): LedgerItem =>
          recoveredItem(fleet.item, new Map(), { spentAtMost: usd(billed + metered), newWriteId }).root;
        const root = recover();
        expect(isConserved(root)).toBe(true);
        expect(root.committed).toBeGreaterThanOrEqual(committed);
        expect(root.committed).toBeGreaterThanOrEqual(BigInt(billed));
        ledger.put({ ...root, openIn: ledger.table });
        // Twice is once.
        expect(recover().committed).toBe(root.committed);
        await spendEverything(fleet);
        expect(fleet.billed).toBeLessThanOrEqual(STOP_AT);
        expect(isConserved(fleet.item)).toBe(true);
      }),
      { numRuns: 60 },
    );
  }, 120_000);

  it('lets no holder of before give back or go on, also where its sequence would come again', async () => {
    const ledger = new RestorableLedger();
    const fleet = new Fleet(STOP_AT, undefined, ledger);
    const holder = 'holder-of-before' as HolderId;
    const entry: LeaseEntry = { sequence: 3, writeId: 'w-3' as WriteId, leased: usd(400), expiresAt: epochMs(0) };
    const item = { ...fleet.item, committed: usd(400), leased: usd(400), holders: new Map([[holder, entry]]) };
    ledger.put({ ...recoveredItem(item, new Map(), { spentAtMost: ZERO, newWriteId }).root, openIn: ledger.table });
    expect(fleet.item).toMatchObject({ committed: 400n, unconfirmed: 400n, leased: 0n });
    for (const sequence of [4, 5, 6])
      expect(
        await ledger.write({
          key: fleet.key,
          holder,
          settled: ZERO,
          unconfirmed: ZERO,
          leased: usd(-400),
          entry: { sequence, writeId: `w-${sequence}` as WriteId, leased: ZERO, expiresAt: epochMs(0) },
        }),
      ).toMatchObject({ kind: 'refused', why: 'lease-lost' });
    expect(fleet.item.committed).toBe(400n);
  });
});

describe('an item with cells of a restored table', () => {
  const amount = fc.integer({ min: 0, max: 1_000 });
  const id = cellId(0);
  const root = (fleet: Fleet, entry: LeaseEntry, more: number): LedgerItem => {
    const told = add(entry.reported?.settled ?? ZERO, entry.reported?.unconfirmed ?? ZERO);
    return {
      ...fleet.item,
      settled: entry.reported?.settled ?? ZERO,
      unconfirmed: entry.reported?.unconfirmed ?? ZERO,
      unattributed: usd(more),
      leased: entry.leased,
      committed: add(told, entry.leased, usd(more)),
      holders: new Map([[id, entry]]),
    };
  };

  it('counts all that its cells were granted, and leaves root and cells in step, of whatever moments they are', () => {
    fc.assert(
      fc.property(
        fc.record({ leased: amount, told: amount, untold: amount, settled: amount, unconfirmed: amount, held: amount }),
        fc.record({ more: amount, spent: fc.nat(5_000), sequence: fc.integer({ min: 1, max: 50 }), ahead: fc.nat(3) }),
        ({ leased, told, untold, settled, unconfirmed, held }, { more, spent, sequence, ahead }) => {
          const fleet = new Fleet(STOP_AT);
          const writeId = 'w' as WriteId;
          const reported = { settled: usd(told), unconfirmed: usd(untold) };
          const entry = { sequence, writeId, leased: usd(leased), expiresAt: epochMs(9), reported };
          const before = root(fleet, entry, more);
          const holder = 'process-1.1' as HolderId;
          const lease = { sequence: 7, writeId, leased: usd(held), expiresAt: epochMs(9) };
          const cell: CellItem = {
            ...fleet.item,
            key: { ...fleet.key, cell: id },
            settled: usd(settled),
            unconfirmed: usd(unconfirmed),
            leased: usd(held),
            committed: usd(settled + unconfirmed + held),
            holders: new Map([[holder, lease]]),
            funding: { ...NO_FUNDING, sequence: sequence + ahead, until: epochMs(9), room: usd(50) },
          };
          const after = recoveredItem(before, new Map([[id, cell]]), { spentAtMost: usd(spent), newWriteId });
          const [own] = after.cells;
          const its = after.root.holders.get(id);
          expect(isConserved(after.root)).toBe(true);
          expect(after.root.committed).toBeGreaterThanOrEqual(before.committed);
          expect(after.root.committed).toBeGreaterThanOrEqual(BigInt(spent));
          expect(own !== undefined && isConserved(own)).toBe(true);
          expect(own?.committed).toBe(granted(its));
          expect(own?.committed).toBeGreaterThanOrEqual(cell.committed);
          expect(own?.funding).toMatchObject({ room: 0n, until: 0, sequence: its?.sequence });
          expect(its?.sequence).toBeGreaterThan(Math.max(sequence, cell.funding.sequence) + 1_000);
          expect(own?.holders.get(holder)).toMatchObject({ leased: 0n });
          // Stopped between the cell and the root, and done again.
          if (own === undefined) return;
          const again = recoveredItem(before, new Map([[id, own]]), { spentAtMost: usd(spent), newWriteId });
          expect(again.root.committed).toBe(after.root.committed);
          expect(again.cells[0]?.committed).toBe(own.committed);
        },
      ),
    );
  });

  it('counts what a cell had whose item is missing as unconfirmed, and lets the next one begin anew', () => {
    const fleet = new Fleet(STOP_AT);
    const reported = { settled: usd(10), unconfirmed: usd(5) };
    const entry = { sequence: 2, writeId: 'w' as WriteId, leased: usd(100), expiresAt: epochMs(9), reported };
    const after = recoveredItem(root(fleet, entry, 0), new Map(), { spentAtMost: ZERO, newWriteId });
    expect(after.root).toMatchObject({ settled: 10n, unconfirmed: 105n, leased: 0n, committed: 115n });
    expect(after.root.holders.size).toBe(0);
    expect(after.cells).toEqual([]);
  });
});
