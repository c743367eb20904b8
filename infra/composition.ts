import { createHash, randomUUID } from 'node:crypto';
import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics } from '@aws-lambda-powertools/metrics';
import { BedrockClient } from '@aws-sdk/client-bedrock';
import { BudgetsClient } from '@aws-sdk/client-budgets';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { ResourceGroupsTaggingAPIClient } from '@aws-sdk/client-resource-groups-tagging-api';
import { SNSClient } from '@aws-sdk/client-sns';
import { SSMClient } from '@aws-sdk/client-ssm';
import * as z from 'zod';
import { awsBudgets } from '../aws/aws-budgets.ts';
import { AwsClock } from '../aws/aws-clock.ts';
import { bedrockProfiles } from '../aws/bedrock-profiles.ts';
import { cloudWatchMetrics } from '../aws/cloudwatch-metrics.ts';
import { checkpointsTable } from '../aws/dynamodb/checkpoints-table.ts';
import { ledgerTable } from '../aws/dynamodb/ledger-table.ts';
import { noticeOutboxTable } from '../aws/dynamodb/notice-outbox-table.ts';
import { openingsTable } from '../aws/dynamodb/openings-table.ts';
import { overridesTable } from '../aws/dynamodb/overrides-table.ts';
import { policyTable } from '../aws/dynamodb/policy-table.ts';
import { profileIndexTable } from '../aws/dynamodb/profile-index-table.ts';
import { signalsTable } from '../aws/dynamodb/signals-table.ts';
import { sweepProgressTable } from '../aws/dynamodb/sweep-progress-table.ts';
import { usageTable } from '../aws/dynamodb/usage-table.ts';
import { BEDROCK_PACE, GET_RESOURCES_PACE, Pace } from '../aws/pace.ts';
import { indexParameter } from '../aws/parameter-index.ts';
import { powertoolsGauges, powertoolsJournal } from '../aws/powertools-journal.ts';
import { genaiPrices } from '../aws/price-list.ts';
import { snsNotices } from '../aws/sns-notices.ts';
import { taggedResources } from '../aws/tagged-resources.ts';
import { bulkTags } from '../aws/tagging-profiles.ts';
import type { Journal } from '../domain/journal.ts';
import type { Identity } from '../domain/lending/caller.ts';
import type { LendingPorts } from '../domain/lending/lend.ts';
import { rememberedFacts } from '../domain/lending/lending-facts.ts';
import type { PublishedIndex } from '../domain/profiles/publish-index.ts';
import type { Sweep } from '../domain/profiles/sweep.ts';
import type { TaggedResources } from '../domain/resources/assess-resources.ts';
import type { WriteId } from '../domain/spending/ledger.ts';
import { UsageSince } from '../domain/spending/recorded-usage.ts';
import { UsageReadings } from '../domain/spending/usage-readings.ts';
import type { NoticePublisher } from '../domain/standing/notice.ts';
import { functionSettings } from './function-settings.ts';

/** What a function is told by the stack; see `provider.environment` in infra/serverless.yml. */
const Environment = z.object({
  GOVERNOR_TABLE: z.string().min(3),
  GOVERNOR_NOTICES_TOPIC_ARN: z.string().startsWith('arn:'),
  GOVERNOR_BUDGET_ALERTS_TOPIC_ARN: z.string().startsWith('arn:'),
  GOVERNOR_ACCOUNT_ID: z.string().regex(/^\d{12}$/),
  GOVERNOR_INDEX_PARAMETER: z.string().startsWith('/'),
  GOVERNOR_STAGE: z.string().regex(/^[A-Za-z0-9-]{1,40}$/),
});

export interface Governor {
  readonly accountId: string;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly journal: Journal;
  /** Reads the policy in force, and with it AWS's time, and puts everything together that a use case needs. */
  start(): Promise<
    Sweep & {
      readonly publisher: NoticePublisher;
      readonly published: PublishedIndex;
      readonly resources: TaggedResources;
    }
  >;
  /** What the function `lease` needs, which runs too often to read the policy each time. */
  readonly lending: LendingPorts;
}

/** The adapters of one function, made once for each execution environment. */
export function governor(environment: NodeJS.ProcessEnv = process.env): Governor {
  const {
    GOVERNOR_TABLE: table,
    GOVERNOR_NOTICES_TOPIC_ARN: noticesTopicArn,
    GOVERNOR_BUDGET_ALERTS_TOPIC_ARN: alertTopicArn,
    GOVERNOR_ACCOUNT_ID: accountId,
    GOVERNOR_INDEX_PARAMETER: indexName,
    GOVERNOR_STAGE: stage,
  } = functionSettings(Environment, environment);

  const logger = new Logger();
  const metrics = new Metrics({ defaultDimensions: { stage } });
  const journal = powertoolsJournal(logger, metrics);
  const clock = new AwsClock();
  const dynamo = clock.listenTo(new DynamoDBClient());
  const bedrockIn = forEachRegion((region) => new BedrockClient({ region }));
  const paceIn = forEachRegion(() => new Pace(BEDROCK_PACE));
  const taggingIn = forEachRegion((region) => new ResourceGroupsTaggingAPIClient({ region }));
  const taggingPace = new Pace(GET_RESOURCES_PACE);
  const cloudWatchIn = forEachRegion((region) => new CloudWatchClient({ region }));
  const policies = policyTable(dynamo, table);
  const index = profileIndexTable(dynamo, table);
  const ledger = ledgerTable(dynamo, table);
  const newWriteId = () => randomUUID() as WriteId;
  const records = usageTable(dynamo, table);
  const readings = new UsageReadings({ records, metered: cloudWatchMetrics(cloudWatchIn), clock });

  return {
    accountId,
    logger,
    metrics,
    journal,
    async start() {
      return {
        policy: await policies.current(),
        stage,
        clock,
        journal,
        profiles: bedrockProfiles(bedrockIn, paceIn),
        bulkTags: bulkTags({ clientFor: taggingIn, pace: taggingPace }),
        progress: sweepProgressTable(dynamo, table),
        gauges: powertoolsGauges(metrics),
        index,
        ledger,
        openings: openingsTable(dynamo, table),
        overrides: overridesTable(dynamo, table),
        signals: signalsTable(dynamo, table),
        usage: new UsageSince(records, clock),
        checkpoints: checkpointsTable(dynamo, table),
        readings,
        prices: genaiPrices,
        awsBudgets: awsBudgets(new BudgetsClient(), { accountId, alertTopicArn }),
        outbox: noticeOutboxTable(dynamo, table, clock),
        resources: taggedResources(taggingIn),
        published: indexParameter(new SSMClient(), indexName),
        publisher: snsNotices(new SNSClient(), noticesTopicArn),
        newWriteId,
      };
    },
    lending: {
      ledger,
      usage: usageTable(dynamo, table),
      clock,
      journal,
      newWriteId,
      random: Math.random,
      agents: new Map(),
      namespaceOf,
      facts: rememberedFacts(async () => {
        const [policy, entries] = await Promise.all([policies.current(), index.list()]);
        return { policy, entries };
      }, clock),
    },
  };
}

/** One client for each Region, made when it is first needed. */
function forEachRegion<Client>(make: (region: string) => Client): (region: string) => Client {
  const clients = new Map<string, Client>();
  return (region) => {
    const client = clients.get(region) ?? make(region);
    clients.set(region, client);
    return client;
  };
}

/** 60 bits: the identities of one policy are few, and nobody but its author names them. */
const namespaceOf = ({ name }: Identity): string => createHash('sha256').update(name).digest('base64url').slice(0, 10);
