import { type EpochMs, epochMs } from '../clock.ts';
import type { DecisionName } from '../journal.ts';
import { type AuditQuestion, type AuditRecord, type AuditTrail, dayOf } from './audit-record.ts';

/** Which decisions somebody looks for. */
export interface AuditSearch {
  readonly from: EpochMs;
  /** The first instant after. */
  readonly until: EpochMs;
  readonly tenant?: string;
  readonly budget?: string;
  readonly kind?: DecisionName;
}

export type Found =
  | { readonly kind: 'record'; readonly record: AuditRecord }
  | { readonly kind: 'unreadable'; readonly id: string };

const DAY_MS = 86_400_000;
const PAGE = 500;

/**
 * The decisions that answer a search, in order of time. What another version wrote is told apart: it may be one of them.
 * What is kept once a day under the day alone has its time within it.
 */
export async function* searchTrail(trail: Pick<AuditTrail, 'read'>, search: AuditSearch): AsyncIterable<Found> {
  for (const question of questionsOf(search)) {
    let next: string | undefined;
    do {
      const page = await trail.read(question, next, PAGE);
      for (const id of page.unreadable) yield { kind: 'unreadable', id };
      for (const record of page.records) if (answers(search, record)) yield { kind: 'record', record };
      next = page.next;
    } while (next !== undefined);
  }
}

function questionsOf({ from, until, tenant }: AuditSearch): AuditQuestion[] {
  const last = dayOf(epochMs(Math.max(from, until - 1)));
  if (tenant !== undefined) return [{ tenant, from: dayOf(from), until: last }];
  const days: AuditQuestion[] = [];
  for (let at: number = from; dayOf(epochMs(at)) <= last; at += DAY_MS) days.push({ day: dayOf(epochMs(at)) });
  return days;
}

const answers = ({ from, until, budget, kind }: AuditSearch, { at, decision, facts }: AuditRecord): boolean =>
  at >= from &&
  at < until &&
  (budget === undefined || facts['budget'] === budget) &&
  (kind === undefined || decision === kind);
