import { type SeedOutcome, SeedRun } from './seed.ts';

/** What the worker is asked to do. */
export interface SeedsRequest {
  readonly seeds: readonly number[];
  readonly without: readonly string[];
  readonly isTraced: boolean;
  /** Whether the first violation is enough. */
  readonly stopsAtViolation: boolean;
}

/** So many seeds share a turn of Node's event loop: it costs more than the event of one. */
const AT_ONCE = 16;

/**
 * Runs seeds, some at a time, one event of each after the other. Each lives in a world of its own, and between two of its events
 * all its promises settle: so what else runs meanwhile changes nothing in it.
 */
export async function runSeeds({ seeds, without, isTraced, stopsAtViolation }: SeedsRequest): Promise<SeedOutcome[]> {
  const left = [...seeds];
  const leftOut = new Set(without);
  const outcomes: SeedOutcome[] = [];
  const running: SeedRun[] = [];
  // A stack costs more than all else of an error, and a violation tells what matters.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = isTraced ? stackTraceLimit : 0;
  try {
    for (;;) {
      while (running.length < AT_ONCE) {
        const seed = left.shift();
        if (seed === undefined) break;
        running.push(new SeedRun(seed, leftOut, isTraced));
      }
      if (running.length === 0) return outcomes;
      for (let at = running.length - 1; at >= 0; at--) {
        const run = running[at];
        if (run?.step() !== true) continue;
        running.splice(at, 1);
        const outcome = run.outcome();
        outcomes.push(outcome);
        if (stopsAtViolation && outcome.violations.length > 0) return outcomes;
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}
