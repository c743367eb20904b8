import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { Host } from '../fleet/host.ts';
import type { Configuration } from '../run/configuration.ts';
import type { Item } from '../world/attributes.ts';
import type { Judge } from './judge.ts';

export interface Books {
  /** Nano-dollars, as the item has them. */
  readonly settled: bigint;
  readonly leased: bigint;
  readonly unconfirmed: bigint;
  readonly unattributed: bigint;
  readonly opening: bigint;
  readonly standing: string;
  readonly heldBy: string | undefined;
  readonly stopAt: bigint;
}

const amount = (item: Item | undefined, name: string): bigint => BigInt(item?.[name]?.N ?? 0);

export const booksOf = (item: Item): Books => ({
  settled: amount(item, 'settled'),
  leased: amount(item, 'leased'),
  unconfirmed: amount(item, 'unconfirmed'),
  unattributed: amount(item, 'unattributed'),
  opening: amount(item, 'openingSettled') + amount(item, 'openingUnconfirmed'),
  standing: item['standing']?.S ?? '',
  heldBy: item['heldBy']?.S,
  stopAt: amount(item, 'stopAt'),
});

/** What is remembered of one item. */
export interface ItemMemory {
  /** Since when it is closed; undefined while it is not. */
  closedAt: number | undefined;
  /** The most to which commitments were ever allowed to go. */
  mostAllowed: bigint;
  /** What leases of processes that are gone have left. */
  reclaimed: bigint;
  /** Whether money has closed it. */
  wasClosedByMoney: boolean;
  /** Writes that have landed, by holder. */
  readonly landed: Map<string, Set<string>>;
}

export interface SeenWrite {
  readonly pk: string;
  readonly sk: string;
  readonly before: Item | undefined;
  readonly after: Item | undefined;
  /** Whose request it was. */
  readonly actor: Host | undefined;
}

type Entry = Readonly<Record<string, AttributeValue>>;

/** Of a cell's lease on the budget, at most. */
const CELL_TERM_SECONDS = 120;
/** What a call of the dearer model needs at least, in nano-dollars: its shortest answer alone, see fleet/calls.ts. */
const LEAST_HOLD = 640_000n;

/** An outage and a restart may keep a process that lives from its lease for so long. */
const LONG_GRACE_SECONDS = 300;

/**
 * Looks at every write of a ledger item as it lands. Reads the item's attributes by itself: it shares nothing with the
 * product's own way of reading them.
 */
export class LedgerBooks {
  readonly #judge: Judge;
  readonly #now: () => number;
  readonly #configuration: Configuration;
  readonly #hostOf: (process: string) => Host | undefined;
  readonly #billedAfterTurn: (tenant: string) => bigint;
  readonly #memory = new Map<string, ItemMemory>();

  constructor(
    judge: Judge,
    now: () => number,
    configuration: Configuration,
    hostOf: (process: string) => Host | undefined,
    billedAfterTurn: (tenant: string) => bigint,
  ) {
    this.#billedAfterTurn = billedAfterTurn;
    this.#judge = judge;
    this.#now = now;
    this.#configuration = configuration;
    this.#hostOf = hostOf;
  }

  memoryOf(pk: string, sk: string): ItemMemory {
    const name = `${pk} ${sk}`;
    const known = this.#memory.get(name);
    if (known !== undefined) return known;
    const memory: ItemMemory = {
      closedAt: undefined,
      mostAllowed: 0n,
      reclaimed: 0n,
      wasClosedByMoney: false,
      landed: new Map(),
    };
    this.#memory.set(name, memory);
    return memory;
  }

  /** What leases of processes that are gone have left, in the budget's own item and in those of its cells. */
  reclaimedOf(pk: string, sk: string): bigint {
    let sum = 0n;
    for (const [name, { reclaimed }] of this.#memory)
      if (name === `${pk} ${sk}` || (name.startsWith(`${pk}#cell-`) && name.endsWith(` ${sk}`))) sum += reclaimed;
    return sum;
  }

  saw(write: SeenWrite): void {
    const { pk, sk, before, after, actor } = write;
    if (after === undefined) return;
    if (before === undefined)
      this.#judge.check(
        'provided',
        actor === undefined || !/^p\d/.test(actor.name),
        () => `${actor?.name} made the item ${pk} ${sk}`,
      );
    const books = booksOf(after);
    const memory = this.memoryOf(pk, sk);
    this.#checkSums(write, books);
    if (actor?.name.startsWith('budget-alert-') === true) this.#alerted(write, books);
    const holders = after['holders']?.M ?? {};
    const known = before?.['holders']?.M ?? {};
    if (holders !== known)
      for (const holder of Object.keys(holders)) {
        // What a write leaves alone stays the very same.
        if (holders[holder] === known[holder]) continue;
        const entry = holders[holder]?.M ?? {};
        if (entry['writeId']?.S !== known[holder]?.M?.['writeId']?.S)
          this.#landed(write, memory, { holder, entry, earlier: known[holder]?.M });
      }
    let raises = 0n;
    for (const raise of after['raises']?.L ?? []) raises += BigInt(raise.M?.['amount']?.N ?? 0);
    if (books.stopAt + raises > memory.mostAllowed) memory.mostAllowed = books.stopAt + raises;
    if (books.standing !== 'closed') memory.closedAt = undefined;
    else memory.closedAt ??= this.#now();
    if (books.standing === 'closed' && books.heldBy === undefined) memory.wasClosedByMoney = true;
  }

  #checkSums({ pk, sk, after }: SeenWrite, { settled, leased, unconfirmed, unattributed }: Books): void {
    const committed = amount(after, 'committed');
    let held = 0n;
    for (const entry of Object.values(after?.['holders']?.M ?? {})) {
      const digits = entry.M?.['leased']?.N ?? '0';
      // Most leases have ended.
      if (digits !== '0') held += BigInt(digits);
    }
    this.#judge.check(
      'conservation',
      committed === settled + leased + unconfirmed + unattributed && held === leased,
      () =>
        `${pk} ${sk}: committed ${committed}, settled ${settled}, leased ${leased} (holders ${held}), unconfirmed ${unconfirmed}, unattributed ${unattributed}`,
    );
  }

  /** An alert counts no more in a period than was spent in it, however late it comes. */
  #alerted({ pk, sk, before }: SeenWrite, { unattributed }: Books): void {
    const tenant = /^LEDGER#tenant-daily\/([a-z]+)$/.exec(pk)?.[1];
    if (tenant === undefined || before === undefined || Number(before['startsAt']?.N ?? 0) < this.#configuration.turnAt)
      return;
    if (unattributed <= amount(before, 'unattributed')) return;
    const billed = this.#billedAfterTurn(tenant);
    this.#judge.check(
      'bill',
      unattributed <= billed,
      () => `an alert counts ${unattributed} in ${pk} ${sk}, in which ${billed} was spent`,
    );
  }

  #landed(
    { pk, sk, before, after }: SeenWrite,
    memory: ItemMemory,
    { holder, entry, earlier }: { holder: string; entry: Entry; earlier: Entry | undefined },
  ): void {
    const writeId = entry['writeId']?.S ?? '';
    const landed = memory.landed.get(holder) ?? new Set();
    memory.landed.set(holder, landed);
    this.#judge.check(
      'once',
      !landed.has(writeId),
      () => `the write ${writeId} of ${holder} landed twice on ${pk} ${sk}`,
    );
    landed.add(writeId);
    const [had, has] = [amount(earlier, 'leased'), amount(entry, 'leased')];
    if (has > had) this.#granted({ pk, sk, before, after, actor: undefined }, holder, entry, has);
    if (holder.startsWith('cell-')) return;
    // The function `lease` puts a mark of the tenant before the name of the process.
    const name = holder.slice(holder.indexOf('~') + 1, holder.lastIndexOf('t'));
    if (!writeId.startsWith(`${name}-`))
      this.#reclaimed({ pk, sk, before, after, actor: undefined }, memory, {
        holder,
        had,
        expiresAt: Number(earlier?.['expiresAt']?.N ?? 0),
        process: this.#hostOf(name),
      });
    else if (this.#configuration.reservation === 'strict' && this.#configuration.outageExtra === undefined)
      this.#judge.check(
        'closed',
        has <= had || before?.['standing']?.S !== 'closed',
        () => `${holder} was granted ${has - had} more of ${pk} ${sk}, which is closed`,
      );
  }

  /**
   * Money is granted up to the limit and the raises in force, by whoever asks, and never less of it than some call needs. Whose
   * write comes late is judged by when it was made: its lease ends a term later, or sooner where the period does.
   */
  #granted({ pk, sk, before, after }: SeenWrite, holder: string, entry: Entry, has: bigint): void {
    const { leaseSeconds, reservation, outageExtra, profilesPerTenant, hasFallback } = this.#configuration;
    // A cell lends what it was granted; and what calls hold of the policy's extra for an outage is told without being granted.
    // One that only watches leases whatever is asked for.
    if (pk.includes('#cell-') || outageExtra !== undefined || pk.startsWith('LEDGER#watch-')) return;
    const isCell = holder.startsWith('cell-');
    const madeAt = Number(entry['expiresAt']?.N ?? 0) - (isCell ? CELL_TERM_SECONDS : leaseSeconds) * 1_000;
    let allowed = amount(before, 'stopAt');
    for (const { M: raise } of before?.['raises']?.L ?? [])
      if (Number(raise?.['until']?.N ?? 0) > madeAt) allowed += amount(raise, 'amount');
    const committed = amount(after, 'committed');
    this.#judge.check(
      'bound',
      committed <= allowed,
      () => `${holder} was granted money of ${pk} ${sk} up to ${committed}, and ${allowed} was allowed`,
    );
    // Where all calls are of the dear model.
    if (isCell || reservation !== 'strict' || profilesPerTenant > 1 || hasFallback) return;
    this.#judge.check(
      'whole',
      has >= LEAST_HOLD,
      () => `${holder} was granted a fragment: ${has} of ${pk} ${sk}, which pays for no call`,
    );
  }

  #reclaimed(
    { pk, sk, before, after }: SeenWrite,
    memory: ItemMemory,
    { holder, had, expiresAt, process }: { holder: string; had: bigint; expiresAt: number; process: Host | undefined },
  ): void {
    memory.reclaimed += had;
    const { graceSeconds } = this.#configuration;
    // By the clock of a function that goes by AWS's answers.
    const isOver = this.#now() + 3_000 >= expiresAt + graceSeconds * 1_000;
    const lives = process !== undefined && !process.isGone && !process.wasFrozen && graceSeconds >= LONG_GRACE_SECONDS;
    const stays = amount(before, 'committed') === amount(after, 'committed');
    this.#judge.check(
      'reclaim',
      isOver && !lives && stays,
      () =>
        `the lease of ${holder} on ${pk} ${sk} was taken back ${Math.round((this.#now() - expiresAt) / 1_000)} s after its end${lives ? ', though its process lives' : ''}${stays ? '' : ', and not all of it is counted'}`,
    );
  }
}
