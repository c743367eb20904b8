import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { AwsClock } from '../aws/aws-clock.ts';
import { auditTable } from '../aws/dynamodb/audit-table.ts';
import { ledgerTable } from '../aws/dynamodb/ledger-table.ts';
import { overridesTable } from '../aws/dynamodb/overrides-table.ts';
import { paceTable } from '../aws/dynamodb/pace-table.ts';
import { policyTable } from '../aws/dynamodb/policy-table.ts';
import { profileIndexTable } from '../aws/dynamodb/profile-index-table.ts';
import { signalsTable } from '../aws/dynamodb/signals-table.ts';
import { tagHistoriesTable } from '../aws/dynamodb/tag-histories-table.ts';
import { usageTable } from '../aws/dynamodb/usage-table.ts';
import type { Policy } from '../domain/policy/policy.ts';
import { type StackOptions, tableOf } from './connection.ts';

/** What the governor's table holds, to be read; and the time by its clock. */
export async function tablePorts(options: StackOptions) {
  const table = tableOf(options);
  const clock = new AwsClock();
  const dynamo = clock.listenTo(new DynamoDBClient());
  // First: with its answer the clock knows AWS's time.
  const policy: Policy = await policyTable(dynamo, table).current();
  return {
    table,
    policy,
    clock,
    index: profileIndexTable(dynamo, table),
    ledger: ledgerTable(dynamo, table),
    paces: paceTable(dynamo, table),
    overrides: overridesTable(dynamo, table),
    signals: signalsTable(dynamo, table),
    trail: auditTable(dynamo, table),
    records: usageTable(dynamo, table),
    histories: tagHistoriesTable(dynamo, table),
  };
}

export type TablePorts = Awaited<ReturnType<typeof tablePorts>>;
