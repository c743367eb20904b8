import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Mutant } from '../mutants/mutant.ts';
import { MUTANTS } from '../mutants/mutants.ts';
import { type Bundle, Bundles } from './bundle.ts';
import type { SeedOutcome } from './seed.ts';
import { Workers } from './workers.ts';

const PORTION = 16;

/** The seed that noticed each mutant last. Nothing rests on it: it is asked first, and all others where it notices nothing any more. */
const KILLED_BY = fileURLToPath(new URL('../mutants/killed-by.json', import.meta.url));

/** What became of a mutant. */
export interface Hunt {
  readonly mutant: Mutant;
  /** Undefined where it survived. */
  readonly killer: SeedOutcome | undefined;
}

export interface HuntOptions {
  /** Ids; none are all. */
  readonly mutants: readonly string[];
  /** How many there are to notice each, from the first on. */
  readonly seeds: number;
  /** Whether the seeds that noticed are to be asked first from now on. */
  readonly isRemembered?: boolean;
}

/** Puts each mutant into the product and looks whether a seed notices. */
export async function killMutants(
  { mutants: ids, seeds, isRemembered = false }: HuntOptions,
  write: (line: string) => void,
): Promise<readonly Hunt[]> {
  const unknown = ids.filter((id) => !MUTANTS.some((mutant) => mutant.id === id));
  if (unknown.length > 0)
    throw new RangeError(`unknown: ${unknown.join(', ')}; known are ${MUTANTS.map(({ id }) => id).join(', ')}`);
  const left = ids.length === 0 ? [...MUTANTS] : MUTANTS.filter(({ id }) => ids.includes(id));
  const killedBy = JSON.parse(await readFile(KILLED_BY, 'utf8')) as Record<string, number>;
  const bundles = new Bundles();
  const workers = new Workers();
  const hunts: Hunt[] = [];
  const takeNext = async (): Promise<void> => {
    for (let mutant = left.shift(); mutant !== undefined; mutant = left.shift()) {
      const killer = await killerOf(workers, await bundles.with(mutant), seeds, killedBy[mutant.id]);
      hunts.push({ mutant, killer });
      const by = killer === undefined ? 'SURVIVED' : `seed ${killer.seed}: ${killer.violations[0]?.invariant}`;
      write(`${mutant.id.padEnd(28)} ${by.padEnd(26)} ${mutant.meaning}`);
    }
  };
  try {
    await Promise.all(Array.from({ length: workers.count }, takeNext));
  } finally {
    await workers.close();
    await bundles.close();
  }
  if (isRemembered) await remember({ ...killedBy, ...seedsOf(hunts) });
  write(`mutants ${hunts.length} killed ${hunts.filter(({ killer }) => killer !== undefined).length}`);
  return hunts;
}

/** The first outcome that violates something. */
async function killerOf(
  workers: Workers,
  bundle: Bundle,
  count: number,
  last: number | undefined,
): Promise<SeedOutcome | undefined> {
  const all = Array.from({ length: count }, (_, at) => at + 1).filter((seed) => seed !== last);
  const portions = last === undefined || last > count ? [] : [[last]];
  for (let from = 0; from < all.length; from += PORTION) portions.push(all.slice(from, from + PORTION));
  for (const seeds of portions) {
    const outcomes = await workers.run(bundle, { seeds, without: [], isTraced: false, stopsAtViolation: true });
    const killer = outcomes.find(({ violations }) => violations.length > 0);
    if (killer !== undefined) return killer;
  }
  return undefined;
}

const seedsOf = (hunts: readonly Hunt[]): Record<string, number> =>
  Object.fromEntries(hunts.flatMap(({ mutant, killer }) => (killer === undefined ? [] : [[mutant.id, killer.seed]])));

async function remember(killedBy: Readonly<Record<string, number>>): Promise<void> {
  const known = MUTANTS.flatMap(({ id }) => (killedBy[id] === undefined ? [] : [[id, killedBy[id]] as const]));
  await writeFile(KILLED_BY, `${JSON.stringify(Object.fromEntries(known), undefined, 2)}\n`);
}
