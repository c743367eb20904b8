import { Fault } from '../../domain/fault.ts';
import { add, type NanoUsd, subtract, ZERO } from '../../domain/money.ts';
import {
  type CellStore,
  cellKey,
  cellsOf,
  type FundingWrite,
  funded,
  granted,
  isCell,
  type Withdrawal,
} from '../../domain/spending/cell.ts';
import {
  isConserved,
  type LeaseLedger,
  type LeaseWrite,
  type LedgerItem,
  type LedgerKey,
  type WriteOutcome,
} from '../../domain/spending/ledger.ts';
import type { Terms } from '../../domain/spending/terms.ts';
import type { Timer } from '../../invoke/waiting-line.ts';
import type { MemoryLedger } from '../domain/spending/memory-ledger.ts';

export interface Faults {
  /** Share of requests that never arrive. */
  readonly lost: number;
  /** Share of requests whose answer is lost. */
  readonly unanswered: number;
  /** Share of requests of which a copy arrives much later. */
  readonly repeated: number;
}

/**
 * The ledger as one process reaches it: every request takes its time, some are lost, some take effect without an answer,
 * and of some a copy arrives minutes later. Once the process has crashed, what it has sent still arrives, and nothing
 * else.
 */
export class FaultyLedger implements LeaseLedger, CellStore {
  readonly #ledger: MemoryLedger;
  readonly #timer: Timer;
  readonly #random: () => number;
  readonly #faults: Faults;
  #requestsLeft = Number.POSITIVE_INFINITY;

  constructor(ledger: MemoryLedger, timer: Timer, random: () => number, faults: Faults) {
    this.#ledger = ledger;
    this.#timer = timer;
    this.#random = random;
    this.#faults = faults;
  }

  /** Sends so many requests more, and then never anything again. */
  crashAfter(requests: number): void {
    this.#requestsLeft = requests;
  }

  async read(key: LedgerKey): Promise<LedgerItem | undefined> {
    return await this.#send(() => this.#ledger.item(key), false);
  }

  async write(write: LeaseWrite) {
    return await this.#send((): WriteOutcome => {
      const outcome = this.#ledger.apply(write);
      const left = this.#ledger.item(write.key);
      // A store need not say what it has left behind.
      return outcome.kind === 'landed' && left !== undefined && this.#random() < 0.8
        ? { ...outcome, item: left }
        : outcome;
    });
  }

  async fund(key: LedgerKey, funding: FundingWrite) {
    return await this.#send(() => this.#ledger.applyFunding(key, funding));
  }

  async withdraw(key: LedgerKey, withdrawal: Withdrawal) {
    return await this.#send(() => this.#ledger.applyWithdrawal(key, withdrawal));
  }

  async followTerms(key: LedgerKey, terms: Terms) {
    return await this.#send(() => this.#ledger.applyTerms(key, terms));
  }

  async #send<T>(act: () => T, mayRepeat = true): Promise<T> {
    const wait = (ms: number) => new Promise<void>((resolve) => void this.#timer.after(ms, resolve));
    if (this.#requestsLeft-- <= 0) return await new Promise<T>(() => {});
    const { lost, unanswered, repeated } = this.#faults;
    const fate = this.#random();
    if (mayRepeat && this.#random() < repeated)
      void this.#timer.after(1_000 + this.#random() * 300_000, () => void act());
    await wait(1 + this.#random() * 20);
    if (fate < lost) throw unavailable();
    const answer = act();
    await wait(1 + this.#random() * 20);
    if (fate < lost + unanswered) throw unavailable();
    return answer;
  }
}

const unavailable = (): Fault =>
  new Fault('LedgerUnavailable', { doing: 'asking', problem: 'no answer', next: 'Try again.' });

/** What must be true of a budget's items at every moment, whoever crashed where; says what is not. */
export function brokenRules(ledger: MemoryLedger, key: LedgerKey): string[] {
  const root = ledger.item(key);
  if (root === undefined) return ['the root is gone'];
  const broken: string[] = [];
  const expect = (rule: string, holds: boolean) => {
    if (!holds) broken.push(rule);
  };
  expect('the root is conserved', isConserved(root));
  expect('the root keeps to its limit', root.committed <= root.terms.stopAt);
  let settled: NanoUsd = ZERO;
  for (const id of cellsOf(root)) {
    const cell = ledger.item(cellKey(key, id));
    const entry = root.holders.get(id);
    if (cell === undefined || !isCell(cell) || entry?.reported === undefined) return [`${id} is gone`];
    expect(`${id} is conserved`, isConserved(cell));
    expect(`${id} has been granted what it is funded with`, granted(entry) >= funded(cell));
    expect(`${id} lends no more than it is funded with`, cell.funding.room >= 0n);
    expect(`${id} has settled what it reported`, cell.settled >= entry.reported.settled);
    expect(`${id} has unconfirmed what it reported`, cell.unconfirmed >= entry.reported.unconfirmed);
    expect(
      `${id} is owed what its processes hold`,
      entry.leased >= subtract(cell.committed, add(entry.reported.settled, entry.reported.unconfirmed)),
    );
    settled = add(settled, entry.reported.settled);
  }
  expect('what the cells reported is settled', root.settled >= settled);
  return broken;
}
