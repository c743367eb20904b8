import { MUTANTS } from '../mutants/mutants.ts';
import type { Mutant } from '../mutants/mutant.ts';
import { type Bundle, Bundles } from './bundle.ts';
import type { SeedOutcome } from './seed.ts';
import { Workers } from './workers.ts';

const PORTION = 16;

/** Puts each mutant into the product and looks whether a seed notices. Returns whether all are killed. */
export async function killMutants(
  ids: readonly string[],
  seeds: number,
  write: (line: string) => void,
): Promise<boolean> {
  const unknown = ids.filter((id) => !MUTANTS.some((mutant) => mutant.id === id));
  if (unknown.length > 0)
    throw new RangeError(`unknown: ${unknown.join(', ')}; known are ${MUTANTS.map(({ id }) => id).join(', ')}`);
  const mutants = ids.length === 0 ? MUTANTS : MUTANTS.filter(({ id }) => ids.includes(id));
  const bundles = new Bundles();
  const workers = new Workers();
  try {
    const built: { mutant: Mutant; bundle: Bundle }[] = [];
    for (const mutant of mutants) built.push({ mutant, bundle: await bundles.with(mutant) });
    const verdicts = await Promise.all(
      built.map(async ({ mutant, bundle }) => ({ mutant, killer: await killerOf(workers, bundle, seeds) })),
    );
    for (const { mutant, killer } of verdicts) {
      const by =
        killer === undefined
          ? 'SURVIVED'
          : `seed ${String(killer.seed).padStart(3)}: ${killer.violations[0]?.invariant}`;
      write(`${mutant.id.padEnd(34)} ${by.padEnd(28)} ${mutant.meaning}`);
    }
    const killed = verdicts.filter(({ killer }) => killer !== undefined).length;
    write(`mutants ${mutants.length} killed ${killed}`);
    return killed === mutants.length;
  } finally {
    await workers.close();
    await bundles.close();
  }
}

async function killerOf(workers: Workers, bundle: Bundle, count: number): Promise<SeedOutcome | undefined> {
  for (let from = 1; from <= count; from += PORTION) {
    const seeds = Array.from({ length: Math.min(PORTION, count - from + 1) }, (_, at) => from + at);
    const outcomes = await workers.run(bundle, { seeds, without: [], isTraced: false, stopsAtViolation: true });
    const killer = outcomes.find(({ violations }) => violations.length > 0);
    if (killer !== undefined) return killer;
  }
  return undefined;
}
