import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { auditTable } from '../../../aws/dynamodb/audit-table.ts';
import { billingMemoryTable } from '../../../aws/dynamodb/billing-memory-table.ts';
import { checkpointsTable } from '../../../aws/dynamodb/checkpoints-table.ts';
import type { ItemKind } from '../../../aws/dynamodb/item-schema.ts';
import { ledgerTable } from '../../../aws/dynamodb/ledger-table.ts';
import { chatOutboxTable, eventOutboxTable, noticeOutboxTable } from '../../../aws/dynamodb/notice-outbox-table.ts';
import { openingsTable } from '../../../aws/dynamodb/openings-table.ts';
import { overridesTable } from '../../../aws/dynamodb/overrides-table.ts';
import { paceTable } from '../../../aws/dynamodb/pace-table.ts';
import { policyTable } from '../../../aws/dynamodb/policy-table.ts';
import { profileIndexTable } from '../../../aws/dynamodb/profile-index-table.ts';
import { tableIdentities } from '../../../aws/dynamodb/recovery-table.ts';
import { signalsTable } from '../../../aws/dynamodb/signals-table.ts';
import { sweepProgressTable } from '../../../aws/dynamodb/sweep-progress-table.ts';
import { tagHistoriesTable } from '../../../aws/dynamodb/tag-histories-table.ts';
import { usageTable } from '../../../aws/dynamodb/usage-table.ts';
import type { BudgetId } from '../../../domain/budgets/budget-id.ts';
import type { UtcDay } from '../../../domain/budgets/drift.ts';
import { epochMs } from '../../../domain/clock.ts';
import type { EventId } from '../../../domain/events/governor-event.ts';
import { nanoUsd, ZERO } from '../../../domain/money.ts';
import type { ProfileArn } from '../../../domain/profiles/profile-arn.ts';
import type { IndexEntry } from '../../../domain/profiles/profile-index.ts';
import type { TableId } from '../../../domain/recovery/table-identity.ts';
import type { HolderId, LedgerKey, WriteId } from '../../../domain/spending/ledger.ts';
import type { PicoUsdPerToken } from '../../../domain/spending/pricing.ts';
import type { Terms } from '../../../domain/spending/terms.ts';
import type { ProcessId, UtcHour } from '../../../domain/spending/usage-record.ts';
import type { NoticeId } from '../../../domain/standing/notice.ts';
import type { OverrideId } from '../../../domain/standing/override.ts';
import type { SignalId } from '../../../domain/standing/signal.ts';
import { policyDocument } from '../../domain/example-policy.ts';
import { TABLE } from './governor-table.ts';

/** One kind of item: what is written of it, and how it is read again. */
export interface Sample {
  write(client: DynamoDBClient): Promise<void>;
  /** Everything that {@link write} has said, in a form that says whether it is the same. */
  read(client: DynamoDBClient): Promise<unknown>;
}

const AT = epochMs(Date.UTC(2026, 10, 23, 10));
const LATER = epochMs(AT + 3_600_000);
const clock = { now: () => AT };
const BUDGET = 'tenant-monthly/acme' as BudgetId;
const KEY: LedgerKey = { budget: BUDGET, period: '2026-11' };
const CELL: LedgerKey = { ...KEY, cell: 'cell-0' as HolderId };
const ARN = 'arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abcdefghijkl' as ProfileArn;
const ends = epochMs(Date.UTC(2026, 11, 1));
const starts = epochMs(Date.UTC(2026, 10, 1));
const usd = (nano: number) => nanoUsd(BigInt(nano));
const rate = (pico: number) => pico as PicoUsdPerToken;

const TERMS: Terms = {
  limit: usd(1_000),
  stopAt: usd(900),
  standing: 'throttled',
  reason: 'Überschritten',
  heldBy: 'operator',
  standingUntil: LATER,
  standingSince: 1,
  tightened: { standing: 'throttled', reason: 'ledger' },
  pace: { from: AT, base: usd(10), until: ends },
  raises: [{ amount: usd(50), until: LATER }],
  outageExtra: usd(5),
  version: 1,
};

const meters = {
  input: rate(1),
  output: rate(2),
  cacheRead: rate(3),
  cacheWrite5m: rate(4),
  cacheWrite1h: rate(5),
};

const ENTRY: IndexEntry = {
  arn: ARN,
  name: 'acme-chat',
  region: 'us-east-1',
  tags: { tenant: 'acme', app: 'chat' },
  baseModelId: 'amazon.nova-lite-v1:0',
  source: 'geo',
  geography: 'us',
  copyFrom: 'arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0',
  rates: { ...meters, steps: [{ aboveInputTokens: 200_000, ...meters }], cachesUnasked: true },
  rateChanges: [{ from: LATER, rates: meters }],
  contextWindow: 300_000,
  priceKey: 'amazon.nova-lite-v1:0',
  maxExposure: usd(7),
  fallback: 'amazon.nova-micro-v1:0',
  compliance: 'compliant',
  standing: {
    state: 'closed',
    reasons: [
      { kind: 'budget-used-up', budget: BUDGET, period: '2026-11', spent: usd(9), limit: usd(9), until: ends },
      { kind: 'tenant-disabled', tenant: 'acme', because: 'invoice', until: LATER },
    ],
  },
  budgets: [{ id: BUDGET, period: 'month', timeZone: 'UTC', cells: 2, mode: 'shadow' }],
  quarantines: 1,
  violatingSince: AT,
  timesViolating: 2,
  mendings: { day: '2026-11-23', writes: 1 },
  creation: { creator: { role: 'deployer', tags: { team: 'a' } }, asked: { at: AT, times: 1 } },
  mismatchedSince: AT,
  deletingSince: AT,
  verifiedAt: AT,
  endedAt: LATER,
};

const RECORD = {
  process: 'process-1' as ProcessId,
  hour: '2026-11-23T10' as UtcHour,
  chunk: 0,
  sequence: 3,
  watermark: AT,
  totals: new Map([
    [
      ARN,
      {
        calls: 2,
        usage: {
          inputTokens: 1,
          outputTokens: 2,
          cacheReadInputTokens: 3,
          cacheWrite5mInputTokens: 4,
          cacheWrite1hInputTokens: 5,
        },
        settled: usd(6),
        unconfirmed: usd(7),
      },
    ],
  ]),
};

const NOTICE = {
  id: 'closed|tenant-monthly/acme|2026-11' as NoticeId,
  kind: 'threshold-crossed',
  severity: 'warning',
  tenant: 'acme',
  budget: BUDGET,
  subject: 'Budget',
  text: 'Zürich 日本',
  facts: { limit: '1.00', calls: 3 },
} as const;

const EVENT = {
  id: 'reopened|1' as EventId,
  type: 'TenantReopened',
  detail: { version: 1, id: 'reopened|1', budget: BUDGET, closedIn: '2026-10', period: '2026-11', limitUsd: '1.00' },
} as const;

async function recordsOf(client: DynamoDBClient) {
  const records: unknown[] = [];
  for await (const record of usageTable(client, TABLE).read({ from: AT, until: LATER })) records.push(record);
  return records;
}

/** One for each kind of item in the table, with every member that it can have. */
export const SAMPLES: Readonly<Record<ItemKind, Sample>> = {
  audit: {
    write: async (client) =>
      await auditTable(client, TABLE).append(
        [
          {
            id: '2026-11-23T10:00:00.000Z-1',
            at: AT,
            actor: 'sweep',
            invocation: 'i-1',
            tenant: 'acme',
            decision: 'close budget',
            facts: { budget: BUDGET, times: 2 },
          },
        ],
        400,
      ),
    read: async (client) => await auditTable(client, TABLE).read({ day: '2026-11-23' }),
  },
  billing: {
    write: async (client) => {
      const billing = billingMemoryTable(client, TABLE, { clock, newToken: () => 'run-1' });
      await billing.keep({ said: ['tag tenant is not active'], comparedUntil: '2026-11-20' as UtcDay });
      await billing.claim(60_000);
    },
    read: async (client) => await billingMemoryTable(client, TABLE, { clock, newToken: () => 'run-1' }).read(),
  },
  checkpoints: {
    write: async (client) =>
      await checkpointsTable(client, TABLE).keep(KEY, [{ at: AT, settled: usd(1), unconfirmed: usd(2) }]),
    read: async (client) => await checkpointsTable(client, TABLE).list(KEY),
  },
  index: {
    write: async (client) => await profileIndexTable(client, TABLE).put(ENTRY),
    read: async (client) => await profileIndexTable(client, TABLE).get(ARN),
  },
  ledger: {
    write: async (client) => {
      const ledger = ledgerTable(client, TABLE, { now: async () => 'table-1' as TableId });
      const item = { startsAt: starts, endsAt: ends, terms: TERMS };
      await ledger.provide({ ...item, key: KEY, opening: { settled: usd(20), unconfirmed: usd(30) } });
      await ledger.provide({ ...item, key: CELL });
      const holder = 'process-1.1' as HolderId;
      const entry = (sequence: number, leased: number) => ({
        sequence,
        writeId: `write-${sequence}` as WriteId,
        leased: usd(leased),
        expiresAt: LATER,
      });
      const nothing = { settled: ZERO, unconfirmed: ZERO };
      const grant = { termsVersion: 1, ceiling: usd(900), at: AT };
      await ledger.write({ key: KEY, holder, ...nothing, leased: usd(40), entry: entry(1, 40), grant });
      const refusal = { at: AT, need: usd(60) };
      const unrefused = { calls: 1, amount: usd(60) };
      await ledger.write({
        key: KEY,
        holder,
        settled: usd(5),
        unconfirmed: usd(6),
        leased: usd(-11),
        entry: entry(2, 29),
        refusal,
        unrefused,
      });
      const reported = { settled: usd(1), unconfirmed: usd(2), unrefused };
      const cellEntry = { ...entry(1, 100), reported };
      await ledger.write({
        key: KEY,
        holder: 'cell-0' as HolderId,
        settled: usd(1),
        unconfirmed: usd(2),
        leased: usd(100),
        entry: cellEntry,
        unrefused,
      });
      await ledger.fund(CELL, { sequence: 1, funded: usd(103), until: LATER, at: AT, slice: usd(100) });
      await ledger.recordCrossings(KEY, ['actual 50']);
      const before = { confirmed: ZERO, unspent: ZERO };
      await ledger.trueUp(KEY, {
        from: { unconfirmed: usd(38), unattributed: ZERO, resolution: before },
        to: { unattributed: usd(4), resolution: { confirmed: usd(3), unspent: usd(2) } },
      });
    },
    read: async (client) => [await ledgerTable(client, TABLE).read(KEY), await ledgerTable(client, TABLE).read(CELL)],
  },
  message: {
    write: async (client) => {
      await noticeOutboxTable(client, TABLE, clock).enter(NOTICE);
      await chatOutboxTable(client, TABLE, clock).enter(NOTICE);
      await eventOutboxTable(client, TABLE, clock).enter(EVENT);
      await eventOutboxTable(client, TABLE, clock).claim(EVENT.id);
    },
    read: async (client) =>
      await Promise.all([
        noticeOutboxTable(client, TABLE, clock).unsent(),
        chatOutboxTable(client, TABLE, clock).unsent(),
        eventOutboxTable(client, TABLE, clock).unsent(),
      ]),
  },
  opening: {
    write: async (client) => {
      await openingsTable(client, TABLE).keep(KEY, ARN, { settled: usd(1), unconfirmed: usd(2) });
      await openingsTable(client, TABLE).settle(KEY, ARN);
    },
    read: async (client) => await openingsTable(client, TABLE).list(KEY),
  },
  override: {
    write: async (client) => {
      const overrides = overridesTable(client, TABLE);
      const by = { reason: 'invoice', author: 'arn:aws:sts::1:assumed-role/ops/ada', madeAt: AT, until: LATER };
      const budget = { kind: 'budget', budget: BUDGET } as const;
      await overrides.keep({
        ...by,
        id: 'o-1' as OverrideId,
        target: budget,
        change: { kind: 'raise', amount: usd(5) },
      });
      await overrides.keep({
        ...by,
        id: 'o-2' as OverrideId,
        target: { kind: 'tenant', tenant: 'acme' },
        change: { kind: 'disable' },
      });
    },
    read: async (client) => await overridesTable(client, TABLE).lasting(AT),
  },
  pace: {
    write: async (client) =>
      await paceTable(client, TABLE).keep(KEY, { samples: [{ at: AT, spent: usd(3) }], foreseen: 1 }),
    read: async (client) => await paceTable(client, TABLE).read(KEY),
  },
  policy: {
    write: async (client) => await policyTable(client, TABLE).apply(policyDocument()),
    read: async (client) => await policyTable(client, TABLE).current(),
  },
  signal: {
    write: async (client) =>
      await signalsTable(client, TABLE).keep({
        id: 'anomaly#1' as SignalId,
        kind: 'anomaly',
        budget: BUDGET,
        because: 'odd',
        seenAt: AT,
        until: LATER,
      }),
    read: async (client) => await signalsTable(client, TABLE).lasting(BUDGET, AT),
  },
  sweep: {
    write: async (client) => await sweepProgressTable(client, TABLE).keep({ budget: BUDGET, profile: ARN }),
    read: async (client) => await sweepProgressTable(client, TABLE).read(),
  },
  table: {
    write: async (client) => {
      const identities = tableIdentities(client, TABLE);
      const known = { tableId: 'table-1' as TableId };
      await identities.remember(known, undefined);
      await identities.remember({ ...known, closed: { at: AT, in: 'table-2' as TableId } }, known);
    },
    read: async (client) => await tableIdentities(client, TABLE).known(),
  },
  tags: {
    write: async (client) =>
      void (await tagHistoriesTable(client, TABLE).put(
        ARN,
        [
          { from: AT, tags: { tenant: 'acme' }, until: LATER },
          { from: LATER, tags: {} },
        ],
        0,
      )),
    read: async (client) => [
      await tagHistoriesTable(client, TABLE).get(ARN),
      await tagHistoriesTable(client, TABLE).list(),
    ],
  },
  usage: {
    write: async (client) => void (await usageTable(client, TABLE).write(RECORD)),
    read: async (client) => await recordsOf(client),
  },
};
