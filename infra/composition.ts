import { createHash } from 'node:crypto';
import * as z from 'zod';
import { awsBudgets } from '../aws/aws-budgets.ts';
import { bedrockProfileRemover } from '../aws/bedrock-profile-remover.ts';
import { bedrockProfiles } from '../aws/bedrock-profiles.ts';
import { cloudTrailCreators, LOOKUP_EVENTS_PACE } from '../aws/cloudtrail-creators.ts';
import { cloudWatchInvocations } from '../aws/cloudwatch-invocations.ts';
import { cloudWatchMetrics } from '../aws/cloudwatch-metrics.ts';
import { costAnomalies } from '../aws/cost-anomalies.ts';
import { checkpointsTable } from '../aws/dynamodb/checkpoints-table.ts';
import { ledgerReadings } from '../aws/dynamodb/ledger-readings.ts';
import { ledgerTable } from '../aws/dynamodb/ledger-table.ts';
import { openingsTable } from '../aws/dynamodb/openings-table.ts';
import { overridesTable } from '../aws/dynamodb/overrides-table.ts';
import { paceTable } from '../aws/dynamodb/pace-table.ts';
import { signalsTable } from '../aws/dynamodb/signals-table.ts';
import { sweepProgressTable } from '../aws/dynamodb/sweep-progress-table.ts';
import { tagHistoriesTable } from '../aws/dynamodb/tag-histories-table.ts';
import { usageTable } from '../aws/dynamodb/usage-table.ts';
import { metricAlarms } from '../aws/metric-alarms.ts';
import { BEDROCK_PACE, BUDGETS_PACE, EVENT_PACE, GET_RESOURCES_PACE, Pace, type PaceOptions } from '../aws/pace.ts';
import { indexParameter } from '../aws/parameter-index.ts';
import { powertoolsGauges } from '../aws/powertools-journal.ts';
import { genaiPrices } from '../aws/price-list.ts';
import { taggedResources } from '../aws/tagged-resources.ts';
import { bulkTags } from '../aws/tagging-profiles.ts';
import type { Identity } from '../domain/lending/caller.ts';
import type { LendingPorts } from '../domain/lending/lend.ts';
import { rememberedFacts } from '../domain/lending/lending-facts.ts';
import type { Delivery } from '../domain/outbox.ts';
import type { Outlook } from '../domain/outlook/look-ahead.ts';
import { ProfileEars } from '../domain/profiles/hear-profile.ts';
import type { PublishedIndex } from '../domain/profiles/publish-index.ts';
import type { Sweep } from '../domain/profiles/sweep.ts';
import type { TaggedResources } from '../domain/resources/assess-resources.ts';
import type { MetricAlarms } from '../domain/signals/alarm.ts';
import type { CostAnomalies } from '../domain/signals/anomaly.ts';
import type { WriteId } from '../domain/spending/ledger.ts';
import { UsageSince } from '../domain/spending/recorded-usage.ts';
import { UsageReadings } from '../domain/spending/usage-readings.ts';
import { equipment } from './equipment.ts';
import { functionSettings } from './function-settings.ts';
import type { Equipped } from './handler-of.ts';
import { inLambda, type Surroundings } from './surroundings.ts';
import { TellingSettings, telling } from './telling.ts';

/** What a function is told by the stack; see `provider.environment` in infra/serverless.yml. */
const Environment = TellingSettings.extend({
  GOVERNOR_TABLE: z.string().min(3),
  GOVERNOR_BUDGET_ALERTS_TOPIC_ARN: z.string().startsWith('arn:'),
  GOVERNOR_ACCOUNT_ID: z.string().regex(/^\d{12}$/),
  GOVERNOR_INDEX_PARAMETER: z.string().startsWith('/'),
  GOVERNOR_STAGE: z.string().regex(/^[A-Za-z0-9-]{1,40}$/),
});

export interface Governor extends Equipped {
  readonly accountId: string;
  /** Reads the policy in force, and with it AWS's time, and puts everything together that a use case needs. */
  start(): Promise<
    Sweep &
      Outlook & {
        readonly anomalies: CostAnomalies;
        readonly alarms: MetricAlarms;
        readonly deliveries: readonly Delivery[];
        readonly published: PublishedIndex;
        readonly resources: TaggedResources;
      }
  >;
  /** Answers events about profiles, and remembers for some seconds what it has seen. */
  readonly ears: ProfileEars;
  /** What the function `lease` needs, which runs too often to read the policy each time. */
  readonly lending: LendingPorts;
}

/** The adapters of one function, made once for each execution environment. */
export function governor(surroundings: Surroundings = inLambda()): Governor {
  const { clients, machine } = surroundings;
  const settings = functionSettings(Environment, surroundings.environment);
  const {
    GOVERNOR_TABLE: table,
    GOVERNOR_BUDGET_ALERTS_TOPIC_ARN: alertTopicArn,
    GOVERNOR_ACCOUNT_ID: accountId,
    GOVERNOR_INDEX_PARAMETER: indexName,
    GOVERNOR_STAGE: stage,
  } = settings;

  const { logger, metrics, clock, dynamo, policies, index, journal } = equipment(surroundings, table, stage);
  const pace = (rate: PaceOptions) => new Pace({ now: machine.monotonic, wait: machine.wait, ...rate });
  const bedrockIn = forEachRegion(clients.bedrock);
  const paceIn = forEachRegion(() => pace(BEDROCK_PACE));
  const taggingIn = forEachRegion(clients.tagging);
  const taggingPace = pace(GET_RESOURCES_PACE);
  const cloudWatchIn = forEachRegion(clients.cloudWatch);
  const ledger = ledgerTable(dynamo, table);
  const newWriteId = () => machine.newId() as WriteId;
  const records = usageTable(dynamo, table);
  const readings = new UsageReadings({ records, metered: cloudWatchMetrics(cloudWatchIn), clock });
  // Made when they are first needed: the function `lease` needs none of them.
  const budgets = once(() =>
    // By AWS's clock, as all that is decided here.
    awsBudgets(clients.budgets(), { accountId, alertTopicArn }, pace({ ...BUDGETS_PACE, now: () => clock.now() })),
  );
  const published = once(() => indexParameter(clients.ssm(), indexName));
  const creators = once(() =>
    cloudTrailCreators({
      cloudTrailIn: forEachRegion(clients.cloudTrail),
      paceIn: forEachRegion(() => pace(LOOKUP_EVENTS_PACE)),
      iam: clients.iam(),
      now: machine.monotonic,
    }),
  );
  const anomalies = once(() => costAnomalies(clients.costExplorer('us-east-1'), clock));
  const alarms = once(() => metricAlarms(clients.cloudWatch()));
  const told = once(() => telling(clients, dynamo, table, clock, settings));
  const heardPaceIn = forEachRegion(() => pace(EVENT_PACE));
  const heard = bedrockProfiles(bedrockIn, heardPaceIn);
  const start: Governor['start'] = async () => {
    return {
      policy: await policies.current(),
      stage,
      clock,
      journal,
      profiles: bedrockProfiles(bedrockIn, paceIn),
      bulkTags: bulkTags({ clientFor: taggingIn, pace: taggingPace }),
      remover: bedrockProfileRemover(bedrockIn, paceIn),
      invocations: cloudWatchInvocations(cloudWatchIn),
      progress: sweepProgressTable(dynamo, table),
      gauges: powertoolsGauges(metrics),
      index,
      histories: tagHistoriesTable(dynamo, table),
      creators: creators(),
      ledger,
      openings: openingsTable(dynamo, table),
      overrides: overridesTable(dynamo, table),
      signals: signalsTable(dynamo, table),
      usage: new UsageSince(records, clock),
      checkpoints: checkpointsTable(dynamo, table),
      readings,
      prices: genaiPrices,
      awsBudgets: budgets(),
      ...told(),
      ledgerReadings: ledgerReadings(dynamo, table, machine.wait),
      paces: paceTable(dynamo, table),
      anomalies: anomalies(),
      alarms: alarms(),
      resources: taggedResources(taggingIn, taggingPace),
      published: published(),
      newWriteId,
    };
  };

  return {
    accountId,
    logger,
    metrics,
    journal,
    start,
    ears: new ProfileEars(async () => ({ ...(await start()), profiles: heard }), clock),
    lending: {
      ledger,
      usage: usageTable(dynamo, table),
      clock,
      journal,
      newWriteId,
      random: machine.random,
      agents: new Map(),
      namespaceOf,
      facts: rememberedFacts(async () => {
        const [policy, entries] = await Promise.all([policies.current(), index.list()]);
        return { policy, entries };
      }, clock),
    },
  };
}

/** Made once, when it is first asked for. */
function once<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
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
