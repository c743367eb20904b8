import type { BudgetId } from '../../../domain/budgets/budget-id.ts';
import { type EpochMs, epochMs } from '../../../domain/clock.ts';
import type {
  Override,
  OverrideChange,
  OverrideId,
  Overrides,
  OverrideTarget,
} from '../../../domain/standing/override.ts';
import type { Signal, Signals } from '../../../domain/standing/signal.ts';

/** What operators have said, in memory. */
export class MemoryOverrides implements Overrides {
  readonly #kept = new Map<string, Override>();

  async keep(override: Override): Promise<'kept' | 'outdated'> {
    const { target, change, id, madeAt } = override;
    const of = target.kind === 'budget' ? target.budget : target.tenant;
    const place = change.kind === 'raise' ? `raise ${id}` : `standing ${target.kind} ${of}`;
    const before = this.#kept.get(place);
    if (before !== undefined && before.madeAt > madeAt) return 'outdated';
    this.#kept.set(place, override);
    return 'kept';
  }

  async lasting(now: EpochMs): Promise<readonly Override[]> {
    return [...this.#kept.values()].filter(({ until }) => until > now);
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
