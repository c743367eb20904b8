import { INVARIANTS, type Invariant } from '../invariants/judge.ts';
import type { SeedOutcome } from './seed.ts';

type Figure = 'admitted' | 'refused' | 'faults' | 'processes' | 'turns' | 'events';

/** What many seeds came to. */
export class Report {
  readonly violating: SeedOutcome[] = [];
  readonly #exercised = new Map<Invariant, number>();
  readonly #figures: Record<Figure, number[]> = {
    admitted: [],
    refused: [],
    faults: [],
    processes: [],
    turns: [],
    events: [],
  };

  add(outcomes: readonly SeedOutcome[]): void {
    for (const outcome of outcomes) {
      for (const name of Object.keys(this.#figures) as Figure[]) this.#figures[name].push(outcome[name]);
      for (const [invariant, times] of outcome.exercised)
        this.#exercised.set(invariant, (this.#exercised.get(invariant) ?? 0) + times);
      if (outcome.violations.length > 0) this.violating.push(outcome);
    }
  }

  get seeds(): number {
    return this.#figures.admitted.length;
  }

  get figures(): Readonly<Record<Figure, number>> {
    return {
      admitted: median(this.#figures.admitted),
      refused: median(this.#figures.refused),
      faults: median(this.#figures.faults),
      processes: median(this.#figures.processes),
      turns: median(this.#figures.turns),
      events: median(this.#figures.events),
    };
  }

  exercised(invariant: Invariant): number {
    return this.#exercised.get(invariant) ?? 0;
  }

  lines(): string[] {
    const { admitted, refused, faults, processes, turns, events } = this.figures;
    const names = Object.keys(INVARIANTS) as Invariant[];
    return [
      `medians: admitted ${admitted} refused ${refused} faults ${faults} processes ${processes} turns ${turns} events ${events}`,
      ...names.map(
        (name) => `${name.padEnd(17)} ${String(this.exercised(name)).padStart(9)} times: ${INVARIANTS[name]}`,
      ),
    ];
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
}
