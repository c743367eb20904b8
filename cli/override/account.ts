import { randomUUID } from 'node:crypto';
import { BedrockClient } from '@aws-sdk/client-bedrock';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { AwsClock } from '../../aws/aws-clock.ts';
import { bedrockProfiles } from '../../aws/bedrock-profiles.ts';
import { auditTable } from '../../aws/dynamodb/audit-table.ts';
import { ledgerTable } from '../../aws/dynamodb/ledger-table.ts';
import { chatOutboxTable, eventOutboxTable, noticeOutboxTable } from '../../aws/dynamodb/notice-outbox-table.ts';
import { openingsTable } from '../../aws/dynamodb/openings-table.ts';
import { overridesTable } from '../../aws/dynamodb/overrides-table.ts';
import { policyTable } from '../../aws/dynamodb/policy-table.ts';
import { profileIndexTable } from '../../aws/dynamodb/profile-index-table.ts';
import { tableIdentities } from '../../aws/dynamodb/recovery-table.ts';
import { signalsTable } from '../../aws/dynamodb/signals-table.ts';
import { tableLook } from '../../aws/dynamodb/table-identity.ts';
import { tagHistoriesTable } from '../../aws/dynamodb/tag-histories-table.ts';
import { usageTable } from '../../aws/dynamodb/usage-table.ts';
import { BEDROCK_PACE, Pace } from '../../aws/pace.ts';
import { genaiPrices } from '../../aws/price-list.ts';
import { AuditingJournal } from '../../domain/audit/auditing-journal.ts';
import type { Journal } from '../../domain/journal.ts';
import type { StandingEnforcement } from '../../domain/profiles/govern-profile.ts';
import { refuseRestored } from '../../domain/recovery/tend-table.ts';
import type { WriteId } from '../../domain/spending/ledger.ts';
import { UsageSince } from '../../domain/spending/recorded-usage.ts';
import { noticeOutbox } from '../../domain/standing/notice-outbox.ts';
import { forEachRegion } from '../../infra/made-once.ts';

/** What an override is enforced with: the operator's own permissions, and the policy that is in force. */
export async function enforcementOf(
  table: string,
  journal: Journal,
): Promise<
  StandingEnforcement & { readonly journal: AuditingJournal; readonly overrides: ReturnType<typeof overridesTable> }
> {
  const clock = new AwsClock();
  const dynamo = clock.listenTo(new DynamoDBClient());
  const bedrockIn = forEachRegion((region) => new BedrockClient({ region }));
  const paceIn = forEachRegion(() => new Pace(BEDROCK_PACE));
  // What would be decided on a restored table is decided on what it has forgotten.
  await refuseRestored(tableIdentities(dynamo, table));
  // With its answers the clock knows AWS's time.
  const policy = await policyTable(dynamo, table).current();
  const index = profileIndexTable(dynamo, table);
  return {
    policy,
    clock,
    journal: new AuditingJournal({
      journal,
      trail: auditTable(dynamo, table),
      clock,
      index,
      policy: async () => policy,
    }),
    profiles: bedrockProfiles(bedrockIn, paceIn),
    index,
    histories: tagHistoriesTable(dynamo, table),
    ledger: ledgerTable(dynamo, table, tableLook(dynamo, table, clock)),
    openings: openingsTable(dynamo, table),
    overrides: overridesTable(dynamo, table),
    signals: signalsTable(dynamo, table),
    usage: new UsageSince(usageTable(dynamo, table), clock),
    prices: genaiPrices,
    // Entered here, and sent by the functions: they know the topics and the bus.
    outbox: noticeOutbox({
      notices: noticeOutboxTable(dynamo, table, clock),
      chat: chatOutboxTable(dynamo, table, clock),
      events: eventOutboxTable(dynamo, table, clock),
    }),
    newWriteId: () => randomUUID() as WriteId,
  };
}
