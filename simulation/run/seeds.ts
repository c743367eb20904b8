import { type SeedOutcome, SeedRun } from './seed.ts';

/** What the worker is asked to do. */
export interface SeedsRequest {
  readonly seeds: readonly number[];
  readonly without: readonly string[];
  readonly isTraced: boolean;
  /** Whether the first violation is enough. */
  readonly stopsAtViolation: boolean;
}

/**
 * Runs one seed after the other, each in a world of its own. Between two of its events all its promises settle: Node runs what
 * was put off with `nextTick` from within a promise once no promise is left to go on, without a turn of its event loop, which
 * would cost more than the event.
 */
export async function runSeeds({ seeds, without, isTraced, stopsAtViolation }: SeedsRequest): Promise<SeedOutcome[]> {
  const leftOut = new Set(without);
  const outcomes: SeedOutcome[] = [];
  // A stack costs more than all else of an error, and a violation tells what matters.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = isTraced ? stackTraceLimit : 0;
  try {
    for (const seed of seeds) {
      const run = new SeedRun(seed, leftOut, isTraced);
      await over(run);
      const outcome = run.outcome();
      outcomes.push(outcome);
      if (stopsAtViolation && outcome.violations.length > 0) break;
    }
    return outcomes;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

const over = (run: SeedRun): Promise<void> =>
  new Promise((resolve, reject) => {
    const step = (): void => {
      try {
        if (run.step()) resolve();
        else void nothing.then(whenSettled);
      } catch (error) {
        reject(error);
      }
    };
    const whenSettled = (): void => process.nextTick(step);
    void nothing.then(whenSettled);
  });

const nothing = Promise.resolve();
