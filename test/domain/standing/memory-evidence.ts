import type { BudgetId } from '../../../domain/budgets/budget-id.ts';
import { type EpochMs, epochMs } from '../../../domain/clock.ts';
import type {
  LastWord,
  Override,
  OverrideChange,
  OverrideId,
  Overrides,
  OverrideTarget,
  StoredWord,
} from '../../../domain/standing/override.ts';
import type { Signal, Signals } from '../../../domain/standing/signal.ts';

const standingOf = (target: OverrideTarget): string =>
  `standing ${target.kind} ${target.kind === 'budget' ? target.budget : target.tenant}`;

/** What operators have said, in memory. */
export class MemoryOverrides implements Overrides {
  readonly #kept = new Map<string, LastWord>();

  async lastWord(target: OverrideTarget): Promise<LastWord | undefined> {
    return this.#kept.get(standingOf(target));
  }

  async keep(override: Override, after?: LastWord): Promise<'kept' | 'overtaken'> {
    const { target, change, id } = override;
    const place = change.kind === 'raise' ? `raise ${id}` : standingOf(target);
    const before = this.#kept.get(place);
    if (before?.override?.id === id) return 'kept';
    if (before?.stored !== after?.stored) return 'overtaken';
    this.#kept.set(place, {
      override,
      stored: id as string as StoredWord,
      ...(after?.override === undefined ? {} : { saidAfter: after.override.id }),
    });
    return 'kept';
  }

  async lasting(now: EpochMs): Promise<readonly Override[]> {
    return [...this.#kept.values()].flatMap(({ override }) => {
      if (override === undefined) throw new Error('an override cannot be read');
      return override.until > now ? [override] : [];
    });
  }

  /** Leaves a word on a target that nobody can read. */
  garble(target: OverrideTarget): void {
    this.#kept.set(standingOf(target), { stored: 'garbled' as StoredWord });
  }
}

/** What AWS's watchers have seen, in memory. */
export class MemorySignals implements Signals {
  readonly #kept = new Map<string, Signal>();

  async keep(signal: Signal): Promise<void> {
    const place = `${signal.budget} ${signal.id}`;
    const before = this.#kept.get(place);
    if (before === undefined || before.seenAt <= signal.seenAt) this.#kept.set(place, signal);
  }

  async lasting(budget: BudgetId, now: EpochMs): Promise<readonly Signal[]> {
    return [...this.#kept.values()].filter((signal) => signal.budget === budget && signal.until > now);
  }
}

let made = 0;

/** An operator's word on acme's monthly budget, or on another target, that holds from now on for so long. */
export const anOverride = (
  { now }: { readonly now: EpochMs },
  change: OverrideChange,
  ms: number,
  target: OverrideTarget = { kind: 'budget', budget: 'tenant-monthly/acme' as BudgetId },
): Override => ({
  id: `override-${++made}` as OverrideId,
  target,
  change,
  reason: 'a test',
  author: 'arn:aws:sts::123456789012:assumed-role/operator/ada',
  madeAt: now,
  until: epochMs(now + ms),
});
