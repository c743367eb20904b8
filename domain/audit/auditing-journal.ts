import type { BudgetId } from '../budgets/budget-id.ts';
import { budgetOf, tenantOf } from '../budgets/definition.ts';
import { type Clock, isoTime } from '../clock.ts';
import type { DecisionName, Journal, JournalFacts, MetricName } from '../journal.ts';
import type { Policy } from '../policy/policy.ts';
import { parseProfileArn } from '../profiles/profile-arn.ts';
import type { ProfileIndex } from '../profiles/profile-index.ts';
import { tagValue } from '../tags.ts';
import { type AuditRecord, type AuditTrail, dayOf } from './audit-record.ts';

export interface AuditingPorts {
  readonly journal: Journal;
  readonly trail: Pick<AuditTrail, 'append'>;
  readonly clock: Clock;
  readonly index: Pick<ProfileIndex, 'get'>;
  /** The policy in force: it says whose a budget is, and how long records are kept. */
  readonly policy: () => Promise<Policy>;
}

/** So many records are written at once, beside the work; what is left, at its end. */
const BATCH = 100;
/** Beyond this, decisions that cannot be written away are counted as lost: memory is not for ever. */
const MAX_WAITING = 20_000;
/** The account of a run, not a decision: what it decided it has told one by one. */
const REPORTS: ReadonlySet<string> = new Set(['swept', 'report resources']);
/**
 * What a budget in shadow mode or a policy that observes would do is decided at each look, and what is left as it is until
 * somebody does something: kept once a day.
 */
const REPEATED =
  /^would |^(?:keep (?:stale AWS budget|mismatched profiles)|leave foreign AWS budget|alerts-full AWS budget|report missing profiles)$/;

/**
 * A journal that also keeps each decision in the audit trail. What cannot be kept is counted and stops nothing: money is
 * governed first, and the log has the decision too.
 */
export class AuditingJournal implements Journal {
  readonly #ports: AuditingPorts;
  #actor = 'unknown';
  #invocation = '';
  #sequence = 0;
  #waiting: Omit<AuditRecord, 'tenant'>[] = [];
  #writing: Promise<void> | undefined;

  constructor(ports: AuditingPorts) {
    this.#ports = ports;
  }

  /** Whose decisions the following are. */
  begin({ actor, invocation }: { readonly actor: string; readonly invocation: string }): void {
    this.#actor = actor;
    this.#invocation = invocation;
    this.#sequence = 0;
  }

  decided(decision: DecisionName, facts: JournalFacts): void {
    this.#ports.journal.decided(decision, facts);
    if (REPORTS.has(decision)) return;
    if (this.#waiting.length >= MAX_WAITING) {
      this.#ports.journal.counted('AuditFailed', { decision, error: 'too many decisions wait to be written' });
      return;
    }
    const at = this.#ports.clock.now();
    const id = REPEATED.test(decision)
      ? `${dayOf(at)}#${decision}#${subjectOf(facts)}`
      : `${isoTime(at)}#${this.#invocation}#${String(++this.#sequence).padStart(6, '0')}`;
    this.#waiting.push({ id, at, actor: this.#actor, invocation: this.#invocation, decision, facts });
    if (this.#waiting.length >= BATCH && this.#writing === undefined)
      this.#writing = this.#write().finally(() => {
        this.#writing = undefined;
      });
  }

  counted(metric: MetricName, facts?: JournalFacts): void {
    this.#ports.journal.counted(metric, facts);
  }

  /** Writes what waits; to be awaited before the process may be frozen. Never throws. */
  async flush(): Promise<void> {
    await this.#writing;
    await this.#write();
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, BATCH);
      try {
        const policy = await this.#ports.policy();
        const tenants = new TenantLookup(this.#ports, policy);
        const records: AuditRecord[] = [];
        for (const record of batch) {
          const tenant = await tenants.of(record.facts);
          records.push(tenant === undefined || tenant === '' ? record : { ...record, tenant });
        }
        await this.#ports.trail.append(records, policy.audit.retentionDays);
      } catch (error) {
        this.#ports.journal.counted('AuditFailed', {
          records: batch.length,
          error: error instanceof Error ? error.message : String(error),
        });
      }
    }
  }
}

const textOf = (facts: JournalFacts, name: string): string | undefined => {
  const value = facts[name];
  return typeof value === 'string' ? value : undefined;
};

const subjectOf = (facts: JournalFacts): string =>
  ['budget', 'period', 'profile', 'name']
    .map((name) => textOf(facts, name))
    .filter((part) => part !== undefined)
    .join('#');

/** Whose it is: the facts say it, or the budget's selector, or the profile's tags in the index. */
class TenantLookup {
  readonly #ports: AuditingPorts;
  readonly #policy: Policy;
  readonly #known = new Map<string, string | undefined>();

  constructor(ports: AuditingPorts, policy: Policy) {
    this.#ports = ports;
    this.#policy = policy;
  }

  async of(facts: JournalFacts): Promise<string | undefined> {
    const stated = textOf(facts, 'tenant');
    if (stated !== undefined) return stated;
    const budget = budgetOf(this.#policy, (textOf(facts, 'budget') ?? '') as BudgetId);
    if (budget !== undefined) return tenantOf(this.#policy, budget);
    const arn = parseProfileArn(textOf(facts, 'profile') ?? '');
    if (arn === undefined) return undefined;
    if (!this.#known.has(arn)) {
      const entry = await this.#ports.index.get(arn);
      this.#known.set(arn, entry && tagValue(entry.tags, this.#policy.tenantTag));
    }
    return this.#known.get(arn);
  }
}
