import { atRest } from '../invariants/at-rest.ts';
import type { Invariant, Violation } from '../invariants/judge.ts';
import { World } from '../world/world.ts';
import { type Configuration, draw } from './configuration.ts';
import { Story } from './story.ts';

/** What came of one seed. */
export interface SeedOutcome {
  readonly seed: number;
  readonly violations: readonly Violation[];
  readonly exercised: readonly (readonly [Invariant, number])[];
  readonly admitted: number;
  readonly refused: number;
  readonly faults: number;
  readonly processes: number;
  readonly turns: number;
  readonly events: number;
  readonly outcomes: readonly (readonly [string, number])[];
  readonly trace: readonly string[] | undefined;
}

/** More than any seed takes by far: whoever goes on for ever is found out. */
const MAX_EVENTS = 200_000;

/** One seed under way: whoever steps it must let promises settle in between. */
export class SeedRun {
  readonly configuration: Configuration;
  readonly #world: World;
  readonly #story: Story;
  #events = 0;
  #isOver = false;
  #failure: unknown;

  constructor(seed: number, without: ReadonlySet<string>, isTraced: boolean) {
    this.configuration = draw(seed, without);
    this.#world = new World(this.configuration, isTraced);
    this.#story = new Story(this.#world);
    this.#story.tell().then(
      () => {
        this.#isOver = true;
      },
      (error: unknown) => {
        this.#failure = error;
        this.#isOver = true;
      },
    );
  }

  /** Runs one event. Returns whether the seed is over. */
  step(): boolean {
    if (this.#isOver) return true;
    if (!this.#world.scheduler.step() || ++this.#events > MAX_EVENTS) {
      this.#failure ??= new Error(`nothing more happens after ${this.#events} events, and the story is not told`);
      this.#isOver = true;
    }
    return this.#isOver;
  }

  outcome(): SeedOutcome {
    const { judge, admissions, faults, scheduler, trace } = this.#world;
    const { configuration, fleet } =
      this.#story.world === this.#world
        ? { configuration: this.configuration, fleet: this.#story.fleet }
        : { configuration: this.configuration, fleet: this.#story.fleet };
    const failure = this.#failure;
    judge.check('rest', failure === undefined, () =>
      failure instanceof Error ? (failure.stack ?? failure.message) : String(failure),
    );
    if (failure === undefined) atRest(this.#story);
    return {
      seed: configuration.seed,
      violations: judge.violations,
      exercised: [...judge.exercised],
      admitted: admissions.admitted,
      refused: admissions.refused,
      faults: faults.total,
      processes: fleet.starts.length,
      turns: scheduler.now > configuration.turnAt ? 1 : 0,
      events: this.#events,
      outcomes: [...fleet.outcomes],
      trace: trace.lines,
    };
  }
}
