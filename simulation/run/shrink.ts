import type { Invariant } from '../invariants/judge.ts';
import type { Bundle } from './bundle.ts';
import { draw } from './configuration.ts';
import type { SeedOutcome } from './seed.ts';
import type { Workers } from './workers.ts';

const CALLS_AT_MOST = 600;
const TRIES_AT_MOST = 120;

export interface Shrunk {
  /** What is left out, in the form that the command takes. */
  readonly without: readonly string[];
  readonly outcome: SeedOutcome;
}

/**
 * Looks for less that violates the same invariant: leaves out kinds of faults, planned events, and calls, in ever smaller
 * groups, and keeps what is not needed out.
 */
export async function shrink(workers: Workers, bundle: Bundle, violating: SeedOutcome): Promise<Shrunk> {
  const { seed, violations } = violating;
  const invariant: Invariant | undefined = violations[0]?.invariant;
  const attempt = async (without: readonly string[], isTraced: boolean): Promise<SeedOutcome | undefined> => {
    const [outcome] = await workers.run(bundle, { seeds: [seed], without, isTraced, stopsAtViolation: true });
    return outcome?.violations.some((violation) => violation.invariant === invariant) === true ? outcome : undefined;
  };
  const { plan, shares } = draw(seed);
  const parts = [...Object.keys(shares), 'skew', ...plan.map(({ name }) => name)];
  const calls = Array.from({ length: CALLS_AT_MOST }, (_, at) => `call-${at + 1}`).reverse();
  let without: readonly string[] = [];
  let tries = 0;
  for (const candidates of [parts, calls])
    for (let size = candidates.length; size >= 1; size = Math.floor(size / 2))
      for (let at = 0; at < candidates.length && tries < TRIES_AT_MOST; at += size) {
        const more = candidates.slice(at, at + size).filter((name) => !without.includes(name));
        if (more.length === 0) continue;
        tries++;
        if ((await attempt([...without, ...more], false)) !== undefined) without = [...without, ...more];
      }
  return { without: compact(without), outcome: (await attempt(without, true)) ?? violating };
}

/** `call-3-9` for seven calls. */
export function compact(without: readonly string[]): string[] {
  const calls = without
    .flatMap((name) => (/^call-\d+$/.test(name) ? [Number(name.slice(5))] : []))
    .sort((a, b) => a - b);
  const ranges: [number, number][] = [];
  for (const call of calls) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === call - 1) last[1] = call;
    else ranges.push([call, call]);
  }
  return [...without.filter((name) => !/^call-\d+$/.test(name)), ...ranges.map(([from, to]) => `call-${from}-${to}`)];
}

export const expand = (without: readonly string[]): string[] =>
  without.flatMap((name) => {
    const range = /^call-(\d+)-(\d+)$/.exec(name);
    if (range === null) return [name];
    const [from, to] = [Number(range[1]), Number(range[2])];
    return Array.from({ length: to - from + 1 }, (_, at) => `call-${from + at}`);
  });
