import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { INVARIANTS, type Invariant } from '../../simulation/invariants/judge.ts';
import { MUTANTS } from '../../simulation/mutants/mutants.ts';
import { type Bundle, Bundles } from '../../simulation/run/bundle.ts';
import { killMutants } from '../../simulation/run/kill-mutants.ts';
import { Report } from '../../simulation/run/report.ts';
import { compact, expand } from '../../simulation/run/shrink.ts';
import { Workers } from '../../simulation/run/workers.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SEEDS = 1000;
const PORTION = 50;

const bundles = new Bundles();
const workers = new Workers();
afterAll(async () => {
  await workers.close();
  await bundles.close();
});

const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, at) => from + at);

describe('the whole system under everything that goes wrong', () => {
  it('violates no invariant, and exercises each of them', { timeout: 300_000 }, async () => {
    const bundle = await bundles.sound();
    const report = new Report();
    const portions = range(0, SEEDS / PORTION).map((portion) => range(1 + portion * PORTION, PORTION));
    await Promise.all(
      portions.map(async (seeds) =>
        report.add(await workers.run(bundle, { seeds, without: [], isTraced: false, stopsAtViolation: false })),
      ),
    );
    expect(
      report.violating.flatMap(({ seed, violations }) =>
        violations.map(({ invariant, what }) => `${seed} ${invariant}: ${what}`),
      ),
    ).toEqual([]);
    for (const invariant of Object.keys(INVARIANTS) as Invariant[])
      expect(report.exercised(invariant), invariant).toBeGreaterThan(0);
    const { admitted, faults, processes, turns } = report.figures;
    expect(admitted).toBeGreaterThanOrEqual(200);
    expect(faults).toBeGreaterThanOrEqual(20);
    expect(processes).toBeGreaterThanOrEqual(3);
    expect(turns).toBe(1);
  });

  it('goes the same way with the same seed, to the byte, whatever runs beside it', { timeout: 60_000 }, async () => {
    const bundle = await bundles.sound();
    const traceOf = async (runBundle: Bundle, seeds: readonly number[]): Promise<string> => {
      const outcomes = await workers.run(runBundle, { seeds, without: [], isTraced: true, stopsAtViolation: false });
      return outcomes.find(({ seed }) => seed === 7)?.trace?.join('\n') ?? '';
    };
    const alone = await traceOf(bundle, [7]);
    expect(alone.length).toBeGreaterThan(100_000);
    expect(await traceOf(bundle, [6, 7, 8])).toBe(alone);
  });

  it('goes another way with another seed', { timeout: 60_000 }, async () => {
    const bundle = await bundles.sound();
    const outcomes = await workers.run(bundle, { seeds: [7, 8], without: [], isTraced: true, stopsAtViolation: false });
    expect(outcomes[0]?.trace).not.toEqual(outcomes[1]?.trace);
  });
});

describe('each mutant', () => {
  it('is noticed by one of these seeds', { timeout: 600_000 }, async () => {
    const hunts = await killMutants({ mutants: [], seeds: SEEDS }, () => {});
    expect(hunts).toHaveLength(MUTANTS.length);
    expect(hunts.flatMap(({ mutant, killer }) => (killer === undefined ? [mutant.id] : []))).toEqual([]);
  });

  it.each(MUTANTS.map((mutant) => [mutant.id, mutant] as const))(
    '%s can still be put into the source',
    (_, { changes }) => {
      for (const { file, source } of changes)
        expect(readFileSync(join(ROOT, file), 'utf8').split(source), `${file}: ${source}`).toHaveLength(2);
    },
  );
});

describe('what a seed leaves out', () => {
  it('is told in a short form that is read back', () => {
    const without = ['lost', 'crash-1', 'call-3', 'call-4', 'call-5', 'call-9'];
    expect(compact(without)).toEqual(['lost', 'crash-1', 'call-3-5', 'call-9-9']);
    expect(expand(compact(without))).toEqual(without);
  });
});
