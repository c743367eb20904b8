import { seeded } from '../../bench/simulation/random.ts';
import { Simulation } from '../../bench/simulation/simulation.ts';
import type { BudgetId } from '../../domain/budgets/budget-id.ts';
import { epochMs } from '../../domain/clock.ts';
import { nanoUsd } from '../../domain/money.ts';
import { periodAt } from '../../domain/period.ts';
import { LearnedHolds } from '../../domain/spending/learned-hold.ts';
import { forgettable, type HolderId, type LedgerKey, reclaimable, type WriteId } from '../../domain/spending/ledger.ts';
import { type CallCost, callCost } from '../../domain/spending/pricing.ts';
import { Admissions } from '../../invoke/admission.ts';
import { GovernorRefusal } from '../../invoke/refusals.ts';
import type { Reservation } from '../../invoke/reservation.ts';
import { MemoryLedger } from '../domain/spending/memory-ledger.ts';
import { FaultyLedger } from './faulty-ledger.ts';

const START = epochMs(Date.UTC(2026, 10, 10));
const MINUTE = 60_000;
const PERIOD = periodAt('month', 'UTC', START);
const BUDGET = { id: 'tenant-monthly/acme' as BudgetId, period: 'month', timeZone: 'UTC' } as const;

/** With learned reservations: what a call is held by. */
export interface Learned {
  readonly profile: string;
  readonly maxExposure: number;
}

export interface CallInFlight {
  end(cost: CallCost): void;
}

/** A process start: what it spends, and how it ends. */
export class TenantProcess {
  readonly admissions: Admissions;
  readonly #fleet: Fleet;
  readonly #learned = new LearnedHolds();
  isGone = false;

  constructor(fleet: Fleet, admissions: Admissions) {
    this.#fleet = fleet;
    this.admissions = admissions;
  }

  /** One call after the other, each of which costs all that it can, until one is refused. @returns how many were admitted */
  async spendAll(most: CallCost): Promise<number> {
    for (let calls = 0; ; calls++) if (!(await this.call(most))) return calls;
  }

  /** A call that may cost `most`, and by default does. Admitted or refused at once. */
  async call(most: CallCost, cost: CallCost = most, learned?: Learned): Promise<boolean> {
    const call = await this.begin(most, learned);
    call?.end(cost);
    return call !== undefined;
  }

  /** Begins calls until one is refused, and leaves them in flight. */
  async beginAll(most: CallCost, learned?: Learned): Promise<CallInFlight[]> {
    const calls: CallInFlight[] = [];
    for (;;) {
      const call = await this.begin(most, learned);
      if (call === undefined) return calls;
      calls.push(call);
    }
  }

  /**
   * A call that is in flight until it is ended, held as the helper holds it.
   * @returns undefined where it is refused
   */
  async begin(most: CallCost, learned?: Learned): Promise<CallInFlight | undefined> {
    const fleet = this.#fleet;
    const holds = this.#learned;
    const hold = learned === undefined ? most : callCost(holds.begun(learned.profile, most, learned.maxExposure));
    const admitting = this.admissions.admit([BUDGET], hold).catch((error: unknown) => {
      if (error instanceof GovernorRefusal) return undefined;
      throw error;
    });
    const reservation: Reservation | undefined = await fleet.untilSettled(admitting);
    if (reservation === undefined) {
      holds.ended(hold, most);
      return undefined;
    }
    return {
      end: (cost) => {
        fleet.billed += cost;
        if (this.isGone) return;
        reservation.settle(cost);
        if (learned === undefined) return;
        holds.learn(learned.profile, cost);
        holds.ended(hold, most);
      },
    };
  }

  /** Ends without a word. */
  crash(): void {
    this.isGone = true;
  }
}

/** A budget without cells, its processes, a table that can be out of reach, and books of its own. On virtual time. */
export class Fleet {
  readonly simulation = new Simulation(START);
  readonly ledger: MemoryLedger;
  readonly key: LedgerKey = { budget: BUDGET.id, period: PERIOD.id };
  readonly processes: TenantProcess[] = [];
  readonly #random = seeded(1);
  readonly #faults = { lost: 0, unanswered: 0, repeated: 0 };
  /** All that Bedrock has billed, in nano-dollars. */
  billed = 0;
  #names = 0;

  constructor(stopAt: number, outageExtra?: number, ledger = new MemoryLedger()) {
    this.ledger = ledger;
    const limit = nanoUsd(BigInt(stopAt));
    const { startsAt, endsAt } = PERIOD;
    const extra = outageExtra === undefined ? {} : { outageExtra: nanoUsd(BigInt(outageExtra)) };
    const terms = { limit, stopAt: limit, standing: 'open', version: 1, ...extra } as const;
    void this.ledger.provide({ key: this.key, startsAt, endsAt, terms });
  }

  start(): TenantProcess {
    const admissions = new Admissions({
      ledger: new FaultyLedger(this.ledger, this.simulation, this.#random, this.#faults),
      clock: this.simulation,
      timer: this.simulation,
      random: this.#random,
      leaseMs: 2 * MINUTE,
      maxWaitMs: 0,
      maxWaiting: 0,
      newHolder: () => `holder-${++this.#names}` as HolderId,
      newWriteId: () => `write-${++this.#names}` as WriteId,
    });
    const process = new TenantProcess(this, admissions);
    this.processes.push(process);
    const maintain = (): void => {
      if (process.isGone) return;
      void admissions.maintain();
      this.simulation.after(5_000, maintain);
    };
    this.simulation.after(5_000, maintain);
    return process;
  }

  /** From now on no request reaches the table; what processes remember of its answers is over, their leases are not. */
  async beginOutage(): Promise<void> {
    this.#faults.lost = 1;
    await this.pass(2_000);
  }

  /** Requests reach the table again, and processes that were told to wait have waited. */
  async endOutage(): Promise<void> {
    this.#faults.lost = 0;
    await this.pass(2_000);
  }

  get item() {
    const item = this.ledger.item(this.key);
    if (item === undefined) throw new Error('the item is gone');
    return item;
  }

  async pass(ms: number): Promise<void> {
    await this.simulation.runUntil(this.simulation.now() + ms);
  }

  /** Lets time pass until a promise is settled. */
  async untilSettled<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const settle = () => {
      isSettled = true;
    };
    promise.then(settle, settle);
    while (!isSettled) await this.pass(10);
    return await promise;
  }

  /** Every process that is not gone tells the ledger everything. */
  async flush(): Promise<void> {
    for (const { admissions, isGone } of this.processes) if (!isGone) await this.untilSettled(admissions.flush());
  }

  /** What the governor's sweep does with leases whose holders are gone, when their grace is over. */
  async reclaim(): Promise<void> {
    await this.pass(60 * MINUTE);
    const now = this.simulation.now();
    for (const [holder, entry] of reclaimable(this.item, now, 15 * MINUTE))
      await this.ledger.reclaim(this.key, holder, entry, `reclaim-${++this.#names}` as WriteId);
    await this.ledger.forget(this.key, new Map(forgettable(this.item, now)));
  }
}
