import { type AuditRecord, type AuditTrail, auditOf, dayOf } from '../audit/audit-record.ts';
import type { BudgetId } from '../budgets/budget-id.ts';
import { type EpochMs, epochMs } from '../clock.ts';

/** Who wrote the terms that hold now, and when, as the audit trail has it. */
export interface Deciding {
  readonly at: EpochMs;
  /** The function that decided, or the ARN of the operator. */
  readonly actor: string;
}

/** Decisions that change the terms of a budget: see `settleStanding` in domain/standing/review-budget.ts. */
const CHANGES: ReadonlySet<string> = new Set(['change terms', 'throttle budget', 'close budget']);
const DAY_MS = 86_400_000;
/** How far back it is looked for: a day is a query. */
const MOST_DAYS = 35;

/**
 * The last change of a budget's terms in a period. The trail is kept for a time, and its records may be lost: undefined says
 * that it has none, not that nobody decided.
 */
export async function lastDeciding(
  trail: Pick<AuditTrail, 'read'>,
  question: {
    readonly budget: BudgetId;
    readonly tenant: string | undefined;
    readonly period: string;
    readonly since: EpochMs;
    readonly now: EpochMs;
  },
): Promise<Deciding | undefined> {
  const { budget, tenant, period, since, now } = question;
  for (let back = 0; back < MOST_DAYS; back++) {
    const day = dayOf(epochMs(now - back * DAY_MS));
    if (day < dayOf(since)) return undefined;
    let last: AuditRecord | undefined;
    const asked = tenant === undefined || tenant === '' ? { day } : { tenant, from: day, until: day };
    for await (const record of auditOf(trail, asked, 1_000))
      if (
        CHANGES.has(record.decision) &&
        record.facts['budget'] === budget &&
        record.facts['period'] === period &&
        (last === undefined || record.at >= last.at)
      )
        last = record;
    if (last !== undefined) return { at: last.at, actor: last.actor };
  }
  return undefined;
}
