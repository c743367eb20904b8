import type { Budget } from '../budgets/definition.ts';
import { type EpochMs, epochMs } from '../clock.ts';
import type { Signal, SignalId, SignalKind, Signals } from './signal.ts';

/** What AWS's watchers told, confirmed by asking AWS. */
export interface Seen {
  readonly kind: SignalKind;
  /** As AWS names it: the anomaly's id, or the alarm's name. */
  readonly name: string;
  readonly because: string;
  readonly seenAt: EpochMs;
  /** When AWS says that it is over, where it does. */
  readonly endedAt?: EpochMs;
}

/**
 * Makes what was seen evidence about a budget, for as long as the policy says (`signals.holds`) or until it is over. The
 * review that follows decides by it, and so does every other until its end. Hearing of it again prolongs nothing.
 */
export async function keepSignal(
  { signals }: { readonly signals: Signals },
  budget: Budget,
  { kind, name, because, seenAt, endedAt }: Seen,
): Promise<Signal> {
  const until = epochMs(Math.min(seenAt + budget.signals.holdMs, endedAt ?? Number.POSITIVE_INFINITY));
  const id = `${kind}/${name}` as SignalId;
  const signal: Signal = { id, kind, budget: budget.id, because, seenAt, until };
  await signals.keep(signal);
  return signal;
}
