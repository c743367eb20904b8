import { randomUUID } from 'node:crypto';
import { BedrockClient } from '@aws-sdk/client-bedrock';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { AwsClock } from '../../aws/aws-clock.ts';
import { bedrockProfiles } from '../../aws/bedrock-profiles.ts';
import { cloudWatchMetrics } from '../../aws/cloudwatch-metrics.ts';
import { auditTable } from '../../aws/dynamodb/audit-table.ts';
import { ledgerTable } from '../../aws/dynamodb/ledger-table.ts';
import { overridesTable } from '../../aws/dynamodb/overrides-table.ts';
import { policyTable } from '../../aws/dynamodb/policy-table.ts';
import { profileIndexTable } from '../../aws/dynamodb/profile-index-table.ts';
import { recoveryTable, tableIdentities } from '../../aws/dynamodb/recovery-table.ts';
import { signalsTable } from '../../aws/dynamodb/signals-table.ts';
import { tableLook } from '../../aws/dynamodb/table-identity.ts';
import { usageTable } from '../../aws/dynamodb/usage-table.ts';
import { BEDROCK_PACE, Pace } from '../../aws/pace.ts';
import { genaiPrices } from '../../aws/price-list.ts';
import { AuditingJournal } from '../../domain/audit/auditing-journal.ts';
import type { Journal } from '../../domain/journal.ts';
import type { Recovery } from '../../domain/recovery/recover.ts';
import type { WriteId } from '../../domain/spending/ledger.ts';
import { forEachRegion } from '../../infra/made-once.ts';

/** What a recovery is done with: the operator's own permissions, and the policy that is in the table. */
export async function recoveryOf(
  table: string,
  journal: Journal,
): Promise<Recovery & { readonly journal: AuditingJournal }> {
  const clock = new AwsClock();
  const dynamo = clock.listenTo(new DynamoDBClient());
  const bedrockIn = forEachRegion((region) => new BedrockClient({ region }));
  const paceIn = forEachRegion(() => new Pace(BEDROCK_PACE));
  // First: with its answer the clock knows AWS's time.
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
    prices: genaiPrices,
    ledger: ledgerTable(dynamo, table, tableLook(dynamo, table, clock)),
    overrides: overridesTable(dynamo, table),
    signals: signalsTable(dynamo, table),
    identities: tableIdentities(dynamo, table),
    store: recoveryTable(dynamo, table),
    metered: cloudWatchMetrics(forEachRegion((region) => new CloudWatchClient({ region }))),
    records: usageTable(dynamo, table),
    newWriteId: () => randomUUID() as WriteId,
  };
}
