import { randomUUID } from 'node:crypto';
import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics } from '@aws-lambda-powertools/metrics';
import { CostExplorerClient } from '@aws-sdk/client-cost-explorer';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SNSClient } from '@aws-sdk/client-sns';
import * as z from 'zod';
import { AwsClock } from '../aws/aws-clock.ts';
import { costExplorerAnomalies, costExplorerTags } from '../aws/cost-explorer.ts';
import { costExplorerBill } from '../aws/cost-explorer-bill.ts';
import { billingMemoryTable } from '../aws/dynamodb/billing-memory-table.ts';
import { noticeOutboxTable } from '../aws/dynamodb/notice-outbox-table.ts';
import { policyTable } from '../aws/dynamodb/policy-table.ts';
import { profileIndexTable } from '../aws/dynamodb/profile-index-table.ts';
import { usageTable } from '../aws/dynamodb/usage-table.ts';
import { COST_EXPLORER_PACE, Pace } from '../aws/pace.ts';
import { powertoolsGauges, powertoolsJournal } from '../aws/powertools-journal.ts';
import { snsNotices } from '../aws/sns-notices.ts';
import type { BillingPorts } from '../domain/budgets/run-billing.ts';
import type { NoticeOutbox, NoticePublisher } from '../domain/standing/notice.ts';
import { functionSettings } from './function-settings.ts';
import type { Equipped } from './handler-of.ts';

const Environment = z.object({
  GOVERNOR_TABLE: z.string().min(3),
  GOVERNOR_NOTICES_TOPIC_ARN: z.string().startsWith('arn:'),
  GOVERNOR_ANOMALIES_TOPIC_ARN: z.string().startsWith('arn:'),
  GOVERNOR_ACCOUNT_ID: z.string().regex(/^\d{12}$/),
  GOVERNOR_STAGE: z.string().regex(/^[A-Za-z0-9-]{1,40}$/),
});

export interface Billing extends Equipped {
  /** Reads the policy in force, and with it AWS's time. */
  start(): Promise<BillingPorts & { readonly outbox: NoticeOutbox; readonly publisher: NoticePublisher }>;
}

/** The adapters of the function `billing`. */
export function billing(environment: NodeJS.ProcessEnv = process.env): Billing {
  const settings = functionSettings(Environment, environment);
  const { GOVERNOR_TABLE: table, GOVERNOR_ACCOUNT_ID: accountId, GOVERNOR_STAGE: stage } = settings;
  const logger = new Logger();
  const metrics = new Metrics({ defaultDimensions: { stage } });
  const clock = new AwsClock();
  const dynamo = clock.listenTo(new DynamoDBClient());
  const costExplorer = new CostExplorerClient();
  const pace = new Pace(COST_EXPLORER_PACE);
  const policies = policyTable(dynamo, table);
  return {
    logger,
    metrics,
    async start() {
      return {
        policy: await policies.current(),
        accountId,
        stage,
        anomalyTopicArn: settings.GOVERNOR_ANOMALIES_TOPIC_ARN,
        clock,
        journal: powertoolsJournal(logger, metrics),
        gauges: powertoolsGauges(metrics),
        costTags: costExplorerTags(costExplorer, pace),
        anomalies: costExplorerAnomalies(costExplorer, pace),
        bill: costExplorerBill(costExplorer, pace, { accountId }),
        records: usageTable(dynamo, table),
        index: profileIndexTable(dynamo, table),
        memory: billingMemoryTable(dynamo, table, { clock, newToken: randomUUID }),
        outbox: noticeOutboxTable(dynamo, table, clock),
        publisher: snsNotices(new SNSClient(), settings.GOVERNOR_NOTICES_TOPIC_ARN),
      };
    },
  };
}
