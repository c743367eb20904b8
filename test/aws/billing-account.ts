import { BedrockClient, CreateInferenceProfileCommand } from '@aws-sdk/client-bedrock';
import { BedrockRuntimeClient, ConverseCommand } from '@aws-sdk/client-bedrock-runtime';
import {
  type AnomalyMonitor,
  type AnomalySubscription,
  CostExplorerClient,
  GetAnomalyMonitorsCommand,
  GetAnomalySubscriptionsCommand,
} from '@aws-sdk/client-cost-explorer';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { costExplorerAnomalies, costExplorerTags } from '../../aws/cost-explorer.ts';
import { costExplorerBill } from '../../aws/cost-explorer-bill.ts';
import { billingMemoryTable } from '../../aws/dynamodb/billing-memory-table.ts';
import { chatOutboxTable, eventOutboxTable, noticeOutboxTable } from '../../aws/dynamodb/notice-outbox-table.ts';
import { profileIndexTable } from '../../aws/dynamodb/profile-index-table.ts';
import { usageTable } from '../../aws/dynamodb/usage-table.ts';
import { type BillingPorts, type BillingReport, runBilling } from '../../domain/budgets/run-billing.ts';
import { epochMs } from '../../domain/clock.ts';
import type { GovernorEvent } from '../../domain/events/governor-event.ts';
import { Fault } from '../../domain/fault.ts';
import type { GaugeName, JournalFacts } from '../../domain/journal.ts';
import { nanoUsd } from '../../domain/money.ts';
import type { Policy } from '../../domain/policy/policy.ts';
import { parseProfileArn } from '../../domain/profiles/profile-arn.ts';
import { NO_USAGE } from '../../domain/spending/usage.ts';
import { hourAt, type ProcessId, type UsageRecords } from '../../domain/spending/usage-record.ts';
import type { Notice } from '../../domain/standing/notice.ts';
import { noticeOutbox } from '../../domain/standing/notice-outbox.ts';
import { type EmbeddedAws, type EmbeddedAwsOptions, startEmbeddedAws } from '../../local/embedded-aws.ts';
import { policyDocument, policyOf } from '../domain/example-policy.ts';
import { indexEntry } from '../domain/profiles/index-entry.ts';
import { clientConfig } from './client-config.ts';
import { createGovernorTable, dynamoDbClient, TABLE } from './dynamodb/governor-table.ts';

export const TOPIC = 'arn:aws:sns:us-east-1:123456789012:anomalies';
const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;

/** An account with the governor's table, seen and billed through AWS SDK clients. */
export class BillingAccount {
  policy: Policy = policyOf(policyDocument({ timeZone: 'UTC' }));
  readonly journal: { readonly what: string; readonly facts: JournalFacts }[] = [];
  readonly gauges = new Map<GaugeName, number>();
  readonly aws: EmbeddedAws;
  readonly costExplorer: CostExplorerClient;
  readonly #dynamodb: DynamoDBClient;
  readonly #usage: UsageRecords;
  readonly #arns = new Map<string, string>();
  #tokens = 0;
  #records = 0;

  private constructor(aws: EmbeddedAws) {
    this.aws = aws;
    this.costExplorer = new CostExplorerClient({ ...clientConfig(aws), maxAttempts: 1 });
    this.#dynamodb = dynamoDbClient(aws, 1);
    this.#usage = usageTable(this.#dynamodb, TABLE);
  }

  static async start(options: EmbeddedAwsOptions = {}): Promise<BillingAccount> {
    const account = new BillingAccount(await startEmbeddedAws({ startAt: Date.UTC(2026, 10, 2), ...options }));
    await createGovernorTable(account.#dynamodb);
    return account;
  }

  get ports(): BillingPorts {
    const client = this.costExplorer;
    const pace = { keep: <T>(request: () => Promise<T>) => request() };
    const clock = { now: () => epochMs(this.aws.clock.now()) };
    const { accountId } = this.aws;
    return {
      policy: this.policy,
      accountId,
      stage: 'test',
      anomalyTopicArn: TOPIC,
      clock,
      journal: {
        decided: (what, facts) => void this.journal.push({ what, facts }),
        counted: (what, facts = {}) => void this.journal.push({ what, facts }),
      },
      gauges: { measured: (gauge, value) => void this.gauges.set(gauge, value) },
      costTags: costExplorerTags(client, pace),
      anomalies: costExplorerAnomalies(client, pace),
      bill: costExplorerBill(client, pace, { accountId }),
      records: this.#usage,
      index: profileIndexTable(this.#dynamodb, TABLE),
      memory: billingMemoryTable(this.#dynamodb, TABLE, { clock, newToken: () => `run-${++this.#tokens}` }),
      outbox: noticeOutbox({
        notices: noticeOutboxTable(this.#dynamodb, TABLE, clock),
        chat: chatOutboxTable(this.#dynamodb, TABLE, clock),
        events: eventOutboxTable(this.#dynamodb, TABLE, clock),
      }),
    };
  }

  async run(): Promise<BillingReport> {
    return await runBilling(this.ports, () => 3 * MINUTE_MS);
  }

  /** @returns the code of the fault that the run ended in */
  async failingRun(): Promise<string> {
    try {
      await this.run();
    } catch (error) {
      if (error instanceof Fault) return error.code;
      throw error;
    }
    throw new Error('the run did not fail');
  }

  /** Calls a model through a profile of the tenant so many times; the helper records them where it is told to. */
  async spend(tenant: string | undefined, { calls = 1, isRecorded = true } = {}): Promise<void> {
    const arn = await this.#profileOf(tenant);
    const runtime = new BedrockRuntimeClient({ ...clientConfig(this.aws), maxAttempts: 1 });
    let cost = 0n;
    for (let call = 0; call < calls; call++) {
      const content = [{ text: 'x'.repeat(400_000) }];
      await runtime.send(new ConverseCommand({ modelId: arn, messages: [{ role: 'user', content }] }));
      cost += this.aws.billing.at(-1)?.costNanoUsd ?? 0n;
    }
    const profile = parseProfileArn(arn);
    if (!isRecorded || profile === undefined) return;
    const now = epochMs(this.aws.clock.now());
    await this.#usage.write({
      process: `process-${++this.#records}` as ProcessId,
      hour: hourAt(now),
      chunk: 0,
      sequence: 1,
      watermark: now,
      totals: new Map([[profile, { calls, usage: NO_USAGE, settled: nanoUsd(cost), unconfirmed: nanoUsd(0n) }]]),
    });
  }

  async #profileOf(tenant: string | undefined): Promise<string> {
    const known = this.#arns.get(tenant ?? '');
    if (known !== undefined) return known;
    const tags = { environment: 'prod', team: 'sales', ...(tenant === undefined ? {} : { tenant }) };
    const { inferenceProfileArn } = await new BedrockClient(clientConfig(this.aws)).send(
      new CreateInferenceProfileCommand({
        inferenceProfileName: tenant ?? 'nobody',
        modelSource: { copyFrom: 'arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0' },
        tags: Object.entries(tags).map(([key, value]) => ({ key, value })),
      }),
    );
    const arn = parseProfileArn(inferenceProfileArn ?? '');
    if (arn === undefined) throw new Error('no profile was made');
    this.#arns.set(tenant ?? '', arn);
    await profileIndexTable(this.#dynamodb, TABLE).put({ ...indexEntry('x', tags), arn });
    return arn;
  }

  async moveTo(iso: string): Promise<void> {
    await this.aws.clock.moveTo(Date.parse(iso));
  }

  async notices(): Promise<readonly Notice[]> {
    const { waiting } = await noticeOutboxTable(this.#dynamodb, TABLE, this.ports.clock).unsent();
    return waiting.map(({ message }) => message);
  }

  async events(): Promise<readonly GovernorEvent[]> {
    const { waiting } = await eventOutboxTable(this.#dynamodb, TABLE, this.ports.clock).unsent();
    return waiting.map(({ message }) => message);
  }

  async monitors(): Promise<readonly AnomalyMonitor[]> {
    return (await this.costExplorer.send(new GetAnomalyMonitorsCommand({}))).AnomalyMonitors ?? [];
  }

  async subscriptions(): Promise<readonly AnomalySubscription[]> {
    return (await this.costExplorer.send(new GetAnomalySubscriptionsCommand({}))).AnomalySubscriptions ?? [];
  }

  /** What is asked of Cost Explorer that changes something there, from now until `stop`. */
  watchWrites(): { readonly writes: readonly string[]; readonly stop: () => void } {
    const writes: string[] = [];
    const stop = this.aws.observe((seen) => {
      if (seen.kind === 'request' && seen.call.service === 'ce' && !/^(Get|List)/.test(seen.call.operation))
        writes.push(seen.call.operation);
    });
    return { writes, stop };
  }
}
