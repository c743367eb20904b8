import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ledgerTable } from '../../../aws/dynamodb/ledger-table.ts';
import type { BudgetId } from '../../../domain/budgets/budget-id.ts';
import { type EpochMs, epochMs } from '../../../domain/clock.ts';
import { nanoUsd, ZERO } from '../../../domain/money.ts';
import { periodAt } from '../../../domain/period.ts';
import { type CellStore, cellId, cellKey, followed, isCell, writeForCell } from '../../../domain/spending/cell.ts';
import type {
  HolderId,
  LeaseWrite,
  LedgerItem,
  LedgerKey,
  LedgerStore,
  WriteId,
} from '../../../domain/spending/ledger.ts';
import { callCost } from '../../../domain/spending/pricing.ts';
import { Admissions } from '../../../invoke/admission.ts';
import { GovernorRefusal } from '../../../invoke/refusals.ts';
import type { Reservation } from '../../../invoke/reservation.ts';
import { type EmbeddedAws, startEmbeddedAws } from '../../../local/embedded-aws.ts';
import { MemoryLedger } from '../../domain/spending/memory-ledger.ts';
import { createGovernorTable, dynamoDbClient, TABLE } from './governor-table.ts';

const NOW = epochMs(Date.UTC(2026, 10, 23, 10));
const UNTIL = epochMs(NOW + 120_000);
const PERIOD = periodAt('month', 'UTC', NOW);
const COST = callCost(1_000);
const CALLS = 100;
const TERMS = {
  limit: nanoUsd(BigInt(CALLS * COST)),
  stopAt: nanoUsd(BigInt(CALLS * COST)),
  standing: 'open',
  version: 1,
} as const;

let aws: EmbeddedAws;
let client: DynamoDBClient;
let budgets = 0;
let names = 0;
const newWriteId = () => `write-${++names}` as WriteId;
beforeAll(async () => {
  aws = await startEmbeddedAws({ startAt: NOW });
  client = dynamoDbClient(aws);
  await createGovernorTable(client);
});
afterAll(() => aws.close());

const newKey = (): LedgerKey => ({ budget: `tenant-monthly/acme-${++budgets}` as BudgetId, period: PERIOD.id });

async function provide(ledger: LedgerStore, key: LedgerKey, cells: number): Promise<void> {
  const item = { startsAt: PERIOD.startsAt, endsAt: PERIOD.endsAt, terms: TERMS };
  await ledger.provide({ key, ...item });
  for (let cell = 0; cell < cells; cell++) await ledger.provide({ key: cellKey(key, cellId(cell)), ...item });
}

async function itemOf(ledger: LedgerStore, key: LedgerKey): Promise<LedgerItem> {
  const item = await ledger.read(key);
  if (item === undefined) throw new Error(`no item ${key.budget} ${key.cell ?? ''}`);
  return item;
}

describe.each([
  ['in DynamoDB', () => ledgerTable(client, TABLE)],
  ['in memory', () => new MemoryLedger()],
])('cells %s', (_, open: () => LedgerStore & CellStore) => {
  let ledger: LedgerStore & CellStore;
  let key: LedgerKey;
  let cell: LedgerKey;
  beforeEach(async () => {
    ledger = open();
    key = newKey();
    cell = cellKey(key, cellId(0));
    await provide(ledger, key, 1);
  });

  const takes = (amount: bigint, at: EpochMs, holder = 'process-1'): LeaseWrite => ({
    key: cell,
    holder: holder as HolderId,
    settled: ZERO,
    unconfirmed: ZERO,
    leased: nanoUsd(amount),
    entry: { sequence: 1, writeId: newWriteId(), leased: nanoUsd(amount), expiresAt: UNTIL },
    grant: { termsVersion: 1, ceiling: TERMS.stopAt, at },
  });

  async function fund(room: bigint): Promise<LedgerItem> {
    const [root, seen] = [await itemOf(ledger, key), await itemOf(ledger, cell)];
    if (!isCell(seen)) throw new Error('no cell');
    const grant = { room: nanoUsd(room), until: UNTIL };
    const write = writeForCell(root, seen, cellId(0), { writeId: newWriteId(), at: NOW, grant });
    expect((await ledger.write(write)).kind).toBe('landed');
    const item = await ledger.fund(cell, followed(write.entry, NOW, nanoUsd(room)));
    if (item === undefined) throw new Error('not funded');
    return item;
  }

  it('are items of their own with nothing to lend', async () => {
    const none = { sequence: 0, until: 0, at: 0, slice: 0n, room: 0n };
    expect(await itemOf(ledger, cell)).toMatchObject({ key: cell, committed: 0n, funding: none });
    expect((await itemOf(ledger, key)).funding).toBeUndefined();
    expect(await ledger.write(takes(1n, NOW))).toMatchObject({ kind: 'refused', why: 'over-ceiling' });
  });

  it('lend what they are funded with, to the nano-dollar and until their lease ends', async () => {
    const funding = { sequence: 1, until: UNTIL, at: NOW, slice: 100n, room: 100n };
    expect((await fund(100n)).funding).toEqual(funding);
    expect(await ledger.write(takes(101n, NOW))).toMatchObject({ why: 'over-ceiling' });
    expect(await ledger.write(takes(100n, UNTIL))).toMatchObject({ why: 'over-ceiling' });
    expect((await ledger.write(takes(100n, NOW))).kind).toBe('landed');
    expect(await itemOf(ledger, cell)).toMatchObject({ committed: 100n, leased: 100n, funding: { room: 0n } });
  });

  it('count what was lent already when they are funded anew', async () => {
    await fund(100n);
    await ledger.write(takes(60n, NOW));
    expect((await fund(100n)).funding?.room).toBe(100n);
    expect((await itemOf(ledger, key)).committed).toBe(160n);
  });

  it('are known to the root with all that they have reported', async () => {
    await fund(100n);
    const [entry] = (await itemOf(ledger, key)).holders.values();
    expect(entry).toMatchObject({ sequence: 1, leased: 100n, reported: { settled: 0n, unconfirmed: 0n } });
  });

  it('follow later writes of the root only', async () => {
    await fund(100n);
    await fund(200n);
    const late = { sequence: 1, funded: nanoUsd(100n), until: UNTIL, at: NOW, slice: ZERO };
    expect(await ledger.fund(cell, late)).toBeUndefined();
    expect((await itemOf(ledger, cell)).funding?.room).toBe(200n);
  });

  it('give up room in step with the root only, and no more than they have', async () => {
    await fund(100n);
    expect(await ledger.withdraw(cell, { sequence: 2, amount: nanoUsd(1n) })).toBeUndefined();
    expect(await ledger.withdraw(cell, { sequence: 1, amount: nanoUsd(101n) })).toBeUndefined();
    expect((await ledger.withdraw(cell, { sequence: 1, amount: nanoUsd(40n) }))?.funding?.room).toBe(60n);
  });

  it('follow later terms only, and lend under none but these', async () => {
    await fund(100n);
    const closed = { ...TERMS, standing: 'closed', reason: 'used up', version: 3 } as const;
    expect((await ledger.followTerms(cell, closed))?.terms).toEqual(closed);
    expect(await ledger.followTerms(cell, { ...TERMS, version: 2 })).toBeUndefined();
    expect(await ledger.write(takes(1n, NOW))).toMatchObject({ kind: 'refused', why: 'terms-changed' });
  });
});

describe('six processes in two cells of one budget in DynamoDB', () => {
  it('spend all of it and not a nano-dollar more', async () => {
    const ledger = ledgerTable(client, TABLE);
    const key = newKey();
    await provide(ledger, key, 2);
    let now: EpochMs = NOW;
    const processes = Array.from({ length: 6 }, (_, index) => {
      let isPlaced = false;
      return new Admissions({
        ledger,
        clock: { now: () => now },
        // Nobody waits: what a process could give back later, it gives back when it is flushed.
        timer: { after: () => () => {} },
        random: () => {
          const first = !isPlaced;
          isPlaced = true;
          return first ? index / 6 : 0;
        },
        leaseMs: 120_000,
        maxWaitMs: 0,
        maxWaiting: 0,
        newHolder: () => `holder-${++names}` as HolderId,
        newWriteId,
      });
    });
    const covering = [{ id: key.budget, period: 'month' as const, timeZone: 'UTC', cells: 2 }];
    let billed = 0;
    const refusals: string[] = [];
    const call = async (process: Admissions): Promise<void> => {
      let reservation: Reservation;
      try {
        reservation = await process.admit(covering, COST);
      } catch (error) {
        if (!(error instanceof GovernorRefusal)) throw error;
        refusals.push(error.code);
        return;
      }
      billed += COST;
      reservation.settle(COST);
    };

    for (let round = 0; round < 8; round++) {
      await Promise.all(processes.flatMap((process) => Array.from({ length: 5 }, () => call(process))));
      await Promise.all(processes.map((process) => process.flush()));
      now = epochMs(now + 2_000);
    }

    expect(billed).toBe(CALLS * COST);
    expect(refusals).toContain('BudgetExhausted');
    const root = await itemOf(ledger, key);
    const cells = [await itemOf(ledger, cellKey(key, cellId(0))), await itemOf(ledger, cellKey(key, cellId(1)))];
    expect(root).toMatchObject({ settled: TERMS.limit, committed: TERMS.limit, leased: 0n, unconfirmed: 0n });
    expect(cells.map(({ holders }) => holders.size)).toEqual([3, 3]);
    expect(cells.map(({ leased, funding }) => [leased, funding?.room])).toEqual([
      [0n, 0n],
      [0n, 0n],
    ]);
    expect(cells.reduce((sum, { settled }) => sum + settled, 0n)).toBe(root.settled);
  });
});
