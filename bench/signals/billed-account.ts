import { BedrockClient, CreateInferenceProfileCommand } from '@aws-sdk/client-bedrock';
import { BedrockRuntimeClient } from '@aws-sdk/client-bedrock-runtime';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { bedrockProfiles } from '../../aws/bedrock-profiles.ts';
import { cloudWatchMetrics } from '../../aws/cloudwatch-metrics.ts';
import { checkpointsTable } from '../../aws/dynamodb/checkpoints-table.ts';
import { ledgerTable } from '../../aws/dynamodb/ledger-table.ts';
import { chatOutboxTable, eventOutboxTable, noticeOutboxTable } from '../../aws/dynamodb/notice-outbox-table.ts';
import { openingsTable } from '../../aws/dynamodb/openings-table.ts';
import { overridesTable } from '../../aws/dynamodb/overrides-table.ts';
import { profileIndexTable } from '../../aws/dynamodb/profile-index-table.ts';
import { signalsTable } from '../../aws/dynamodb/signals-table.ts';
import { tagHistoriesTable } from '../../aws/dynamodb/tag-histories-table.ts';
import { usageTable } from '../../aws/dynamodb/usage-table.ts';
import { genaiPrices } from '../../aws/price-list.ts';
import { type Budget, budgetsCovering } from '../../domain/budgets/definition.ts';
import type { AwsBudgets } from '../../domain/budgets/provisioning.ts';
import { epochMs } from '../../domain/clock.ts';
import type { Journal } from '../../domain/journal.ts';
import { periodAt } from '../../domain/period.ts';
import { governProfile } from '../../domain/profiles/govern-profile.ts';
import { type ProfileArn, parseProfileArn } from '../../domain/profiles/profile-arn.ts';
import type { IndexEntry } from '../../domain/profiles/profile-index.ts';
import type { LedgerItem, WriteId } from '../../domain/spending/ledger.ts';
import { UsageSince } from '../../domain/spending/recorded-usage.ts';
import { trueUp } from '../../domain/spending/true-up-budget.ts';
import { UsageReadings } from '../../domain/spending/usage-readings.ts';
import { noticeOutbox } from '../../domain/standing/notice-outbox.ts';
import { reviewBudget } from '../../domain/standing/review-budget.ts';
import { type CostGovernor, costGovernor } from '../../invoke/index.ts';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';
import { createGovernorTable, dynamoDbClient, TABLE } from '../../test/aws/dynamodb/governor-table.ts';
import { policyDocument, policyOf } from '../../test/domain/example-policy.ts';

const REGION = 'us-east-1';
const SILENT: Journal = { decided: () => {}, counted: () => {} };

export interface BilledTenant {
  readonly name: string;
  readonly arn: ProfileArn;
  readonly model: string;
  readonly budget: Budget;
}

/** What AWS Budgets says of the bill is hours late; this bill is looked at by the metrics and the ledger. */
const NO_AWS_BUDGETS: AwsBudgets = {
  describe: async () => undefined,
  figures: async () => undefined,
  list: async () => new Map(),
  create: async () => 'created',
  update: async () => 'unchanged',
  remove: async () => 'gone',
};

/**
 * An embedded AWS with a governor's table, and the governor's own adapters and use cases on it. AWS writes its bill by
 * itself: from its own records, prices and code, which share nothing with the governor's.
 */
export class BilledAccount {
  readonly aws: EmbeddedAws;
  readonly #policy = policyOf(
    policyDocument({
      timeZone: 'UTC',
      regions: [REGION],
      tags: { required: { tenant: {} } },
      budgets: [{ name: 'all', per: 'tenant', limit: '1000 USD', thresholds: [{ at: '100%', action: 'disable' }] }],
    }),
  );
  readonly #dynamodb: DynamoDBClient;
  readonly #bedrock: BedrockClient;
  readonly #config: {
    readonly endpoint: string;
    readonly region: string;
    readonly credentials: { accessKeyId: string; secretAccessKey: string };
  };
  #writeIds = 0;

  private constructor(aws: EmbeddedAws) {
    this.aws = aws;
    this.#config = {
      endpoint: aws.endpoint,
      region: REGION,
      credentials: { accessKeyId: 'platform-team', secretAccessKey: 'not-verified' },
    };
    this.#dynamodb = dynamoDbClient(aws);
    this.#bedrock = new BedrockClient(this.#config);
  }

  static async start(startAt: number): Promise<BilledAccount> {
    const account = new BilledAccount(await startEmbeddedAws({ startAt }));
    await createGovernorTable(account.#dynamodb);
    return account;
  }

  get now() {
    return epochMs(this.aws.clock.now());
  }

  /** Made, governed and provided for, as after the event of its creation. */
  async tenant(name: string, model: string, copyFrom: string): Promise<BilledTenant> {
    const { inferenceProfileArn = '' } = await this.#bedrock.send(
      new CreateInferenceProfileCommand({
        inferenceProfileName: name,
        modelSource: { copyFrom },
        tags: [{ key: 'tenant', value: name }],
      }),
    );
    const arn = parseProfileArn(inferenceProfileArn);
    const [budget] = budgetsCovering(this.#policy, { tenant: name });
    if (arn === undefined || budget === undefined) throw new Error(`no profile or no budget of ${name}`);
    await governProfile({ ...this.#ports, index: this.#readingOnce() }, arn);
    return { name, arn, model, budget };
  }

  readonly #profiles = bedrockProfiles(() => this.#bedrock);

  get #ports() {
    const dynamodb = this.#dynamodb;
    const clock = { now: () => this.now };
    const records = usageTable(dynamodb, TABLE);
    return {
      policy: this.#policy,
      stage: 'bench',
      clock,
      journal: SILENT,
      profiles: this.#profiles,
      index: profileIndexTable(dynamodb, TABLE),
      histories: tagHistoriesTable(dynamodb, TABLE),
      // Every profile is made with its tags: nobody's are derived from who made it.
      creators: { find: async () => ({ kind: 'busy' as const }) },
      ledger: ledgerTable(dynamodb, TABLE),
      openings: openingsTable(dynamodb, TABLE),
      overrides: overridesTable(dynamodb, TABLE),
      signals: signalsTable(dynamodb, TABLE),
      checkpoints: checkpointsTable(dynamodb, TABLE),
      usage: new UsageSince(records, clock),
      readings: this.#readings,
      prices: genaiPrices,
      // No AWS budgets: their figures are no part of the comparison.
      awsBudgets: NO_AWS_BUDGETS,
      outbox: noticeOutbox({
        notices: noticeOutboxTable(dynamodb, TABLE, clock),
        chat: chatOutboxTable(dynamodb, TABLE, clock),
        events: eventOutboxTable(dynamodb, TABLE, clock),
      }),
      newWriteId: () => `governor-${++this.#writeIds}` as WriteId,
    };
  }

  /** As the sweep does: the index is long, and there are many budgets. Before anything is spent, nobody need be in it. */
  #readingOnce() {
    const { index } = this.#ports;
    return { ...index, list: () => (this.#listed ??= index.list()) };
  }
  #listed: Promise<readonly IndexEntry[]> | undefined;

  get #readings(): UsageReadings {
    this.#kept ??= new UsageReadings({
      records: usageTable(this.#dynamodb, TABLE),
      metered: cloudWatchMetrics(() => new CloudWatchClient(this.#config)),
      clock: { now: () => this.now },
    });
    return this.#kept;
  }
  #kept: UsageReadings | undefined;

  /** What the sweep does with budgets: review, true-up. */
  async reconcile(budgets: readonly Budget[]): Promise<void> {
    this.#listed = undefined;
    const ports = { ...this.#ports, index: this.#readingOnce() };
    for (const budget of budgets) await reviewBudget(ports, budget);
    const targets = budgets.map((budget) => ({ budget, period: periodAt(budget.period, budget.timeZone, this.now) }));
    for (const { outcome, unreadable } of await trueUp(ports, targets))
      if (outcome === 'failed' || unreadable.length > 0) throw new Error('a true-up failed');
  }

  /** A tenants' server with the helper, and how to cut it off from the table for good, as if it were killed. */
  server(): { readonly governor: CostGovernor; readonly runtime: BedrockRuntimeClient; kill(): void } {
    let isKilled = false;
    const dynamodb = new DynamoDBClient({ ...this.#config, maxAttempts: 1 });
    dynamodb.middlewareStack.add(
      (next) => async (args) => {
        if (isKilled) throw new Error('this process was killed');
        return await next(args);
      },
      { step: 'initialize' },
    );
    const governor = costGovernor({
      table: TABLE,
      tags: {},
      region: REGION,
      dynamodb,
      clock: { now: () => this.now },
    });
    return {
      governor,
      runtime: this.plainRuntime(),
      kill: () => {
        isKilled = true;
      },
    };
  }

  plainRuntime(): BedrockRuntimeClient {
    return new BedrockRuntimeClient({ ...this.#config, maxAttempts: 1 });
  }

  async item({ budget }: BilledTenant): Promise<LedgerItem> {
    const { id } = periodAt(budget.period, budget.timeZone, this.now);
    const item = await ledgerTable(this.#dynamodb, TABLE).read({ budget: budget.id, period: id });
    if (item === undefined) throw new Error(`no ledger item of ${budget.id}`);
    return item;
  }

  /** What AWS bills each profile, in nano-dollars. */
  bill(): ReadonlyMap<string, bigint> {
    const bill = new Map<string, bigint>();
    for (const { profileArn, costNanoUsd } of this.aws.billing)
      if (profileArn !== undefined) bill.set(profileArn, (bill.get(profileArn) ?? 0n) + costNanoUsd);
    return bill;
  }

  async close(): Promise<void> {
    await this.aws.close();
  }
}
