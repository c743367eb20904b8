import { type EpochMs, isoTime } from '../clock.ts';
import type { JournalFacts } from '../journal.ts';

/** A decision or a write to AWS, as it is kept: who or what made it, on which evidence, what was before and what is after. */
export interface AuditRecord {
  /** Sorts by time within its day, and is the same if the record is written again. */
  readonly id: string;
  readonly at: EpochMs;
  /** The function that decided, such as `bedrock-cost-governor-prod-sweep`. */
  readonly actor: string;
  /** Its invocation, by which its log is found. */
  readonly invocation: string;
  /** Whose money or profile it is about, where that is known. */
  readonly tenant?: string;
  /** As in the log: docs/observability.md lists them. */
  readonly decision: string;
  /** Evidence, before and after, as in the log. */
  readonly facts: JournalFacts;
}

/** UTC, such as `2026-11-25`. */
export type AuditDay = string;

export const dayOf = (at: EpochMs): AuditDay => isoTime(at).slice(0, 10);

/** What is asked of the trail: a day, or a tenant in some days, both inclusive. */
export type AuditQuestion =
  | { readonly day: AuditDay }
  | { readonly tenant: string; readonly from: AuditDay; readonly until: AuditDay };

export interface AuditPage {
  /** In order of time. */
  readonly records: readonly AuditRecord[];
  /** Ids of what this version cannot read. */
  readonly unreadable: readonly string[];
  /** Where the next page begins; absent on the last. */
  readonly next?: string;
}

export interface AuditTrail {
  /** Keeps records for so many days from their time. Writing one again changes nothing. */
  append(records: readonly AuditRecord[], retentionDays: number): Promise<void>;
  /** @param limit most records of a page */
  read(question: AuditQuestion, from?: string, limit?: number): Promise<AuditPage>;
}

/** All records that answer a question, page by page. */
export async function* auditOf(
  trail: Pick<AuditTrail, 'read'>,
  question: AuditQuestion,
  pageSize = 100,
): AsyncIterable<AuditRecord> {
  let from: string | undefined;
  do {
    const page = await trail.read(question, from, pageSize);
    yield* page.records;
    from = page.next;
  } while (from !== undefined);
}
