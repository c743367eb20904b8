import { type Clock, epochMs } from '../../domain/clock.ts';
import type { CoveringBudget } from '../../domain/profiles/profile-index.ts';
import type { HolderId, LeaseLedger, WriteId } from '../../domain/spending/ledger.ts';
import type { CallCost } from '../../domain/spending/pricing.ts';
import { holderOf, type ProcessId } from '../../domain/spending/usage-record.ts';
import { Admissions } from '../../invoke/admission.ts';
import { DEFAULTS } from '../../invoke/defaults.ts';
import { GovernorRefusal } from '../../invoke/refusals.ts';
import type { Reservation } from '../../invoke/reservation.ts';
import { exponential } from '../simulation/random.ts';
import type { Simulation } from '../simulation/simulation.ts';

/** How far the clocks of processes and the table's may be apart, either way. */
export const SKEW_MS = 1_000;

export interface ProcessOptions {
  readonly simulation: Simulation;
  readonly random: () => number;
  readonly name: string;
  readonly ledger: LeaseLedger;
  readonly budgets: readonly CoveringBudget[];
  readonly callsPerSecond: number;
  /** What the next call holds and costs. */
  readonly next: () => { readonly hold: CallCost; readonly cost: CallCost };
  readonly durationMs: () => number;
  readonly onAdmitted: (call: { readonly hold: CallCost; readonly cost: CallCost }) => void;
  readonly onSettled: (call: { readonly hold: CallCost; readonly cost: CallCost }) => void;
  /** What else a process does every five seconds. */
  readonly maintain?: () => void;
}

/** A tenant's process with the helper's own admission, on virtual time: calls come at random, and each is held, run and settled. */
export class TenantProcess {
  readonly #options: ProcessOptions;
  readonly #admissions: Admissions;
  readonly #clock: Clock;
  #isStopped = false;

  constructor(options: ProcessOptions) {
    const { simulation, random, name, ledger } = options;
    this.#options = options;
    const skew = (random() * 2 - 1) * SKEW_MS;
    let ids = 0;
    this.#clock = { now: () => epochMs(Math.floor(simulation.now() + skew)) };
    this.#admissions = new Admissions({
      ledger,
      clock: this.#clock,
      timer: simulation,
      random,
      leaseMs: DEFAULTS.leaseSeconds * 1_000,
      maxWaitMs: DEFAULTS.maxWaitMs,
      maxWaiting: DEFAULTS.maxWaiting,
      newHolder: (): HolderId => holderOf(name as ProcessId, ++ids),
      newWriteId: () => `${name}-${++ids}` as WriteId,
    });
    simulation.after(random() * DEFAULTS.maintenanceMs, () => this.#maintain());
    this.#arrive();
  }

  stop(): void {
    this.#isStopped = true;
  }

  async flush(): Promise<void> {
    await this.#admissions.flush();
  }

  #maintain(): void {
    void this.#admissions.maintain();
    this.#options.maintain?.();
    this.#options.simulation.after(DEFAULTS.maintenanceMs, () => this.#maintain());
  }

  #arrive(): void {
    const { simulation, random, callsPerSecond } = this.#options;
    simulation.after(exponential(random, 1_000 / callsPerSecond), () => {
      if (this.#isStopped) return;
      this.#arrive();
      this.#call();
    });
  }

  #call(): void {
    const { budgets, next, simulation, durationMs, onAdmitted, onSettled } = this.#options;
    const call = next();
    const run = (reservation: Reservation): void => {
      onAdmitted(call);
      simulation.after(durationMs(), () => {
        onSettled(call);
        reservation.settle(call.cost);
      });
    };
    const now = this.#clock.now();
    const atOnce = this.#admissions.admitAtOnce(this.#admissions.accountsOf(budgets, now), call.hold, now);
    if (atOnce !== undefined) run(atOnce);
    else
      this.#admissions.admit(budgets, call.hold).then(run, (error: unknown) => {
        if (!(error instanceof GovernorRefusal)) throw error;
      });
  }
}

/** The table without a way to hear of terms early, as the function `lease` is. */
export const withoutTerms = <Ledger extends LeaseLedger>({ read, write }: Ledger): LeaseLedger => ({ read, write });
