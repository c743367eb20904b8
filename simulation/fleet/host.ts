import type { Machine } from '../../aws/machine.ts';
import type { Chance } from '../clockwork/chance.ts';
import type { Scheduler } from '../clockwork/scheduler.ts';

/** A process looks at its clock at least so often, for what it does by the clock. */
const CLOCK_READ_MS = 6_000;
/** A process that makes calls has heard of AWS within so long, unless requests are lost. */
const UNTOLD_MS = 30_000;

/** The machine on which one process runs. A process ends, and is frozen, at any `await`: what it waits for never comes, or late. */
export class Host {
  readonly name: string;
  readonly scheduler: Scheduler;
  readonly chance: Chance;
  readonly startedAt: number;
  /** How far its wall clock is off. */
  skewMs: number;
  isGone = false;
  goneAt: number | undefined;
  /** Of a function: when what it is at was begun. */
  busySince = 0;
  /** Whether it was ever frozen. */
  wasFrozen = false;
  /** How many faults have met it. */
  suffered = 0;
  /** Whether its network is a bad one, as that of an operator. */
  isRemote = false;
  /** Of the product that runs in it. */
  version: 1 | 2 = 1;
  /** Whether it neither crashes nor freezes by chance. */
  isSpared = false;
  #frozenUntil = 0;
  #clockSetAt = Number.NEGATIVE_INFINITY;
  readonly #clockSets: { readonly at: number; readonly byMs: number }[] = [];
  #frozenMs = 0;
  #ids = 0;
  readonly #never = new AbortController().signal;

  constructor(name: string, scheduler: Scheduler, chance: Chance, skewMs: number) {
    this.name = name;
    this.scheduler = scheduler;
    this.chance = chance;
    this.skewMs = skewMs;
    this.startedAt = scheduler.now;
  }

  /** When it woke, or will. */
  get awakeSince(): number {
    return this.#frozenUntil;
  }

  get isFrozen(): boolean {
    return this.scheduler.now < this.#frozenUntil;
  }

  /** Ends without a word. */
  crash(): void {
    this.isGone = true;
    this.goneAt ??= this.scheduler.now;
  }

  /**
   * Sets its wall clock. Not while it is frozen: a process that sleeps, and whose clock is set back meanwhile by as long, cannot know
   * that time has passed (docs/limits.md).
   */
  setClock(byMs: number): void {
    if (this.isFrozen) return;
    this.skewMs += byMs;
    this.#clockSetAt = this.scheduler.now;
    this.#clockSets.push({ at: this.scheduler.now, byMs });
  }

  /**
   * How far its clock was set forward so shortly before that no answer of AWS may have told it since: it goes by what its own clock says
   * meanwhile (aws/steady-clock.ts).
   */
  aheadAt(at: number): number {
    const untold = this.#clockSets.filter((set) => at >= set.at && at < set.at + UNTOLD_MS);
    return untold.reduce((sum, { byMs }) => sum + Math.max(0, byMs), 0);
  }

  freeze(ms: number): void {
    const { now } = this.scheduler;
    // Nor before it has read its clock again.
    if (now < this.#clockSetAt + CLOCK_READ_MS) return;
    const until = Math.max(this.#frozenUntil, now + ms);
    this.#frozenMs += until - Math.max(this.#frozenUntil, now);
    this.#frozenUntil = until;
    this.wasFrozen = true;
  }

  /** Something comes to the process from outside: when it is frozen it finds it when it wakes, and when it is gone never. */
  deliver(run: () => void): void {
    if (this.isGone) return;
    if (this.isFrozen) this.scheduler.at(this.#frozenUntil, () => this.deliver(run));
    else run();
  }

  readonly machine: Machine = {
    wall: () => Math.floor(this.scheduler.now + this.skewMs),
    // It may stand still while the process is frozen.
    monotonic: () => this.scheduler.now - this.startedAt - this.#frozenMs,
    wait: (ms) => new Promise((resolve) => void this.machine.after(ms, () => resolve(undefined))),
    after: (ms, run) => this.scheduler.after(ms, () => this.deliver(run)),
    every: (ms, run) => {
      let isOver = false;
      const again = (): void => {
        if (isOver) return;
        run();
        this.machine.after(ms, again);
      };
      this.machine.after(ms, again);
      return () => {
        isOver = true;
      };
    },
    // Requests time out by themselves here.
    deadline: () => this.#never,
    letOthersRun: async () => {},
    random: () => this.chance.next(),
    // In the form that the function `lease` wants them, which are random at AWS.
    newId: () => `${this.name}-${String(++this.#ids).padStart(8, '0')}`,
    newToken: () => `${this.name}t${String(++this.#ids).padStart(16, '0')}`,
  };
}
