import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import type { BudgetId } from '../../../domain/budgets/budget-id.ts';
import { epochMs } from '../../../domain/clock.ts';
import { type NanoUsd, nanoUsd, ZERO } from '../../../domain/money.ts';
import {
  type CellItem,
  cellAt,
  cellId,
  cellKey,
  cellsOf,
  type FundingWrite,
  followed,
  funded,
  granted,
  isCell,
  isNews,
  seenFromCell,
  type Withdrawal,
  writeForCell,
} from '../../../domain/spending/cell.ts';
import { cellsFor } from '../../../domain/spending/cell-count.ts';
import {
  forgettable,
  type HolderId,
  isConserved,
  type LeaseWrite,
  type LedgerItem,
  type LedgerKey,
  left,
  type Reported,
  reclaimable,
  TOMBSTONE_MS,
  type WriteId,
} from '../../../domain/spending/ledger.ts';
import { MemoryLedger } from './memory-ledger.ts';

const NOW = epochMs(Date.UTC(2026, 10, 23, 10));
const UNTIL = epochMs(NOW + 120_000);
const ID = cellId(0);
const ROOT: LedgerKey = { budget: 'support-chat' as BudgetId, period: '2026-11' };
const CELL = cellKey(ROOT, ID);
const TERMS = { limit: nanoUsd(1000n), stopAt: nanoUsd(1000n), standing: 'open', version: 1 } as const;
const PROCESS = 'process-1' as HolderId;

let ledger: MemoryLedger;
let writes = 0;
const newWriteId = () => `write-${++writes}` as WriteId;

beforeEach(async () => {
  ledger = new MemoryLedger();
  for (const key of [ROOT, CELL])
    await ledger.provide({ key, startsAt: epochMs(NOW - 1), endsAt: epochMs(NOW + 1e9), terms: TERMS });
});

function root(): LedgerItem {
  const item = ledger.item(ROOT);
  if (item === undefined) throw new Error('the root is gone');
  return item;
}

function cell(): CellItem {
  const item = ledger.item(CELL);
  if (item === undefined || !isCell(item)) throw new Error('the cell is gone');
  return item;
}

const grantOf = (room: bigint): LeaseWrite =>
  writeForCell(root(), cell(), ID, { writeId: newWriteId(), at: NOW, grant: { room: nanoUsd(room), until: UNTIL } });
const report = (): LeaseWrite => writeForCell(root(), cell(), ID, { writeId: newWriteId(), at: NOW });

/** Brings money down: both halves. */
function fund(room: bigint): void {
  const write = grantOf(room);
  expect(ledger.apply(write).kind).toBe('landed');
  ledger.applyFunding(CELL, followed(write.entry, NOW, nanoUsd(room)));
}

/** The cell's one process: what it takes, spends and gives back, as its next write tells. */
function processWrite(change: { settled?: bigint; unconfirmed?: bigint; leased: bigint }): LeaseWrite {
  const entry = cell().holders.get(PROCESS);
  const leased = nanoUsd((entry?.leased ?? 0n) + change.leased);
  return {
    key: CELL,
    holder: PROCESS,
    settled: nanoUsd(change.settled ?? 0n),
    unconfirmed: nanoUsd(change.unconfirmed ?? 0n),
    leased: nanoUsd(change.leased),
    entry: { sequence: (entry?.sequence ?? 0) + 1, writeId: newWriteId(), leased, expiresAt: UNTIL },
    ...(change.leased > 0n ? { grant: { termsVersion: 1, ceiling: TERMS.stopAt, at: NOW } } : {}),
  };
}

describe('how many cells a budget has', () => {
  it.each([
    [1, undefined],
    [100, undefined],
    [101, 2],
    [129, 3],
    [1_000, 16],
    [8_192, 128],
  ])('%i processes: %j', (processes, cells) => expect(cellsFor(processes)).toBe(cells));

  it('puts a process into exactly one of them', () => {
    expect([0, 0.3, 0.34, 0.999, 1].map((place) => cellAt(place, 3))).toEqual([
      'cell-0',
      'cell-0',
      'cell-1',
      'cell-2',
      'cell-2',
    ]);
  });
});

describe('a cell', () => {
  it('lends what the root has made over to it and nothing more', () => {
    expect(ledger.apply(processWrite({ leased: 1n }))).toMatchObject({ why: 'over-ceiling' });
    fund(100n);
    expect(ledger.apply(processWrite({ leased: 101n }))).toMatchObject({ why: 'over-ceiling' });
    expect(ledger.apply(processWrite({ leased: 100n })).kind).toBe('landed');
    expect(cell().funding.room).toBe(0n);
    expect(root().committed).toBe(100n);
  });

  it('lends nothing once its lease on the root is over', () => {
    fund(100n);
    const late = processWrite({ leased: 10n });
    const grant = { termsVersion: 1, ceiling: TERMS.stopAt, at: UNTIL };
    expect(ledger.apply({ ...late, grant })).toMatchObject({ why: 'over-ceiling' });
  });

  it('lends nothing under terms that the governor has replaced', () => {
    fund(100n);
    ledger.applyTerms(CELL, { ...TERMS, standing: 'closed', version: 2 });
    expect(ledger.apply(processWrite({ leased: 10n }))).toMatchObject({ why: 'terms-changed' });
  });

  it('keeps the latest terms, in whatever order they come', () => {
    expect(ledger.applyTerms(CELL, { ...TERMS, standing: 'closed', version: 3 })).toBeDefined();
    expect(ledger.applyTerms(CELL, { ...TERMS, version: 2 })).toBeUndefined();
    expect(cell().terms.standing).toBe('closed');
  });

  it('does not get back what was withdrawn by a late copy of what funded it', () => {
    const write = grantOf(100n);
    ledger.apply(write);
    const funding = followed(write.entry, NOW, nanoUsd(100n));
    ledger.applyFunding(CELL, funding);
    ledger.applyWithdrawal(CELL, { sequence: 1, amount: nanoUsd(100n) });
    expect(ledger.applyFunding(CELL, funding)).toBeUndefined();
    expect(cell().funding.room).toBe(0n);
  });

  it('does not lose what funded it anew to a late copy of a withdrawal', () => {
    fund(100n);
    fund(200n);
    expect(ledger.applyWithdrawal(CELL, { sequence: 1, amount: nanoUsd(100n) })).toBeUndefined();
    expect(cell().funding.room).toBe(200n);
  });

  it('shows its processes what root and cell have left together', () => {
    fund(100n);
    ledger.apply(processWrite({ leased: 30n }));
    const view = seenFromCell(root(), cell(), ID, 1);
    expect(left(view, NOW)).toBe(970n);
    expect(isConserved(view)).toBe(true);
    expect([...view.holders.keys()]).toEqual([PROCESS]);
    expect(view.siblings).toBe(1);
  });

  it('shows its processes what is gone, whether or not the root has heard of it', () => {
    const seen = () => seenFromCell(root(), cell(), ID, 1);
    expect(seen()).toMatchObject({ settled: 0n, unconfirmed: 0n, leased: 0n, committed: 0n });
    fund(100n);
    ledger.apply(processWrite({ leased: 60n }));
    ledger.apply(processWrite({ leased: -30n, settled: 20n, unconfirmed: 5n }));
    const before = seen();
    expect(before).toMatchObject({ settled: 20n, unconfirmed: 5n, leased: 30n, committed: 55n });
    ledger.apply(report());
    expect(seen()).toEqual({ ...before, holders: cell().holders });
    ledger.apply(processWrite({ leased: -10n, settled: 4n, unconfirmed: 3n }));
    expect(seen()).toMatchObject({ settled: 24n, unconfirmed: 8n, leased: 20n, committed: 52n });
    expect(isConserved(seen())).toBe(true);
  });
});

describe('the root', () => {
  it('is not asked for more than its ceiling', () => {
    expect(ledger.apply(grantOf(1001n))).toMatchObject({ kind: 'refused', why: 'over-ceiling' });
    expect(ledger.apply(grantOf(1000n)).kind).toBe('landed');
  });

  it('takes a report under any terms, and a report prolongs nothing', async () => {
    fund(100n);
    ledger.apply(processWrite({ leased: 50n }));
    ledger.apply(processWrite({ leased: -50n, settled: 20n, unconfirmed: 10n }));
    await ledger.changeTerms(ROOT, { ...TERMS, standing: 'closed', version: 2 });
    const write = writeForCell(root(), cell(), ID, { writeId: newWriteId(), at: epochMs(NOW + 60_000) });
    expect(write.grant).toBeUndefined();
    expect(write.entry.expiresAt).toBe(UNTIL);
    expect(ledger.apply(write).kind).toBe('landed');
    expect(root()).toMatchObject({ settled: 20n, unconfirmed: 10n, leased: 70n, committed: 100n });
  });

  it('gets back what was withdrawn', () => {
    fund(100n);
    ledger.apply(processWrite({ leased: 30n }));
    ledger.applyWithdrawal(CELL, { sequence: 1, amount: nanoUsd(70n) });
    ledger.apply(report());
    expect(root().committed).toBe(30n);
  });

  it('hears of spending beyond the leases', () => {
    fund(100n);
    ledger.apply(processWrite({ leased: 100n }));
    ledger.apply(processWrite({ leased: -100n, settled: 130n }));
    expect(cell().funding.room).toBe(-30n);
    ledger.apply(report());
    expect(root()).toMatchObject({ settled: 130n, leased: 0n, committed: 130n });
  });

  it('hears of a call that the cell could not pay for, as of when it hears of it', () => {
    fund(100n);
    ledger.apply({ ...processWrite({ leased: 0n }), refusal: { at: NOW, need: nanoUsd(7n) } });
    expect(ledger.apply(report()).kind).toBe('landed');
    expect(root().refusing).toEqual({ since: NOW, need: 7n });
    fund(10n);
    expect(root().refusing).toBeUndefined();
  });

  it('hears of such a call once, and not while it lends the cell more', () => {
    fund(100n);
    ledger.apply({ ...processWrite({ leased: 0n }), refusal: { at: NOW, need: nanoUsd(7n) } });
    expect(grantOf(10n).refusal).toBeUndefined();
    ledger.apply(report());
    expect(report().refusal).toBeUndefined();
  });

  it('hears how many calls a budget that only watches has let pass, each once, whichever agent tells last', () => {
    const passed = (calls: number, amount: bigint) => ({ unrefused: { calls, amount: nanoUsd(amount) } });
    fund(100n);
    ledger.apply({ ...processWrite({ leased: 0n }), ...passed(2, 7n) });
    const [seen, early] = [cell(), report()];
    expect(early.unrefused).toEqual({ calls: 2, amount: 7n });
    ledger.apply({ ...processWrite({ leased: 0n }), ...passed(1, 4n) });
    ledger.apply(report());
    expect(root().unrefused).toEqual({ calls: 3, amount: 11n });
    // Who has seen less of the cell than the root has been told takes nothing back.
    const late = writeForCell(root(), seen, ID, { writeId: newWriteId(), at: NOW });
    expect(late).not.toHaveProperty('unrefused');
    ledger.apply(late);
    ledger.apply({ ...processWrite({ leased: 0n }), ...passed(1, 1n) });
    ledger.apply(report());
    expect(root().unrefused).toEqual({ calls: 4, amount: 12n });
  });

  it('is told something where anything has changed, and nothing where nothing has', () => {
    expect(isNews(report())).toBe(false);
    fund(100n);
    ledger.apply(processWrite({ leased: 50n }));
    const nothing = report();
    expect(nothing).not.toHaveProperty('unrefused');
    expect(isNews(nothing)).toBe(false);
    for (const news of [
      { settled: nanoUsd(1n) },
      { unconfirmed: nanoUsd(1n) },
      { leased: nanoUsd(-1n) },
      { refusal: { at: NOW, need: nanoUsd(1n) } },
      { unrefused: { calls: 1, amount: ZERO } },
    ])
      expect(isNews({ ...nothing, ...news }), JSON.stringify(Object.keys(news))).toBe(true);
  });

  it('tells its cells from the processes that lease from it', () => {
    fund(100n);
    const process = { ...processWrite({ leased: 5n }), key: ROOT };
    expect(ledger.apply(process).kind).toBe('landed');
    expect(cellsOf(root())).toEqual([ID]);
    expect(granted(root().holders.get(PROCESS))).toBe(5n);
    expect([isCell(root()), isCell(cell())]).toEqual([false, true]);
  });

  it('keeps the entry of a cell, which alone knows what the cell has reported', () => {
    fund(100n);
    ledger.applyWithdrawal(CELL, { sequence: 1, amount: nanoUsd(100n) });
    const held = root();
    ledger.apply(report());
    const later = epochMs(UNTIL + 2 * TOMBSTONE_MS);
    expect(reclaimable(held, later, 0)).toEqual([]);
    expect(forgettable(root(), later)).toEqual([]);
  });
});

type Message =
  | { readonly kind: 'root'; readonly write: LeaseWrite; readonly slice: NanoUsd | undefined }
  | { readonly kind: 'fund'; readonly funding: FundingWrite }
  | { readonly kind: 'withdraw'; readonly withdrawal: Withdrawal; readonly seen: LedgerItem };

type Step =
  | { readonly kind: 'look' | 'look at root' | 'look at cell'; readonly agent: number }
  | { readonly kind: 'bring down'; readonly agent: number; readonly amount: number }
  | { readonly kind: 'give back' | 'report' | 'catch up'; readonly agent: number }
  | { readonly kind: 'take' | 'spend' | 'lose' | 'return'; readonly amount: number }
  | { readonly kind: 'deliver'; readonly message: number };

const agent = fc.nat(2);
const amount = fc.integer({ min: 1, max: 400 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('look' as const, 'look at root' as const, 'look at cell' as const),
      agent,
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('bring down' as const), agent, amount }) },
  fc.record({ kind: fc.constantFrom('give back' as const, 'report' as const, 'catch up' as const), agent }),
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('take' as const, 'spend' as const, 'lose' as const, 'return' as const),
      amount,
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('deliver' as const), message: fc.constant(0) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('deliver' as const), message: fc.nat(20) }) },
);

/**
 * Three agents of one cell that know what they saw last, root and cell each at its time. Whatever they send arrives in any order, any number of times,
 * or never: that is every crash between two writes, every race and every late copy.
 */
class Agents {
  readonly #seen = [0, 1, 2].map(() => ({ root: root(), cell: cell() }));
  readonly #sent: Message[] = [];

  take(next: Step): void {
    if (next.kind === 'deliver') this.#deliver(next.message);
    else if ('agent' in next) this.#act(next);
    else this.#use(next);
  }

  #use(next: Extract<Step, { kind: 'take' | 'spend' | 'lose' | 'return' }>): void {
    const held = cell().holders.get(PROCESS)?.leased ?? ZERO;
    const part = BigInt(Math.min(next.amount, Number(held)));
    if (next.kind === 'take') ledger.apply(processWrite({ leased: BigInt(next.amount) }));
    else if (next.kind === 'spend') ledger.apply(processWrite({ leased: -part, settled: part }));
    else if (next.kind === 'lose') ledger.apply(processWrite({ leased: -part, unconfirmed: part }));
    else ledger.apply(processWrite({ leased: -part }));
  }

  #act(next: Extract<Step, { agent: number }>): void {
    const seen = this.#seen[next.agent];
    if (seen === undefined) return;
    const request = { writeId: newWriteId(), at: NOW };
    const entry = seen.root.holders.get(ID);
    if (next.kind === 'look') this.#seen[next.agent] = { root: root(), cell: cell() };
    else if (next.kind === 'look at root') this.#seen[next.agent] = { ...seen, root: root() };
    else if (next.kind === 'look at cell') this.#seen[next.agent] = { ...seen, cell: cell() };
    else if (next.kind === 'report')
      this.#sent.push({ kind: 'root', write: writeForCell(seen.root, seen.cell, ID, request), slice: undefined });
    else if (next.kind === 'bring down') {
      const room = nanoUsd(BigInt(next.amount));
      const write = writeForCell(seen.root, seen.cell, ID, { ...request, grant: { room, until: UNTIL } });
      this.#sent.push({ kind: 'root', write, slice: room });
    } else if (next.kind === 'catch up' && entry !== undefined)
      this.#sent.push({ kind: 'fund', funding: followed(entry, NOW, ZERO) });
    else if (next.kind === 'give back' && seen.cell.funding.room > 0n) {
      const { sequence, room } = seen.cell.funding;
      this.#sent.push({ kind: 'withdraw', withdrawal: { sequence, amount: room }, seen: seen.root });
    }
  }

  #deliver(index: number): void {
    const message = this.#sent[this.#sent.length - 1 - (index % Math.max(1, this.#sent.length))];
    if (message?.kind === 'root') {
      const landed = ledger.apply(message.write).kind === 'landed';
      if (landed && message.slice !== undefined)
        this.#sent.push({ kind: 'fund', funding: followed(message.write.entry, NOW, message.slice) });
    } else if (message?.kind === 'fund') ledger.applyFunding(CELL, message.funding);
    else if (message?.kind === 'withdraw') {
      const left = ledger.applyWithdrawal(CELL, message.withdrawal);
      if (left === undefined || !isCell(left)) return;
      const request = { writeId: newWriteId(), at: NOW };
      for (const known of [message.seen, root()])
        this.#sent.push({ kind: 'root', write: writeForCell(known, left, ID, request), slice: undefined });
    }
  }
}

describe('a root and a cell, written by several agents at once', () => {
  it('agree on every nano-dollar, whatever arrives in whatever order, how often or never', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 5, maxLength: 100, size: 'max' }), (steps) => {
        ledger = new MemoryLedger();
        const item = { startsAt: epochMs(NOW - 1), endsAt: epochMs(NOW + 1e9), terms: TERMS };
        for (const key of [ROOT, CELL]) void ledger.provide({ key, ...item });
        const agents = new Agents();
        let told: Reported = { settled: ZERO, unconfirmed: ZERO };
        for (const next of steps) {
          agents.take(next);
          const [above, below] = [root(), cell()];
          const entry = above.holders.get(ID);
          const reported = entry?.reported ?? { settled: ZERO, unconfirmed: ZERO };
          expect(isConserved(above) && isConserved(below)).toBe(true);
          expect(above.committed).toBe(granted(entry));
          expect(above.committed).toBeLessThanOrEqual(TERMS.stopAt);
          expect(funded(below)).toBeLessThanOrEqual(granted(entry));
          expect(below.funding.room).toBeGreaterThanOrEqual(0n);
          expect([above.settled, above.unconfirmed]).toEqual([reported.settled, reported.unconfirmed]);
          expect(below.unconfirmed).toBeGreaterThanOrEqual(reported.unconfirmed);
          expect(reported.settled).toBeLessThanOrEqual(below.settled);
          expect(reported.settled).toBeGreaterThanOrEqual(told.settled);
          expect(reported.unconfirmed).toBeGreaterThanOrEqual(told.unconfirmed);
          told = reported;
        }
        // The governor, later, finds both as they are and brings them together: whatever was under way.
        const entry = root().holders.get(ID);
        if (entry !== undefined) ledger.applyFunding(CELL, followed(entry, NOW, ZERO));
        const { sequence, room } = cell().funding;
        ledger.applyWithdrawal(CELL, { sequence, amount: room });
        ledger.apply(report());
        expect(root().settled).toBe(cell().settled);
        expect(root().leased).toBe(cell().leased);
        expect(root().unconfirmed).toBe(cell().unconfirmed);
        expect(root().committed).toBe(cell().committed);
      }),
      { numRuns: 600 },
    );
  });
});
