import { MUTANTS } from '../mutants/mutants.ts';
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
    let killed = 0;
    const left = [...mutants];
    const takeNext = async (): Promise<void> => {
      for (let mutant = left.shift(); mutant !== undefined; mutant = left.shift()) {
        const killer = await killerOf(workers, await bundles.with(mutant), seeds);
        if (killer !== undefined) killed++;
        const by = killer === undefined ? 'SURVIVED' : `seed ${killer.seed}: ${killer.violations[0]?.invariant}`;
        write(`${mutant.id.padEnd(28)} ${by.padEnd(26)} ${mutant.meaning}`);
      }
    };
    await Promise.all(Array.from({ length: workers.count }, takeNext));
    write(`mutants ${mutants.length} killed ${killed}`);
    return killed === mutants.length;
  } finally {
    await workers.close();
    await bundles.close();
  }
}

/** The first outcome that violates something. */
async function killerOf(workers: Workers, bundle: Bundle, count: number): Promise<SeedOutcome | undefined> {
  for (let from = 1; from <= count; from += PORTION) {
    const seeds = Array.from({ length: Math.min(PORTION, count - from + 1) }, (_, at) => from + at);
    const outcomes = await workers.run(bundle, { seeds, without: [], isTraced: false, stopsAtViolation: true });
    const killer = outcomes.find(({ violations }) => violations.length > 0);
    if (killer !== undefined) return killer;
  }
  return undefined;
}
