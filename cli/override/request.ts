import { randomUUID } from 'node:crypto';
import type { BudgetId } from '../../domain/budgets/budget-id.ts';
import { type EpochMs, epochMs } from '../../domain/clock.ts';
import { Amount } from '../../domain/policy/amount.ts';
import type { Override, OverrideChange, OverrideId, OverrideTarget } from '../../domain/standing/override.ts';
import { durationTyped } from '../time-typed.ts';
import { UserError } from '../user-error.ts';

/** What an operator has typed. */
export interface OverrideOptions {
  readonly budget?: string;
  readonly tenant?: string;
  readonly until?: string;
  readonly for?: string;
  readonly by?: string;
  readonly reason: string;
}

/** An override but for who made it, and when: those are AWS's to say. */
export interface OverrideRequest {
  readonly target: OverrideTarget;
  readonly change: OverrideChange;
  readonly reason: string;
  readonly end: (now: EpochMs) => EpochMs;
}

/** @throws {UserError} that names everything that is wrong with what was typed */
export function readOverride(kind: OverrideChange['kind'], options: OverrideOptions): OverrideRequest {
  const problems: string[] = [];
  const target = targetOf(options);
  const change = changeOf(kind, options);
  const end = endOf(options);
  for (const part of [target, change, end]) if (typeof part === 'string') problems.push(part);
  if (problems.length > 0 || typeof target === 'string' || typeof change === 'string' || typeof end === 'string')
    throw new UserError(problems);
  return { target, change, end, reason: options.reason };
}

export const overrideOf = (
  { target, change, reason, end }: OverrideRequest,
  author: string,
  now: EpochMs,
): Override => ({
  id: randomUUID() as OverrideId,
  target,
  change,
  reason,
  author,
  madeAt: now,
  until: end(now),
});

function targetOf({ budget, tenant }: OverrideOptions): OverrideTarget | string {
  if (budget !== undefined && tenant === undefined) return { kind: 'budget', budget: budget as BudgetId };
  if (tenant !== undefined && budget === undefined) return { kind: 'tenant', tenant };
  return 'expected one of --budget <id> and --tenant <value>';
}

function changeOf(kind: OverrideChange['kind'], { by }: OverrideOptions): OverrideChange | string {
  if (kind !== 'raise') return { kind };
  const amount = Amount.safeParse(by);
  return amount.success
    ? { kind, amount: amount.data }
    : `--by: ${amount.error.issues[0]?.message ?? 'expected an amount'}`;
}

function endOf({ until, for: duration }: OverrideOptions): OverrideRequest['end'] | string {
  if ((until === undefined) === (duration === undefined)) return 'expected one of --until <time> and --for <duration>';
  if (until !== undefined) {
    // A time without its zone would mean another instant on another machine.
    const at = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/.test(until)
      ? Date.parse(until)
      : Number.NaN;
    return Number.isNaN(at)
      ? `--until: expected a time with its zone such as 2026-12-01T00:00:00Z, not "${until}"`
      : () => epochMs(at);
  }
  const span = durationTyped('--for', duration ?? '');
  return typeof span === 'string'
    ? `${span}; for a longer one give its end with --until`
    : (now) => epochMs(now + span);
}
