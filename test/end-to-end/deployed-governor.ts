import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BedrockClient, CreateInferenceProfileCommand, ListTagsForResourceCommand } from '@aws-sdk/client-bedrock';
import { BedrockRuntimeClient, ConverseCommand, type ConverseCommandOutput } from '@aws-sdk/client-bedrock-runtime';
import {
  BudgetsClient,
  DescribeBudgetCommand,
  DescribeNotificationsForBudgetCommand,
  DescribeSubscribersForNotificationCommand,
  NotFoundException,
} from '@aws-sdk/client-budgets';
import { type AttributeValue, DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { DisableRuleCommand, EnableRuleCommand, EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import { parse } from 'yaml';
import { policyTable } from '../../aws/dynamodb/policy-table.ts';
import { epochMs } from '../../domain/clock.ts';
import { type PackagedStack, packageStack } from '../../infra/package.ts';
import { type CostGovernorConfig, costGovernor } from '../../invoke/index.ts';
import { type EmbeddedAws, type EmbeddedAwsOptions, startEmbeddedAws } from '../../local/embedded-aws.ts';
import type { Call } from '../../local/service.ts';
import { type Mailbox, subscribeMailbox } from './mailbox.ts';

export const PREFIX = 'bedrock-cost-governor-dev';
export const FUNCTIONS = {
  profileChanged: `${PREFIX}-profile-changed`,
  budgetAlert: `${PREFIX}-budget-alert`,
  sweep: `${PREFIX}-sweep`,
  reopenEnded: `${PREFIX}-reopen-ended`,
  budgetHint: `${PREFIX}-budget-hint`,
  ledgerWatch: `${PREFIX}-ledger-watch`,
  costAnomaly: `${PREFIX}-cost-anomaly`,
  metricAlarm: `${PREFIX}-metric-alarm`,
  outlook: `${PREFIX}-outlook`,
  billing: `${PREFIX}-billing`,
  lease: `${PREFIX}-lease`,
} as const;
export const RULES = {
  apiCalls: `${PREFIX}-profile-api-calls`,
  tagChanges: `${PREFIX}-profile-tag-changes`,
  sweepSchedule: `${PREFIX}-sweep-schedule`,
  reopenSchedule: `${PREFIX}-reopen-schedule`,
  ledgerWatchSchedule: `${PREFIX}-ledger-watch-schedule`,
  outlookSchedule: `${PREFIX}-outlook-schedule`,
} as const;

export const NOVA_PRO = 'amazon.nova-pro-v1:0';
export const SONNET = 'anthropic.claude-sonnet-4-5-20250929-v1:0';

const POLICY_FILE = new URL('../../examples/insurer/governance.yaml', import.meta.url);

/** The amounts of a ledger item in nano-dollars, its terms, and the item as it is stored. */
export interface LedgerState {
  readonly committed: bigint;
  readonly settled: bigint;
  readonly leased: bigint;
  readonly unconfirmed: bigint;
  readonly unattributed: bigint;
  readonly limit: bigint;
  readonly standing: string | undefined;
  readonly termsVersion: bigint;
  readonly stored: Readonly<Record<string, AttributeValue>>;
}

export interface IndexState {
  readonly name: string;
  readonly baseModelId: string;
  readonly source: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly standing: { readonly state: string };
  readonly budgets: readonly { readonly id: string }[];
  readonly endedAt?: number;
}

/** A tenant's process: a client with the helper, bound to tags. */
export interface Tenant {
  call(modelId: string, text: string, maxTokens?: number): Promise<ConverseCommandOutput>;
  /** Reports what was spent. */
  flush(): Promise<void>;
  /** Ends the process as it should end: everything reported, unused money returned. */
  close(): Promise<void>;
}

/** A write that one of the stack's functions asked AWS for, whatever became of it. */
export interface GovernorWrite {
  readonly call: Call;
  readonly what: string;
}

/** The packaged stack deployed into an embedded AWS, and what any AWS client reads back from it. */
export class DeployedGovernor {
  readonly aws: EmbeddedAws;
  readonly table: string;
  readonly alertTopicArn: string;
  readonly bedrock: BedrockClient;
  readonly budgets: BudgetsClient;
  readonly dynamodb: DynamoDBClient;
  readonly events: EventBridgeClient;
  readonly sns: SNSClient;
  /** What the governor told the owners, and what AWS Budgets told the governor. */
  readonly notices: Mailbox;
  readonly alerts: Mailbox;
  readonly #config: ClientConfig;

  private constructor(parts: {
    aws: EmbeddedAws;
    config: ClientConfig;
    outputs: (name: string) => string;
    notices: Mailbox;
    alerts: Mailbox;
  }) {
    this.aws = parts.aws;
    this.#config = parts.config;
    this.table = parts.outputs('TableName');
    this.alertTopicArn = parts.outputs('BudgetAlertsTopicArn');
    this.notices = parts.notices;
    this.alerts = parts.alerts;
    this.bedrock = new BedrockClient(parts.config);
    this.budgets = new BudgetsClient(parts.config);
    this.dynamodb = new DynamoDBClient(parts.config);
    this.events = new EventBridgeClient(parts.config);
    this.sns = new SNSClient(parts.config);
  }

  /** @param mendedTagKeys what the roles may tag, where the policy will not be the example's */
  static async start(
    startAt: string,
    options: Omit<EmbeddedAwsOptions, 'startAt'> = {},
    mendedTagKeys?: readonly string[],
  ): Promise<DeployedGovernor> {
    const packaged = await packagedFor(mendedTagKeys);
    const policy: unknown = parse(await readFile(POLICY_FILE, 'utf8'));
    return await DeployedGovernor.deploy(
      await startEmbeddedAws({ ...options, startAt: Date.parse(startAt) }),
      packaged,
      policy,
    );
  }

  /** Deploys the stack in the home Region of `aws`, and those that forward from other Regions of its account in theirs. */
  static async deploy(aws: EmbeddedAws, packaged: PackagedStack, policy: unknown): Promise<DeployedGovernor> {
    const { templatePath, artifactsDir, further } = packaged;
    try {
      const stack = await aws.deploy({ templatePath, artifactsDir });
      for (const { account, region, templatePath: forwarding } of further)
        if (account === 'own') await aws.deploy({ templatePath: forwarding, artifactsDir, region });
      const outputs = (name: string): string => {
        const value = stack.outputs[name];
        if (value === undefined) throw new Error(`the stack has no output ${name}`);
        return value;
      };
      const config = {
        endpoint: aws.endpoint,
        region: aws.homeRegion,
        credentials: { accessKeyId: 'platform-team', secretAccessKey: 'not-verified' },
        maxAttempts: 1,
      };
      const sns = new SNSClient(config);
      const sqs = new SQSClient(config);
      const notices = await subscribeMailbox({ sns, sqs }, outputs('NoticesTopicArn'), 'finops-notices');
      const alerts = await subscribeMailbox({ sns, sqs }, outputs('BudgetAlertsTopicArn'), 'finops-alerts');
      const dynamodb = new DynamoDBClient(config);
      await policyTable(dynamodb, outputs('TableName')).apply(policy);
      return new DeployedGovernor({ aws, config, outputs, notices, alerts });
    } catch (error) {
      await aws.close();
      throw error;
    }
  }

  /** Creates a profile and returns its ARN; what the governor does about it goes on meanwhile. */
  async createProfile(name: string, copyFrom: string, tags: Readonly<Record<string, string>>): Promise<string> {
    const answer = await this.bedrock.send(
      new CreateInferenceProfileCommand({
        inferenceProfileName: name,
        modelSource: { copyFrom },
        tags: Object.entries(tags).map(([key, value]) => ({ key, value })),
      }),
    );
    if (answer.inferenceProfileArn === undefined) throw new Error('no ARN in the answer');
    return answer.inferenceProfileArn;
  }

  foundationModel(modelId: string): string {
    return `arn:aws:bedrock:${this.aws.homeRegion}::foundation-model/${modelId}`;
  }

  systemProfile(profileId: string): string {
    return `arn:aws:bedrock:${this.aws.homeRegion}:${this.aws.accountId}:inference-profile/${profileId}`;
  }

  async tagsOf(profileArn: string): Promise<Record<string, string>> {
    return await readTags(this.bedrock, profileArn);
  }

  /** Bedrock in another Region. */
  inRegion(region: string) {
    const bedrock = new BedrockClient({ ...this.#config, region });
    return { bedrock, tagsOf: (profileArn: string) => readTags(bedrock, profileArn) };
  }

  async ledger(budget: string, period: string): Promise<LedgerState | undefined> {
    const item = await this.#item(`LEDGER#${budget}`, period);
    if (item === undefined) return undefined;
    const number = (name: string): bigint => BigInt(item[name]?.N ?? 'missing');
    return {
      committed: number('committed'),
      settled: number('settled'),
      leased: number('leased'),
      unconfirmed: number('unconfirmed'),
      unattributed: number('unattributed'),
      limit: number('limit'),
      standing: item['standing']?.S,
      termsVersion: number('termsVersion'),
      stored: item,
    };
  }

  async indexEntry(profileArn: string): Promise<IndexState | undefined> {
    const document = (await this.#item('INDEX', profileArn))?.['entry']?.S;
    return document === undefined ? undefined : (JSON.parse(document) as IndexState);
  }

  async #item(pk: string, sk: string): Promise<Record<string, AttributeValue> | undefined> {
    const Key = { pk: { S: pk }, sk: { S: sk } };
    return (await this.dynamodb.send(new GetItemCommand({ TableName: this.table, Key, ConsistentRead: true }))).Item;
  }

  /** The AWS budget of this name with its notifications (`ACTUAL > 80%`) and their subscribers. */
  async awsBudget(name: string) {
    const key = { AccountId: this.aws.accountId, BudgetName: name };
    try {
      const { Budget: budget } = await this.budgets.send(
        new DescribeBudgetCommand({ ...key, ShowFilterExpression: true }),
      );
      const { Notifications = [] } = await this.budgets.send(new DescribeNotificationsForBudgetCommand(key));
      const notifications: Record<string, readonly string[]> = {};
      for (const notification of Notifications) {
        const { Subscribers = [] } = await this.budgets.send(
          new DescribeSubscribersForNotificationCommand({ ...key, Notification: notification }),
        );
        notifications[`${notification.NotificationType} > ${notification.Threshold}%`] = Subscribers.map(
          ({ SubscriptionType, Address }) => `${SubscriptionType} ${Address}`,
        );
      }
      const tags = (budget?.FilterExpression?.And ?? []).flatMap(({ Tags }) =>
        Tags?.Key === undefined ? [] : [[Tags.Key, Tags.Values ?? []] as const],
      );
      return {
        limitUsd: Number(budget?.BudgetLimit?.Amount),
        timeUnit: budget?.TimeUnit,
        tags: Object.fromEntries(tags),
        notifications,
      };
    } catch (error) {
      if (error instanceof NotFoundException) return undefined;
      throw error;
    }
  }

  /** What AWS will bill for calls through a profile, in nano-dollars, in a span of virtual time. */
  billed(profileArn: string, from = Number.NEGATIVE_INFINITY, until = Number.POSITIVE_INFINITY): bigint {
    return this.aws.billing
      .filter((usage) => usage.profileArn === profileArn && usage.at >= from && usage.at < until)
      .reduce((sum, usage) => sum + usage.costNanoUsd, 0n);
  }

  tenant(tags: Readonly<Record<string, string>>, options: Partial<CostGovernorConfig> = {}): Tenant {
    const governor = costGovernor({
      table: this.table,
      tags,
      region: this.aws.homeRegion,
      dynamodb: new DynamoDBClient(this.#config),
      clock: { now: () => epochMs(this.aws.clock.now()) },
      ...options,
    });
    const client = this.plainRuntime();
    client.middlewareStack.use(governor);
    return {
      call: (modelId, text, maxTokens = 1_000) => client.send(converse(modelId, text, maxTokens)),
      flush: () => governor.flush(),
      async close() {
        await governor.close();
        client.destroy();
      },
    };
  }

  /** A client without the helper. */
  plainRuntime(): BedrockRuntimeClient {
    return new BedrockRuntimeClient(this.#config);
  }

  /** Notices since the last time as `kind subject`, in alphabetical order. */
  async newNotices(): Promise<string[]> {
    return (await this.notices()).map(({ attributes, subject }) => `${attributes['kind']}: ${subject}`).sort();
  }

  /** Runs the sweep now. @returns its report; throws where the function failed */
  async sweep(): Promise<{ readonly profiles: number; readonly failed: readonly string[]; readonly ended: number }> {
    const { payload, error } = await this.aws.invoke(FUNCTIONS.sweep, {});
    if (error !== undefined) throw new Error(`the sweep failed: ${error.message}`);
    await this.aws.settled();
    return JSON.parse(payload) as Awaited<ReturnType<DeployedGovernor['sweep']>>;
  }

  /** Keeps every write that the functions ask for, refused ones included, from now until `stop`. */
  watchWrites(): { readonly writes: readonly GovernorWrite[]; stop(): void } {
    const writes: GovernorWrite[] = [];
    const stop = this.aws.observe((observation) => {
      if (observation.kind !== 'request') return;
      const { call } = observation;
      if (call.principal.arn.includes(':assumed-role/') && !READS.test(call.operation))
        writes.push({ call, what: `${call.service} ${call.operation}` });
    });
    return { writes, stop };
  }

  /** While it works, no event reaches the governor, as if all were lost. */
  async withoutEvents<T>(work: () => Promise<T>): Promise<T> {
    const rules = [RULES.apiCalls, RULES.tagChanges];
    for (const Name of rules) await this.events.send(new DisableRuleCommand({ Name }));
    try {
      return await work();
    } finally {
      for (const Name of rules) await this.events.send(new EnableRuleCommand({ Name }));
    }
  }

  /** Nothing runs by the clock: the sweep only when {@link sweep} is called, and what has ended is opened by nothing else. */
  async stopSweeping(): Promise<void> {
    for (const Name of [RULES.sweepSchedule, RULES.reopenSchedule, RULES.ledgerWatchSchedule, RULES.outlookSchedule])
      await this.events.send(new DisableRuleCommand({ Name }));
  }

  async close(): Promise<void> {
    await this.aws.close();
  }
}

/** A stack for another policy is packaged aside: other tests deploy the common one meanwhile. */
const packagedFor = async (mendedTagKeys: readonly string[] | undefined) =>
  mendedTagKeys === undefined
    ? await packageStack()
    : await packageStack({ mendedTagKeys, outDir: join(tmpdir(), `governor-for-${mendedTagKeys.join('-')}`) });

async function readTags(bedrock: BedrockClient, resourceARN: string): Promise<Record<string, string>> {
  const { tags = [] } = await bedrock.send(new ListTagsForResourceCommand({ resourceARN }));
  return Object.fromEntries(tags.map(({ key, value }) => [key ?? '', value ?? '']));
}

// A service that is not embedded is told by its target: `AmazonSSM.GetParameters`.
const READS = /^(?:\w+\.)?(Get|List|Describe|Query|Scan|BatchGet|Receive)/;

interface ClientConfig {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly maxAttempts: number;
}

export const converse = (modelId: string, text: string, maxTokens: number): ConverseCommand =>
  new ConverseCommand({
    modelId,
    messages: [{ role: 'user', content: [{ text }] }],
    inferenceConfig: { maxTokens },
  });
