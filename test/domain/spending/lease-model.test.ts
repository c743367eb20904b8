import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BudgetId } from '../../../domain/budgets/budget-id.ts';
import { type EpochMs, epochMs } from '../../../domain/clock.ts';
import { add, type NanoUsd, nanoUsd, ZERO } from '../../../domain/money.ts';
import { Lease } from '../../../domain/spending/lease.ts';
import {
  forgettable,
  type HolderId,
  isConserved,
  type LeaseWrite,
  type LedgerItem,
  type LedgerKey,
  reclaimable,
  type WriteId,
  type WriteOutcome,
} from '../../../domain/spending/ledger.ts';
import { callCost } from '../../../domain/spending/pricing.ts';
import { ceiling, type LedgerStanding } from '../../../domain/spending/terms.ts';
import { MemoryLedger } from './memory-ledger.ts';

const LEASE_MS = 120_000;
const GRACE_MS = 900_000;
/** How long a signed request can live (AWS Signature Version 4). */
const SIGNED_MS = 15 * 60_000;
const START = Date.UTC(2026, 10, 23);
const LIMIT = 1000;
const KEY: LedgerKey = { budget: 'tenant-monthly/acme' as BudgetId, period: '2026-11' };

type Fate = 'answered' | 'answer lost' | 'never arrived';

type Step =
  | { readonly do: 'reserve'; readonly process: number; readonly amount: number }
  | { readonly do: 'settle'; readonly process: number; readonly hold: number; readonly percent: number }
  | { readonly do: 'release' | 'abandon'; readonly process: number; readonly hold: number }
  | { readonly do: 'write'; readonly process: number; readonly target: number; readonly fate: Fate }
  | { readonly do: 'deliver late'; readonly write: number }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'reclaim' | 'forget' }
  | { readonly do: 'change terms'; readonly stopAt: number; readonly standing: LedgerStanding }
  | { readonly do: 'see outside spend'; readonly amount: number };

const process = fc.nat({ max: 3 });
const hold = fc.nat({ max: 5 });
const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('reserve' as const), process, amount: fc.nat({ max: 150 }) }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('settle' as const), process, hold, percent: fc.nat({ max: 130 }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('release' as const, 'abandon' as const), process, hold }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('write' as const),
      process,
      target: fc.oneof(fc.constant(0), fc.nat({ max: 400 })),
      fate: fc.constantFrom<Fate>('answered', 'answered', 'answered', 'answer lost', 'never arrived'),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('deliver late' as const), write: fc.nat({ max: 40 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      ms: fc.constantFrom(1, 60_000, LEASE_MS, GRACE_MS, 1_500_000),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('reclaim' as const, 'forget' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('change terms' as const),
      stopAt: fc.nat({ max: 2 * LIMIT }),
      standing: fc.constantFrom<LedgerStanding>('open', 'open', 'closed'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('see outside spend' as const), amount: fc.nat({ max: 200 }) }) },
);

/** What one lease's calls truly did, counted apart from the lease. */
interface Truth {
  readonly lease: Lease;
  readonly holds: number[];
  settled: number;
  abandoned: number;
  /** What its calls cost beyond their holds: no hold covers it until it is reported. */
  excess: number;
  /** The last write that its process knows to be in the ledger. */
  landed: WriteId | undefined;
}

/** Processes, a network that loses and repeats, a governor, and a ledger that only `judge` guards. */
class World {
  readonly ledger = new MemoryLedger();
  readonly leases: Truth[] = [];
  #current: Truth[] = [];
  #sent: { readonly write: LeaseWrite; readonly at: EpochMs }[] = [];
  #now = START;
  #ids = 0;
  reclaimed = ZERO;
  #unattributed = 0;

  constructor() {
    for (let number = 0; number < 4; number++) this.#current.push(this.#start());
    void this.ledger.provide({
      key: KEY,
      startsAt: epochMs(START),
      endsAt: epochMs(START + 30 * 86_400_000),
      terms: { limit: nanoUsd(BigInt(LIMIT)), stopAt: nanoUsd(BigInt(LIMIT)), standing: 'open', version: 1 },
    });
  }

  get now(): EpochMs {
    return epochMs(this.#now);
  }

  get item(): LedgerItem {
    const item = this.ledger.item(KEY);
    if (item === undefined) throw new Error('the item is provided');
    return item;
  }

  #start(): Truth {
    const truth = {
      lease: new Lease(KEY, `h${++this.#ids}` as HolderId),
      holds: [],
      settled: 0,
      abandoned: 0,
      excess: 0,
      landed: undefined,
    };
    this.leases.push(truth);
    return truth;
  }

  /** Sends a write, or sends the one in flight again, as a process must. Returns what the process learned. */
  send(number: number, target: number, fate: Fate): void {
    const truth = this.#current[number];
    if (truth === undefined) throw new Error(`no process ${number}`);
    const { lease } = truth;
    // A process that has slept past its tombstone must not repeat a write: nothing may be left that tells a copy from a first write.
    if (lease.pending !== undefined && !lease.mayRepeat(this.now)) {
      lease.lose();
      this.#current[number] = this.#start();
      return;
    }
    const { terms } = this.item;
    const write =
      lease.pending ??
      lease.plan({
        writeId: `w${++this.#ids}` as WriteId,
        target,
        expiresAt: epochMs(this.#now + LEASE_MS),
        grant: { termsVersion: terms.version, ceiling: ceiling(terms, this.now), at: this.now },
      });
    this.#sent.push({ write, at: this.now });
    if (fate === 'never arrived') return;
    const outcome = this.#arrive(write);
    if (fate === 'answer lost') return;
    if (outcome.kind === 'landed') {
      lease.landed();
      truth.landed = write.entry.writeId;
    } else if (outcome.why === 'lease-lost') {
      lease.lose();
      this.#current[number] = this.#start();
    } else lease.refused();
  }

  #arrive(write: LeaseWrite): WriteOutcome {
    const effects = this.ledger.effects.length;
    const outcome = this.ledger.apply(write);
    const tookEffect = this.ledger.effects.length > effects;
    if (tookEffect && write.grant !== undefined)
      expect(this.item.committed).toBeLessThanOrEqual(ceiling(this.item.terms, this.now));
    return outcome;
  }

  async take(step: Step): Promise<void> {
    switch (step.do) {
      case 'reserve': {
        const truth = this.#current[step.process];
        if (truth?.lease.reserve(callCost(step.amount), this.now)) truth.holds.push(step.amount);
        return;
      }
      case 'settle':
        return this.#end(step.process, step.hold, (truth, amount) => {
          const cost = Math.floor((amount * step.percent) / 100);
          truth.lease.settle(callCost(amount), callCost(cost));
          truth.settled += cost;
          truth.excess += Math.max(0, cost - amount);
        });
      case 'release':
        return this.#end(step.process, step.hold, (truth, amount) => truth.lease.release(callCost(amount)));
      case 'abandon':
        return this.#end(step.process, step.hold, (truth, amount) => {
          truth.lease.abandon(callCost(amount));
          truth.abandoned += amount;
        });
      case 'write':
        return this.send(step.process, step.target, step.fate);
      case 'deliver late': {
        const copy = this.#sent[step.write % Math.max(1, this.#sent.length)];
        if (copy !== undefined && this.#now <= copy.at + SIGNED_MS) this.#arrive(copy.write);
        return;
      }
      case 'wait':
        this.#now += step.ms;
        return;
      case 'reclaim':
        for (const [holder, entry] of reclaimable(this.item, this.now, GRACE_MS))
          if ((await this.ledger.reclaim(KEY, holder, entry, `r${++this.#ids}` as WriteId)) === 'reclaimed')
            this.reclaimed = add(this.reclaimed, entry.leased);
        return;
      case 'forget':
        await this.ledger.forget(KEY, new Map(forgettable(this.item, this.now)));
        return;
      case 'change terms': {
        const { limit, version } = this.item.terms;
        const stopAt = nanoUsd(BigInt(step.stopAt));
        await this.ledger.changeTerms(KEY, { limit, stopAt, standing: step.standing, version: version + 1 });
        return;
      }
      case 'see outside spend': {
        const from = this.item.unattributed;
        this.#unattributed += step.amount;
        await this.ledger.raiseUnattributed(KEY, { from, to: nanoUsd(BigInt(this.#unattributed)) });
      }
    }
  }

  #end(number: number, which: number, how: (truth: Truth, amount: number) => void): void {
    // A process may hold reservations of a lease that it has lost since.
    const holding = this.leases.filter((truth) => truth.holds.length > 0);
    const truth = holding[number % Math.max(1, holding.length)];
    const amount = truth?.holds.splice(which % Math.max(1, truth.holds.length), 1)[0];
    if (truth !== undefined && amount !== undefined) how(truth, amount);
  }

  /** Everything ends: calls settle, processes report. */
  flush(): void {
    for (const truth of this.leases)
      for (const amount of truth.holds.splice(0)) {
        truth.lease.settle(callCost(amount), callCost(amount));
        truth.settled += amount;
      }
    for (let number = 0; number < this.#current.length; number++)
      for (let round = 0; round < 3; round++) this.send(number, 0, 'answered');
  }

  checkInvariants(): void {
    const { item } = this;
    expect(isConserved(item)).toBe(true);
    for (const part of [item.settled, item.leased, item.unconfirmed, item.unattributed])
      expect(part).toBeGreaterThanOrEqual(0n);
    expect(add(...[...item.holders.values()].map((entry) => entry.leased))).toBe(item.leased);
    expect(new Set(this.ledger.effects).size).toBe(this.ledger.effects.length);

    for (const { lease, landed } of this.leases) {
      if (lease.isLost || lease.pending !== undefined) continue;
      expect(lease.isConserved).toBe(true);
      // The ledger and the holder agree, unless the lease was taken back, or a write that was refused once landed late.
      const entry = item.holders.get(lease.holder);
      if (entry !== undefined && entry.writeId === landed) expect(entry.leased).toBe(lease.leased);
    }
    // Nothing that calls spent or may spend is missing from the ledger, but for what cost more than was held.
    const promised = this.sum(
      (truth) => truth.settled + truth.abandoned + truth.holds.reduce((sum, one) => sum + one, 0),
    );
    expect(
      add(
        item.committed,
        this.sum((truth) => truth.excess),
      ),
    ).toBeGreaterThanOrEqual(add(promised, item.unattributed));
  }

  sum(of: (truth: Truth) => number, which: (truth: Truth) => boolean = () => true): NanoUsd {
    return nanoUsd(BigInt(this.leases.filter(which).reduce((sum, truth) => sum + of(truth), 0)));
  }
}

describe('leases of many processes on one ledger item', () => {
  it('lose nothing and count nothing twice, whatever is delayed, lost, repeated or reclaimed [F1, F2, F10, F11]', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { minLength: 10, maxLength: 80 }), async (story) => {
        const world = new World();
        for (const step of story) {
          await world.take(step);
          world.checkInvariants();
        }
        world.flush();
        world.checkInvariants();

        const { item, leases } = world;
        const kept = (truth: Truth) => !truth.lease.isLost;
        // A lost lease may have reported some, all or nothing before; what it had not is in what was reclaimed.
        expect(item.settled).toBeGreaterThanOrEqual(world.sum((truth) => truth.settled, kept));
        expect(item.settled).toBeLessThanOrEqual(world.sum((truth) => truth.settled));
        expect(item.unconfirmed).toBeGreaterThanOrEqual(
          add(
            world.reclaimed,
            world.sum((truth) => truth.abandoned, kept),
          ),
        );
        expect(item.unconfirmed).toBeLessThanOrEqual(
          add(
            world.reclaimed,
            world.sum((truth) => truth.abandoned),
          ),
        );
        if (leases.every(kept)) {
          expect(item.settled).toBe(world.sum((truth) => truth.settled));
          if (world.reclaimed === 0n)
            expect([item.leased, item.unconfirmed]).toEqual([0n, world.sum((truth) => truth.abandoned)]);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('never spend more than the ceiling allowed, while every call costs at most its hold [F1, F2]', async () => {
    const honest = fc.array(
      steps.filter((step) => step.do !== 'change terms' && step.do !== 'see outside spend'),
      { minLength: 20, maxLength: 100 },
    );
    await fc.assert(
      fc.asyncProperty(honest, async (story) => {
        const world = new World();
        for (const step of story)
          await world.take(step.do === 'settle' ? { ...step, percent: step.percent % 101 } : step);
        const promised = world.sum(
          (truth) => truth.settled + truth.abandoned + truth.holds.reduce((sum, one) => sum + one, 0),
        );
        expect(promised).toBeLessThanOrEqual(BigInt(LIMIT));
      }),
      { numRuns: 100 },
    );
  });

  it('take no effect twice where a process wakes after its tombstone is gone', async () => {
    const world = new World();
    world.send(0, 100, 'answer lost');
    await world.take({ do: 'wait', ms: LEASE_MS + GRACE_MS + 1 });
    await world.take({ do: 'reclaim' });
    await world.take({ do: 'wait', ms: 2 * GRACE_MS });
    await world.take({ do: 'forget' });
    expect(world.item.holders.size).toBe(0);
    world.send(0, 100, 'answered');
    world.checkInvariants();
    expect([world.item.leased, world.item.unconfirmed]).toEqual([0n, 100n]);
  });
});
