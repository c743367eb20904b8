import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seeded } from '../../bench/simulation/random.ts';
import { Simulation } from '../../bench/simulation/simulation.ts';
import { epochMs } from '../../domain/clock.ts';
import { add } from '../../domain/money.ts';
import { periodAt } from '../../domain/period.ts';
import { type CellItem, cellId, cellKey, isCell } from '../../domain/spending/cell.ts';
import { type HolderId, type LedgerKey, left, spent, type WriteId } from '../../domain/spending/ledger.ts';
import { callCost } from '../../domain/spending/pricing.ts';
import { type CellCollection, collectCells, provideCells } from '../../domain/standing/collect-cells.ts';
import { tidyLeases } from '../../domain/standing/tidy-leases.ts';
import { Admissions } from '../../invoke/admission.ts';
import { GovernorRefusal } from '../../invoke/refusals.ts';
import { budgetNamed, policyDocument, policyOf } from '../domain/example-policy.ts';
import { MemoryLedger } from '../domain/spending/memory-ledger.ts';
import { brokenRules, type Faults, FaultyLedger } from './faulty-ledger.ts';

const START = epochMs(Date.UTC(2026, 10, 10));
const MINUTE = 60_000;
const NO_FAULTS: Faults = { lost: 0, unanswered: 0, repeated: 0 };
/** Three cells of the policy's least number of processes that has any. */
const PROCESSES = 129;
const HOLD = callCost(80);
const policyFor = (processes: number) =>
  policyOf(
    policyDocument({
      timeZone: 'UTC',
      budgets: [{ name: 'hot', selector: { team: 'support' }, limit: '0.00001 USD', processes }],
    }),
  );

/** A budget of 10,000 nano-dollars with three cells at first, its processes, and books of its own of what they spent. */
class CelledBudget {
  readonly simulation = new Simulation(START);
  readonly ledger = new MemoryLedger();
  readonly period = periodAt('month', 'UTC', START);
  readonly key: LedgerKey;
  readonly broken = new Set<string>();
  readonly random: () => number;
  readonly processes: { admissions: Admissions; reach: FaultyLedger; isGone: boolean }[] = [];
  policy = policyFor(PROCESSES);
  billed = 0;
  refused = 0;
  #names = 0;

  constructor(seed: number) {
    this.random = seeded(seed);
    this.key = { budget: this.budget.id, period: this.period.id };
  }

  get budget() {
    return budgetNamed(this.policy, 'hot');
  }

  /** What the policy asks for, unless it is there already. */
  async provide(): Promise<void> {
    const { limit, stopAt } = this.budget;
    const terms = { limit, stopAt, standing: 'open', version: 1 } as const;
    const item = { key: this.key, startsAt: this.period.startsAt, endsAt: this.period.endsAt, terms };
    await provideCells({ ledger: this.ledger }, this.budget, item);
    await this.ledger.provide(item);
  }

  /** Starts a process; 0 ≤ place < 1 decides its cell. */
  start(place: number, faults = NO_FAULTS): { admissions: Admissions; reach: FaultyLedger; isGone: boolean } {
    const reach = new FaultyLedger(this.ledger, this.simulation, this.random, faults);
    let isPlaced = false;
    const admissions = new Admissions({
      ledger: reach,
      clock: this.simulation,
      timer: this.simulation,
      // The first number that an admission draws is its place.
      random: () => {
        const isFirst = !isPlaced;
        isPlaced = true;
        return isFirst ? place : this.random();
      },
      leaseMs: 2 * MINUTE,
      maxWaitMs: 2_000,
      maxWaiting: 100,
      newHolder: () => `holder-${++this.#names}` as HolderId,
      newWriteId: () => `write-${++this.#names}` as WriteId,
    });
    const process = { admissions, reach, isGone: false };
    this.processes.push(process);
    const maintain = (): void => {
      if (process.isGone) return;
      void admissions.maintain();
      this.check();
      this.simulation.after(5_000, maintain);
    };
    this.simulation.after(5_000 * this.random(), maintain);
    return process;
  }

  call(process: { admissions: Admissions; isGone: boolean }, cost: number, ms: number): void {
    const { id, cells } = this.budget;
    const covering = [{ id, period: 'month' as const, timeZone: 'UTC', ...(cells === undefined ? {} : { cells }) }];
    process.admissions.admit(covering, HOLD).then(
      (reservation) => {
        this.billed += cost;
        this.simulation.after(ms, () => {
          if (!process.isGone) reservation.settle(callCost(cost));
          this.check();
        });
      },
      (error: unknown) => {
        if (!(error instanceof GovernorRefusal)) throw error;
        this.refused++;
      },
    );
  }

  check(): void {
    for (const rule of brokenRules(this.ledger, this.key)) this.broken.add(rule);
  }

  governor(requests = Number.POSITIVE_INFINITY): CellCollection {
    return {
      ledger: slowly(this.ledger, this.simulation, this.random, requests),
      policy: this.policy,
      clock: this.simulation,
      journal: { decided: () => {}, counted: () => {} },
      newWriteId: () => `write-${++this.#names}` as WriteId,
    };
  }

  /** A review that stops after so many requests. */
  review(requests = Number.POSITIVE_INFINITY): void {
    const governor = this.governor(requests);
    const work = async (): Promise<void> => {
      await tidyLeases(governor, this.root());
      await collectCells(governor, this.budget, this.period);
    };
    work().then(
      () => this.check(),
      () => this.check(),
    );
  }

  async run(ms: number): Promise<void> {
    await this.simulation.runUntil(this.simulation.now() + ms);
    this.check();
  }

  root() {
    const item = this.ledger.item(this.key);
    if (item === undefined) throw new Error('the root is gone');
    return item;
  }

  /** All cells that were ever provided. */
  cells() {
    const cells: CellItem[] = [];
    for (;;) {
      const item = this.ledger.item(cellKey(this.key, cellId(cells.length)));
      if (item === undefined || !isCell(item)) return cells;
      cells.push(item);
    }
  }
}

/** The ledger, whose every request takes a moment; after so many requests it fails. */
function slowly(ledger: MemoryLedger, timer: Simulation, random: () => number, requests: number): MemoryLedger {
  let requestsLeft = requests;
  return new Proxy(ledger, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name, target);
      if (typeof method !== 'function') return method;
      return async (...args: unknown[]) => {
        if (requestsLeft-- <= 0) throw new Error('the governor has crashed');
        await new Promise<void>((resolve) => void timer.after(1 + random() * 20, resolve));
        return await Reflect.apply(method, target, args);
      };
    },
  });
}

/** Two minutes of many calls against too little money, with whatever can go wrong; then everything that mends it. */
async function troubledFleet(seed: number, faults: Faults): Promise<CelledBudget> {
  const fleet = new CelledBudget(seed);
  const { random, simulation } = fleet;
  await fleet.provide();
  for (let process = 0; process < 8; process++) fleet.start(random(), faults);
  for (let call = 0; call < 400; call++)
    simulation.after(random() * 2 * MINUTE, () => {
      const process = fleet.processes[Math.floor(random() * fleet.processes.length)];
      if (process !== undefined && !process.isGone)
        fleet.call(process, 1 + Math.floor(random() * HOLD), random() * 5_000);
    });
  // Crashes happen between any two requests: most of them in the middle of some exchange.
  for (let crash = 0; crash < 3; crash++)
    simulation.after(random() * 3 * MINUTE, () => {
      const process = fleet.processes[Math.floor(random() * fleet.processes.length)];
      process?.reach.crashAfter(Math.floor(random() * 6));
      simulation.after(3_000, () => {
        if (process !== undefined) process.isGone = true;
      });
      fleet.start(random(), faults);
    });
  for (let review = 0; review < 6; review++)
    simulation.after(random() * 4 * MINUTE, () => fleet.review(random() < 0.5 ? Math.floor(random() * 30) : undefined));
  await fleet.run(5 * MINUTE);
  for (const process of fleet.processes) if (!process.isGone) void process.admissions.flush().catch(() => {});
  await fleet.run(MINUTE);
  for (const process of fleet.processes) process.isGone = true;
  // Leases and graces end, late copies have arrived, and tombstones are forgotten.
  for (let review = 0; review < 6; review++) {
    await fleet.run(10 * MINUTE);
    fleet.review();
    await fleet.run(MINUTE);
  }
  return fleet;
}

async function reviewed(fleet: CelledBudget): Promise<void> {
  for (let review = 0; review < 2; review++) {
    fleet.review();
    await fleet.run(MINUTE);
  }
}

describe('cells of one budget', () => {
  it('neither mint nor lose a nano-dollar, whoever crashes between which two writes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1 }), async (seed) => {
        const fleet = await troubledFleet(seed, { lost: 0.03, unanswered: 0.03, repeated: 0.1 });
        expect([...fleet.broken]).toEqual([]);
        const root = fleet.root();
        const cells = fleet.cells();
        expect(cells.map(({ leased, funding }) => [leased, funding.room])).toEqual(cells.map(() => [0n, 0n]));
        expect(root.leased).toBe(0n);
        expect(root.settled).toBe(add(...cells.map(({ settled }) => settled)));
        expect(root.unconfirmed).toBe(add(...cells.map(({ unconfirmed }) => unconfirmed)));
        expect(Number(root.settled)).toBeLessThanOrEqual(fleet.billed);
        expect(Number(spent(root))).toBeGreaterThanOrEqual(fleet.billed);
        expect(root.committed).toBeLessThanOrEqual(fleet.budget.limit);
      }),
      { numRuns: 40 },
    );
  }, 120_000);

  it('settle exactly what was billed where nothing goes wrong', async () => {
    const fleet = new CelledBudget(7);
    await fleet.provide();
    for (let process = 0; process < 6; process++) fleet.start(process / 6);
    for (let call = 0; call < 600; call++)
      fleet.simulation.after(call * 500, () => {
        const process = fleet.processes[call % 6];
        if (process !== undefined) fleet.call(process, 1 + (call % HOLD), 1_500);
      });
    await fleet.run(5 * MINUTE);
    expect(fleet.refused).toBeGreaterThan(0);
    for (const { admissions } of fleet.processes) void admissions.flush();
    await fleet.run(1_000);
    fleet.review();
    await fleet.run(1_000);
    expect([...fleet.broken]).toEqual([]);
    expect(Number(fleet.root().settled)).toBe(fleet.billed);
    expect(fleet.billed).toBeLessThanOrEqual(Number(fleet.budget.limit));
    // Less than one reservation of a budget of 125 is left.
    expect(Number(left(fleet.root(), fleet.simulation.now()))).toBeLessThan(2 * HOLD);
  });

  it('give what one of them cannot use to the others', async () => {
    const fleet = new CelledBudget(3);
    await fleet.provide();
    const first = fleet.start(0);
    const second = fleet.start(0.99);
    for (let call = 0; call < 60; call++) fleet.call(first, 10, 1_000);
    await fleet.run(2_000);
    void first.admissions.flush();
    await fleet.run(1_000);
    const room = fleet.cells().map(({ funding }) => funding.room);
    expect(room).toEqual([0n, 0n, 0n]);
    expect(Number(fleet.root().settled)).toBe(600);
    for (let call = 0; call < 117; call++) fleet.call(second, HOLD, 1_000);
    await fleet.run(10_000);
    expect(fleet.refused).toBe(0);
    expect(fleet.billed).toBe(600 + 117 * HOLD);
  });

  it('lose and mint nothing when the policy changes their number in mid-period [F24]', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1 }), async (seed) => {
        const fleet = new CelledBudget(seed);
        const { random, simulation } = fleet;
        // Three cells, five, four, and none: then processes lease from the budget's own item.
        for (const processes of [PROCESSES, 320, 193, 1]) {
          fleet.policy = policyFor(processes);
          await fleet.provide();
          // What crashed before the change is collected after it.
          await reviewed(fleet);
          const started = [1, 2, 3, 4].map(() => fleet.start(random()));
          // Who runs already stays where it is until the period ends, and goes on spending.
          for (let call = 0; call < 40; call++)
            simulation.after(random() * MINUTE, () => {
              const process = fleet.processes[Math.floor(random() * fleet.processes.length)];
              if (process !== undefined && !process.isGone)
                fleet.call(process, 1 + Math.floor(random() * HOLD), random() * 3_000);
            });
          simulation.after(MINUTE, () => {
            started[0]?.reach.crashAfter(0);
            if (started[0] !== undefined) started[0].isGone = true;
          });
          await fleet.run(25 * MINUTE);
        }
        await reviewed(fleet);
        expect([...fleet.broken]).toEqual([]);
        // What the crashed ones held is spent, and nothing else is anywhere but in the root.
        const everything = [fleet.root(), ...fleet.cells()];
        expect(everything.map(({ leased, funding }) => [leased, funding?.room ?? 0n])).toEqual(
          everything.map(() => [0n, 0n]),
        );
        expect(fleet.cells()).toHaveLength(5);
        expect(Number(fleet.root().settled)).toBeLessThanOrEqual(fleet.billed);
        expect(Number(spent(fleet.root()))).toBeGreaterThanOrEqual(fleet.billed);
        // All of the rest can be spent, by old processes and new ones, and not a nano-dollar more.
        const before = Number(spent(fleet.root()));
        const billedBefore = fleet.billed;
        for (let call = 0; call < 400; call++)
          simulation.after(call * 100, () => {
            const process = fleet.processes[Math.floor(random() * fleet.processes.length)];
            if (process !== undefined && !process.isGone) fleet.call(process, HOLD, 10);
          });
        await fleet.run(2 * MINUTE);
        for (const { admissions, isGone } of fleet.processes) if (!isGone) void admissions.flush();
        await fleet.run(1_000);
        fleet.review();
        await fleet.run(1_000);
        expect([...fleet.broken]).toEqual([]);
        expect(Number(spent(fleet.root()))).toBe(before + fleet.billed - billedBefore);
        expect(Number(left(fleet.root(), simulation.now()))).toBeLessThan(HOLD);
      }),
      { numRuns: 15 },
    );
  }, 60_000);
});
