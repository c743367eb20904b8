import { createHash } from 'node:crypto';
import type { BudgetId } from '../../../domain/budgets/budget-id.ts';
import { budgetsCovering } from '../../../domain/budgets/definition.ts';
import { type EpochMs, epochMs } from '../../../domain/clock.ts';
import type { JournalFacts, MetricName } from '../../../domain/journal.ts';
import type { Identity } from '../../../domain/lending/caller.ts';
import type { LeaseAnswer } from '../../../domain/lending/lease-answer.ts';
import { type LendingPorts, lend } from '../../../domain/lending/lend.ts';
import { periodAt } from '../../../domain/period.ts';
import type { Policy } from '../../../domain/policy/policy.ts';
import type { IndexEntry } from '../../../domain/profiles/profile-index.ts';
import type { HolderId, LedgerItem, LedgerKey, WriteId } from '../../../domain/spending/ledger.ts';
import { OPEN } from '../../../domain/standing/standing.ts';
import type { Tags } from '../../../domain/tags.ts';
import { budgetNamed, policyDocument, policyOf } from '../example-policy.ts';
import { profileArn } from '../governed-account.ts';
import { MemoryTagHistories } from '../profiles/memory-tag-histories.ts';
import { MemoryLedger } from '../spending/memory-ledger.ts';
import { MemoryUsage } from '../spending/memory-usage.ts';

export const NOW = epochMs(Date.UTC(2026, 10, 23, 10));
export const ACME: Identity = { name: 'alias tenant-acme', tags: { tenant: 'acme' } };
export const BETA: Identity = { name: 'alias tenant-beta', tags: { tenant: 'beta' } };

/** `claims` is shared by everybody whose profile has that team. */
export const LENDING_POLICY = policyDocument({
  timeZone: 'UTC',
  budgets: [
    { name: 'tenant-monthly', per: 'tenant', limit: '0.000001 USD' },
    { name: 'claims', selector: { team: 'claims' }, limit: '0.000001 USD' },
    { name: 'hot', selector: { team: 'hot' }, limit: '0.000001 USD', processes: 129 },
  ],
  ledger: { maxExposure: '0.0000001 USD' },
  lending: {
    aliases: { 'tenant-acme': { tenant: 'acme' }, 'tenant-beta': { tenant: 'beta' } },
    roles: { 'arn:aws:iam::123456789012:role/apps/acme-app': { tenant: 'acme' } },
  },
});

/** What the `lease` function works on, in memory. */
export class LendingAccount {
  readonly policy: Policy;
  readonly ledger = new MemoryLedger();
  readonly usage = new MemoryUsage();
  readonly histories = new MemoryTagHistories();
  readonly entries: IndexEntry[] = [];
  readonly counted: { readonly metric: MetricName; readonly facts: JournalFacts | undefined }[] = [];
  now: EpochMs = NOW;
  readonly ports: LendingPorts;
  #ids = 0;

  constructor(policy: Policy = policyOf(LENDING_POLICY)) {
    this.policy = policy;
    this.ports = {
      ledger: this.ledger,
      usage: this.usage,
      histories: { get: async (arn) => await this.histories.get(arn) },
      clock: { now: () => this.now },
      journal: { decided() {}, counted: (metric, facts) => void this.counted.push({ metric, facts }) },
      newWriteId: () => `agent-${++this.#ids}` as WriteId,
      random: () => 0.5,
      agents: new Map(),
      namespaceOf: ({ name }) => createHash('sha256').update(name).digest('base64url').slice(0, 10),
      facts: async () => ({ policy: this.policy, entries: this.entries }),
    };
  }

  profile(id: string, tags: Tags, change: Partial<IndexEntry> = {}): IndexEntry {
    const budgets = budgetsCovering(this.policy, tags).map(({ id: budget, period, timeZone, cells }) => ({
      id: budget,
      period,
      timeZone,
      ...(cells === undefined ? {} : { cells }),
    }));
    const arn = profileArn(id);
    const entry: IndexEntry = {
      arn,
      name: id,
      region: 'us-east-1',
      tags,
      baseModelId: 'amazon.nova-lite-v1:0',
      source: 'in-region',
      standing: OPEN,
      budgets,
      verifiedAt: this.now,
      ...change,
    };
    this.entries.push(entry);
    return entry;
  }

  /** An item with a limit of 1,000 nano-dollars. */
  provide(id: string, change: Partial<LedgerItem> = {}): LedgerKey {
    const budget = budgetNamed(this.policy, id);
    const { id: period, startsAt, endsAt } = periodAt(budget.period, 'UTC', this.now);
    const key: LedgerKey = { budget: id as BudgetId, period };
    const { limit, stopAt } = budget;
    void this.ledger.provide({ key, startsAt, endsAt, terms: { limit, stopAt, standing: 'open', version: 1 } });
    const item = this.item(key);
    this.ledger.put({ ...item, ...change });
    return key;
  }

  item(key: LedgerKey): LedgerItem {
    const item = this.ledger.item(key);
    if (item === undefined) throw new Error(`no item for ${key.budget}`);
    return item;
  }

  async ask(identity: Identity, request: unknown): Promise<LeaseAnswer> {
    return await lend(this.ports, identity, request);
  }
}

export const PROCESS = 'process-of-16-ch';
export const HOLDER = `${PROCESS}.1` as HolderId;

/** A write of 100 nano-dollars as a process of acme asks for it; `undefined` leaves a member out. */
export const writing = (change: Record<string, unknown> = {}): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries({
      protocol: 1,
      do: 'write',
      budget: 'tenant-monthly/acme',
      period: '2026-11',
      holder: HOLDER,
      sequence: 1,
      writeId: 'write-0001',
      settled: '0',
      unconfirmed: '0',
      leased: '100',
      expiresAt: NOW + 60_000,
      termsVersion: 1,
      ...change,
    }).filter(([, value]) => value !== undefined),
  );

export const reading = (budget: string, period = '2026-11') => ({
  protocol: 1,
  do: 'read',
  budget,
  period,
  process: PROCESS,
});
