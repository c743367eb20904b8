import { epochMs } from '../../domain/clock.ts';
import { Fault } from '../../domain/fault.ts';
import { nanoUsd, ZERO } from '../../domain/money.ts';
import {
  type CellStore,
  type FundingWrite,
  fundedBy,
  isCell,
  NO_FUNDING,
  type Withdrawal,
  withdrawn,
} from '../../domain/spending/cell.ts';
import {
  afterWrite,
  isConserved,
  judge,
  type LeaseWrite,
  type LedgerItem,
  type LedgerKey,
  type LedgerStore,
  type TermsReader,
  type WriteOutcome,
} from '../../domain/spending/ledger.ts';
import type { Terms } from '../../domain/spending/terms.ts';
import type { Simulation } from './simulation.ts';

/** Write units that one DynamoDB partition, and so one item, takes in a second (Developer Guide, partition limits). */
const UNITS_PER_SECOND = 1_000;
/** A write is charged for each begun kilobyte of the item. */
const UNIT_BYTES = 1_024;
/** Attribute names and numbers of an item without holders, and of one holder's entry, as aws/dynamodb/ledger-table.ts writes them. */
const ITEM_BYTES = 320;
const ENTRY_BYTES = 62;
/** What the entry of a cell has beyond that. */
const REPORTED_BYTES = 40;
/** What the item of a cell has beyond that of a budget. */
const FUNDING_BYTES = 100;
/** How long a client waits for an answer that does not come. */
const TIMEOUT_MS = 1_000;

/**
 * The ledger's table as DynamoDB would keep it, on virtual time: latency, write units by item size, failed conditions
 * charged like others, throttling of a hot item, outages. The rule of each write is the domain's own {@link judge}.
 */
export class SimulatedTable implements Pick<LedgerStore, 'read' | 'write'>, CellStore, TermsReader {
  readonly #simulation: Simulation;
  readonly #random: () => number;
  readonly #items = new Map<string, LedgerItem>();
  readonly #units = new Map<string, { second: number; units: number }>();
  #outage = { from: Number.POSITIVE_INFINITY, until: Number.POSITIVE_INFINITY };
  writes = 0;
  refusedWrites = 0;
  reads = 0;
  throttled = 0;
  peakUnitsPerSecond = 0;

  constructor(simulation: Simulation, random: () => number) {
    this.#simulation = simulation;
    this.#random = random;
  }

  provide(key: LedgerKey, startsAt: number, endsAt: number, terms: Terms): void {
    this.#items.set(name(key), {
      key,
      startsAt: epochMs(startsAt),
      endsAt: epochMs(endsAt),
      terms,
      committed: ZERO,
      settled: ZERO,
      leased: ZERO,
      unconfirmed: ZERO,
      unattributed: ZERO,
      holders: new Map(),
      crossed: [],
      ...(key.cell === undefined ? {} : { funding: NO_FUNDING }),
    });
  }

  item(key: LedgerKey): LedgerItem {
    const item = this.#items.get(name(key));
    if (item === undefined) throw new Error(`no item ${name(key)}`);
    return item;
  }

  failFrom(from: number, until: number): void {
    this.#outage = { from, until };
  }

  async read(key: LedgerKey): Promise<LedgerItem | undefined> {
    this.reads++;
    return await this.#answer(() => this.#items.get(name(key)));
  }

  async readTerms(keys: readonly LedgerKey[]): Promise<readonly (Terms | undefined)[]> {
    this.reads++;
    return await this.#answer(() => keys.map((key) => this.#items.get(name(key))?.terms));
  }

  async write(write: LeaseWrite): Promise<WriteOutcome> {
    return await this.#answer(() => {
      const item = this.#items.get(name(write.key));
      this.writes++;
      if (item !== undefined) this.#charge(item);
      const outcome = judge(item, write);
      if (outcome.kind === 'refused') this.refusedWrites++;
      else if (item !== undefined && item.holders.get(write.holder)?.writeId !== write.entry.writeId)
        this.#apply(item, write);
      return outcome.kind === 'landed' ? { kind: 'landed', item: this.item(write.key) } : outcome;
    });
  }

  async fund(key: LedgerKey, funding: FundingWrite): Promise<LedgerItem | undefined> {
    return await this.#change(key, (item) => (isCell(item) ? fundedBy(item, funding) : undefined));
  }

  async withdraw(key: LedgerKey, withdrawal: Withdrawal): Promise<LedgerItem | undefined> {
    return await this.#change(key, (item) => (isCell(item) ? withdrawn(item, withdrawal) : undefined));
  }

  async followTerms(key: LedgerKey, terms: Terms): Promise<LedgerItem | undefined> {
    return await this.#change(key, (item) => (item.terms.version < terms.version ? { ...item, terms } : undefined));
  }

  async #change(key: LedgerKey, rule: (item: LedgerItem) => LedgerItem | undefined): Promise<LedgerItem | undefined> {
    return await this.#answer(() => {
      const item = this.item(key);
      this.writes++;
      this.#charge(item);
      const changed = rule(item);
      if (changed === undefined) this.refusedWrites++;
      else this.#items.set(name(key), changed);
      return changed;
    });
  }

  #apply(item: LedgerItem, write: LeaseWrite): void {
    const changed = afterWrite(item, write);
    if (!isConserved(changed)) throw new Error(`not conserved: ${name(item.key)}`);
    this.#items.set(name(item.key), changed);
  }

  #charge(item: LedgerItem): void {
    const second = Math.floor(this.#simulation.now() / 1_000);
    const window = this.#units.get(name(item.key));
    let bytes = ITEM_BYTES + (item.funding === undefined ? 0 : FUNDING_BYTES);
    for (const entry of item.holders.values())
      bytes += ENTRY_BYTES + (entry.reported === undefined ? 0 : REPORTED_BYTES);
    const units = Math.ceil(bytes / UNIT_BYTES);
    const used = window?.second === second ? window.units : 0;
    if (used + units > UNITS_PER_SECOND) {
      this.throttled++;
      throw unavailable('throttled');
    }
    this.#units.set(name(item.key), { second, units: used + units });
    this.peakUnitsPerSecond = Math.max(this.peakUnitsPerSecond, used + units);
  }

  /** Half of the latency before the table acts, half before the answer is there. */
  async #answer<T>(act: () => T): Promise<T> {
    const half = 2 + this.#random() * 8;
    return await new Promise<T>((resolve, reject) => {
      this.#simulation.after(half, () => {
        const now = this.#simulation.now();
        if (now >= this.#outage.from && now < this.#outage.until) {
          this.#simulation.after(TIMEOUT_MS, () => reject(unavailable('timed out')));
          return;
        }
        try {
          const answer = act();
          this.#simulation.after(half, () => resolve(answer));
        } catch (error) {
          this.#simulation.after(half, () => reject(error));
        }
      });
    });
  }
}

const name = (key: LedgerKey): string => `${key.budget} ${key.period} ${key.cell ?? ''}`;

const unavailable = (problem: string): Fault =>
  new Fault('LedgerUnavailable', { doing: 'writing', problem, next: 'Try again.' });

export const usd = (dollars: number): bigint => nanoUsd(BigInt(Math.round(dollars * 1e9)));
