import { randomUUID } from 'node:crypto';
import { BedrockClient } from '@aws-sdk/client-bedrock';
import { BudgetsClient } from '@aws-sdk/client-budgets';
import { CloudTrailClient } from '@aws-sdk/client-cloudtrail';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { CostExplorerClient } from '@aws-sdk/client-cost-explorer';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { IAMClient } from '@aws-sdk/client-iam';
import { ResourceGroupsTaggingAPIClient } from '@aws-sdk/client-resource-groups-tagging-api';
import { awsBudgets } from '../../aws/aws-budgets.ts';
import { AwsClock } from '../../aws/aws-clock.ts';
import { bedrockProfileRemover } from '../../aws/bedrock-profile-remover.ts';
import { bedrockProfiles } from '../../aws/bedrock-profiles.ts';
import { cloudTrailCreators, LOOKUP_EVENTS_PACE } from '../../aws/cloudtrail-creators.ts';
import { cloudWatchInvocations } from '../../aws/cloudwatch-invocations.ts';
import { cloudWatchMetrics } from '../../aws/cloudwatch-metrics.ts';
import { costAnomalies } from '../../aws/cost-anomalies.ts';
import { costExplorerAnomalies, costExplorerTags } from '../../aws/cost-explorer.ts';
import { costExplorerBill } from '../../aws/cost-explorer-bill.ts';
import { billingMemoryTable } from '../../aws/dynamodb/billing-memory-table.ts';
import { checkpointsTable } from '../../aws/dynamodb/checkpoints-table.ts';
import { ledgerReadings } from '../../aws/dynamodb/ledger-readings.ts';
import { ledgerTable } from '../../aws/dynamodb/ledger-table.ts';
import { noticeOutboxTable } from '../../aws/dynamodb/notice-outbox-table.ts';
import { openingsTable } from '../../aws/dynamodb/openings-table.ts';
import { overridesTable } from '../../aws/dynamodb/overrides-table.ts';
import { paceTable } from '../../aws/dynamodb/pace-table.ts';
import { policyTable } from '../../aws/dynamodb/policy-table.ts';
import { profileIndexTable } from '../../aws/dynamodb/profile-index-table.ts';
import { tableIdentities } from '../../aws/dynamodb/recovery-table.ts';
import { signalsTable } from '../../aws/dynamodb/signals-table.ts';
import { sweepProgressTable } from '../../aws/dynamodb/sweep-progress-table.ts';
import { tagHistoriesTable } from '../../aws/dynamodb/tag-histories-table.ts';
import { usageTable } from '../../aws/dynamodb/usage-table.ts';
import { metricAlarms } from '../../aws/metric-alarms.ts';
import { BEDROCK_PACE, BUDGETS_PACE, COST_EXPLORER_PACE, GET_RESOURCES_PACE, Pace } from '../../aws/pace.ts';
import { genaiPrices } from '../../aws/price-list.ts';
import { readOnly } from '../../aws/read-only.ts';
import { bulkTags } from '../../aws/tagging-profiles.ts';
import { refuseRestored } from '../../domain/recovery/tend-table.ts';
import type { RealPorts } from '../../domain/replay/dry-ports.ts';
import type { WriteId } from '../../domain/spending/ledger.ts';
import { UsageSince } from '../../domain/spending/recorded-usage.ts';
import { UsageReadings } from '../../domain/spending/usage-readings.ts';
import type { Notice } from '../../domain/standing/notice.ts';
import { forEachRegion } from '../../infra/made-once.ts';

/** Everything that the functions of the stack read, through clients that refuse to write. */
export async function answeringAccount(known: {
  readonly table: string;
  readonly stage: string;
  readonly accountId: string;
  readonly anomalyTopicArn: string;
}): Promise<{ readonly ports: RealPorts; readonly isTold: (id: Notice['id']) => Promise<boolean> }> {
  const { table, stage, accountId, anomalyTopicArn } = known;
  const clock = new AwsClock();
  const dynamo = clock.listenTo(readOnly(new DynamoDBClient()));
  // First: with its answer the clock knows AWS's time.
  const policy = await policyTable(dynamo, table).current();
  // As the functions do: nothing is decided on items that may not be believed.
  await refuseRestored(tableIdentities(dynamo, table));
  const bedrockIn = forEachRegion((region) => readOnly(new BedrockClient({ region })));
  const paceIn = forEachRegion(() => new Pace(BEDROCK_PACE));
  const cloudWatchIn = forEachRegion((region) => readOnly(new CloudWatchClient({ region })));
  const records = usageTable(dynamo, table);
  const costExplorer = readOnly(new CostExplorerClient({ region: 'us-east-1' }));
  const costExplorerPace = new Pace(COST_EXPLORER_PACE);
  const outbox = { enter: async () => {}, announce: async () => {} };
  return {
    isTold: (id) => noticeOutboxTable(dynamo, table, clock).has(id),
    ports: {
      policy,
      stage,
      clock,
      journal: { decided: () => {}, counted: () => {} },
      gauges: { measured: () => {} },
      profiles: bedrockProfiles(bedrockIn, paceIn),
      bulkTags: bulkTags({
        clientFor: forEachRegion((region) => readOnly(new ResourceGroupsTaggingAPIClient({ region }))),
        pace: new Pace(GET_RESOURCES_PACE),
      }),
      remover: bedrockProfileRemover(bedrockIn, paceIn),
      invocations: cloudWatchInvocations(cloudWatchIn),
      progress: sweepProgressTable(dynamo, table),
      index: profileIndexTable(dynamo, table),
      histories: tagHistoriesTable(dynamo, table),
      creators: cloudTrailCreators({
        cloudTrailIn: forEachRegion((region) => readOnly(new CloudTrailClient({ region }))),
        paceIn: forEachRegion(() => new Pace(LOOKUP_EVENTS_PACE)),
        iam: readOnly(new IAMClient()),
      }),
      ledger: ledgerTable(dynamo, table),
      ledgerReadings: ledgerReadings(dynamo, table),
      openings: openingsTable(dynamo, table),
      overrides: overridesTable(dynamo, table),
      signals: signalsTable(dynamo, table),
      usage: new UsageSince(records, clock),
      checkpoints: checkpointsTable(dynamo, table),
      readings: new UsageReadings({ records, metered: cloudWatchMetrics(cloudWatchIn), clock }),
      paces: paceTable(dynamo, table),
      prices: genaiPrices,
      // The topic is written into new AWS budgets alone, and none is made here.
      awsBudgets: awsBudgets(readOnly(new BudgetsClient()), { accountId, alertTopicArn: '' }, new Pace(BUDGETS_PACE)),
      anomalies: costAnomalies(costExplorer, clock),
      billing: {
        policy,
        stage,
        accountId,
        anomalyTopicArn,
        clock,
        costTags: costExplorerTags(costExplorer, costExplorerPace),
        anomalies: costExplorerAnomalies(costExplorer, costExplorerPace),
        bill: costExplorerBill(costExplorer, costExplorerPace, { accountId }),
        records,
        index: profileIndexTable(dynamo, table),
        memory: billingMemoryTable(dynamo, table, { clock, newToken: randomUUID }),
      },
      alarms: metricAlarms(cloudWatchIn),
      outbox,
      newWriteId: () => randomUUID() as WriteId,
    },
  };
}
