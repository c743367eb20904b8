import { Bundles } from './bundle.ts';
import type { Options } from './options.ts';
import { Report } from './report.ts';
import type { SeedOutcome } from './seed.ts';
import { expand, shrink } from './shrink.ts';
import { Workers } from './workers.ts';

/** Seeds that a thread takes at a time. */
const PORTION = 50;
/** Violations that are shrunk and told with their trace: more are named alone. */
const TOLD = 3;

/** Runs seeds and tells what came of them. Returns whether nothing was violated. */
export async function simulate(options: Options, write: (line: string) => void): Promise<boolean> {
  const bundles = new Bundles();
  const workers = new Workers();
  try {
    const bundle = await bundles.sound();
    const without = expand(options.without);
    if (options.seed !== undefined) {
      const [outcome] = await workers.run(bundle, {
        seeds: [options.seed],
        without,
        isTraced: true,
        stopsAtViolation: false,
      });
      if (outcome !== undefined) tell(outcome, write);
      return outcome?.violations.length === 0;
    }
    const report = new Report();
    const portions: number[][] = [];
    for (let seed = options.from; seed < options.from + options.seeds; seed += PORTION)
      portions.push(
        Array.from({ length: Math.min(PORTION, options.from + options.seeds - seed) }, (_, at) => seed + at),
      );
    await Promise.all(
      portions.map(async (seeds) =>
        report.add(await workers.run(bundle, { seeds, without, isTraced: false, stopsAtViolation: false })),
      ),
    );
    const violating = report.violating.sort((a, b) => a.seed - b.seed);
    for (const outcome of violating.slice(0, TOLD)) {
      const shrunk = await shrink(workers, bundle, outcome);
      tell(shrunk.outcome, write);
      const rest = shrunk.without.length === 0 ? '' : ` --without ${shrunk.without.join(',')}`;
      write(`replay: npm run simulate -- --seed ${outcome.seed}${rest}`);
    }
    for (const { seed, violations } of violating.slice(TOLD))
      write(`seed ${seed}: ${violations[0]?.invariant}: ${violations[0]?.what}`);
    for (const line of report.lines()) write(line);
    write(`seeds ${report.seeds} violations ${violating.length}`);
    return violating.length === 0;
  } finally {
    await workers.close();
    await bundles.close();
  }
}

function tell({ seed, violations, trace }: SeedOutcome, write: (line: string) => void): void {
  for (const line of trace ?? []) write(line);
  for (const { invariant, at, what } of violations)
    write(`seed ${seed} violates ${invariant} at ${new Date(at).toISOString()}: ${what}`);
}
