import { beforeEach, describe, expect, it } from 'vitest';
import { type EpochMs, epochMs } from '../../../domain/clock.ts';
import { nanoUsd, ZERO } from '../../../domain/money.ts';
import { periodAt } from '../../../domain/period.ts';
import { cellId, cellKey, followed, isCell, writeForCell } from '../../../domain/spending/cell.ts';
import type { HolderId, LedgerItem, LedgerKey, WriteId } from '../../../domain/spending/ledger.ts';
import { type CellCollection, collectCells, provideCells, tellCells } from '../../../domain/standing/collect-cells.ts';
import { budgetNamed, policyDocument, policyOf } from '../example-policy.ts';
import { MemoryLedger } from '../spending/memory-ledger.ts';

const NOW = epochMs(Date.UTC(2026, 10, 23, 10));
const PERIOD = periodAt('month', 'UTC', NOW);
const celled = (processes: number) =>
  policyOf(
    policyDocument({
      timeZone: 'UTC',
      budgets: [{ name: 'hot', selector: { team: 'support' }, limit: '10 USD', processes }],
    }),
  );
const POLICY = celled(129);
const BUDGET = budgetNamed(POLICY, 'hot');
const KEY: LedgerKey = { budget: BUDGET.id, period: PERIOD.id };
const TERMS = { limit: BUDGET.limit, stopAt: BUDGET.stopAt, standing: 'open', version: 1 } as const;
const ITEM = { key: KEY, startsAt: PERIOD.startsAt, endsAt: PERIOD.endsAt, terms: TERMS };
const CELLS = [0, 1, 2].map((index) => cellKey(KEY, cellId(index)));

let ledger: MemoryLedger;
let now: EpochMs;
let reclaimed: number;
let writes = 0;
const newWriteId = () => `write-${++writes}` as WriteId;
let ports: CellCollection;

beforeEach(async () => {
  ledger = new MemoryLedger();
  now = NOW;
  reclaimed = 0;
  ports = {
    ledger,
    policy: POLICY,
    clock: { now: () => now },
    journal: { decided: () => {}, counted: () => void reclaimed++ },
    newWriteId,
  };
  await provideCells(ports, BUDGET, ITEM);
  await ledger.provide(ITEM);
});

function item(key: LedgerKey): LedgerItem {
  const found = ledger.item(key);
  if (found === undefined) throw new Error(`no item ${key.cell ?? 'root'}`);
  return found;
}

/** The first cell has 100, of which a process holds 60 and has reported 10. */
function use(): void {
  const cell = cellKey(KEY, cellId(0));
  const [root, found] = [item(KEY), item(cell)];
  if (!isCell(found)) throw new Error('no cell');
  const until = epochMs(now + 120_000);
  const grant = { room: nanoUsd(100n), until };
  const write = writeForCell(root, found, cellId(0), { writeId: newWriteId(), at: now, grant });
  ledger.apply(write);
  ledger.applyFunding(cell, followed(write.entry, now, nanoUsd(100n)));
  const process = { key: cell, holder: 'process-1' as HolderId, unconfirmed: ZERO };
  const lease = { termsVersion: 1, ceiling: TERMS.stopAt, at: now };
  for (const [sequence, settled, leased, change] of [
    [1, 0n, 70n, 70n],
    [2, 10n, 60n, -10n],
  ] as const)
    ledger.apply({
      ...process,
      settled: nanoUsd(settled),
      leased: nanoUsd(change),
      entry: { sequence, writeId: newWriteId(), leased: nanoUsd(leased), expiresAt: until },
      grant: lease,
    });
}

describe('collecting the cells of a budget', () => {
  it('provides each cell that the policy asks for, and again those that it asks for later', async () => {
    expect(CELLS.map((key) => item(key).funding?.room)).toEqual([0n, 0n, 0n]);
    const more = budgetNamed(celled(193), 'hot');
    await collectCells(ports, more, PERIOD);
    expect(item(cellKey(KEY, cellId(3))).terms).toEqual(TERMS);
  });

  it('reports to the root what a cell has been told, and leaves the cell what it has', async () => {
    use();
    await collectCells(ports, BUDGET, PERIOD);
    expect(item(KEY)).toMatchObject({ settled: 10n, leased: 90n, committed: 100n });
    expect(item(cellKey(KEY, cellId(0)))).toMatchObject({ leased: 60n, funding: { room: 30n } });
  });

  it('reports nothing twice', async () => {
    use();
    await collectCells(ports, BUDGET, PERIOD);
    const before = item(KEY);
    await collectCells(ports, BUDGET, PERIOD);
    expect(item(KEY)).toEqual(before);
  });

  it('takes back what a cell may lend no longer, and what a process that is gone has not told counts as unconfirmed', async () => {
    use();
    now = epochMs(now + 120_000);
    await collectCells(ports, BUDGET, PERIOD);
    expect(item(KEY)).toMatchObject({ settled: 10n, leased: 60n, unconfirmed: 0n, committed: 70n });
    now = epochMs(now + POLICY.ledger.graceSeconds * 1_000 + 1);
    await collectCells(ports, BUDGET, PERIOD);
    expect(item(KEY)).toMatchObject({ settled: 10n, leased: 0n, unconfirmed: 60n, committed: 70n });
    expect(reclaimed).toBe(1);
  });

  it('takes money back from cells that the policy has no more', async () => {
    use();
    now = epochMs(now + 3_600_000);
    await collectCells(ports, budgetNamed(celled(1), 'hot'), PERIOD);
    expect(item(KEY)).toMatchObject({ settled: 10n, leased: 0n, unconfirmed: 60n });
  });

  it('gives a cell that was not told the terms when they changed those of the root', async () => {
    await ledger.changeTerms(KEY, { ...TERMS, standing: 'closed', version: 2 });
    await collectCells(ports, BUDGET, PERIOD);
    expect(CELLS.map((key) => item(key).terms.standing)).toEqual(['closed', 'closed', 'closed']);
  });
});

describe('telling the cells new terms', () => {
  it('reaches every cell', async () => {
    const terms = { ...TERMS, standing: 'closed', version: 2 } as const;
    await tellCells(ports, BUDGET, { ...item(KEY), terms });
    expect(CELLS.map((key) => item(key).terms)).toEqual([terms, terms, terms]);
  });
});
