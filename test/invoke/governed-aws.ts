import { BedrockClient, CreateInferenceProfileCommand } from '@aws-sdk/client-bedrock';
import {
  BedrockRuntimeClient,
  type BedrockRuntimeClientConfig,
  ConverseCommand,
  type ConverseCommandInput,
  type ServiceInputTypes,
  type ServiceOutputTypes,
} from '@aws-sdk/client-bedrock-runtime';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { STSClient } from '@aws-sdk/client-sts';
import { ConfiguredRetryStrategy } from '@smithy/core/retry';
import type { FinalizeRequestMiddleware } from '@smithy/types';
import { expect } from 'vitest';
import * as z from 'zod';
import { bedrockProfiles } from '../../aws/bedrock-profiles.ts';
import { ledgerTable } from '../../aws/dynamodb/ledger-table.ts';
import { profileIndexTable } from '../../aws/dynamodb/profile-index-table.ts';
import { genaiPrices } from '../../aws/price-list.ts';
import type { BudgetId } from '../../domain/budgets/budget-id.ts';
import { type EpochMs, epochMs } from '../../domain/clock.ts';
import { nanoUsd } from '../../domain/money.ts';
import { type PeriodKind, periodAt } from '../../domain/period.ts';
import { parseProfileArn, regionOf } from '../../domain/profiles/profile-arn.ts';
import type { CoveringBudget, IndexEntry, ProfileIndex } from '../../domain/profiles/profile-index.ts';
import { isConserved, type LedgerItem, type LedgerStore } from '../../domain/spending/ledger.ts';
import type { Terms } from '../../domain/spending/terms.ts';
import { OPEN } from '../../domain/standing/standing.ts';
import type { Tags } from '../../domain/tags.ts';
import { type CostGovernor, type CostGovernorConfig, costGovernor, GovernorRefusal } from '../../invoke/index.ts';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';
import type { Interception } from '../../local/interceptors.ts';
import type { JsonObject } from '../../local/service.ts';
import { clientConfig } from '../aws/client-config.ts';
import { createGovernorTable, dynamoDbClient, TABLE } from '../aws/dynamodb/governor-table.ts';

/** A Monday morning; the month has a week to go. */
export const START = Date.UTC(2026, 10, 23, 10);
export const NOVA_LITE = 'amazon.nova-lite-v1:0';
export const HAIKU = 'anthropic.claude-haiku-4-5-20251001-v1:0';

/** The message of a Converse request of 2 prompt tokens, which the embedded AWS answers with 20. */
export const ask = (text = 'Hello!!!'): NonNullable<ConverseCommandInput['messages']> => [
  { role: 'user', content: [{ text }] },
];
/** What a call with {@link ask} and no less than 20 `maxTokens` costs with Nova Lite, in nano-dollars. */
export const CALL_COST = (2 * 60_000 + 20 * 240_000) / 1_000;

export const converse = (input: Partial<ConverseCommandInput> = {}): ConverseCommand =>
  new ConverseCommand({ modelId: NOVA_LITE, messages: ask(), inferenceConfig: { maxTokens: 100 }, ...input });

/** A request that was told of its profile: what reached the runtime, whatever became of it. */
type Reached = { readonly operation: string; readonly modelId: string };

/** An AWS account with a governor's table, and tenants' processes in it. All time is the account's. */
export class GovernedAws {
  readonly aws: EmbeddedAws;
  readonly dynamodb: DynamoDBClient;
  readonly ledger: LedgerStore;
  readonly index: ProfileIndex;
  /** What reached the Bedrock runtime, in order. */
  readonly reached: Reached[] = [];
  /** Requests about ledger items and about the index that reached DynamoDB. */
  readonly requests = { ledgerWrites: 0, ledgerReads: 0, indexReads: 0 };
  readonly #governors: CostGovernor[] = [];
  readonly #budgets: CoveringBudget[] = [];
  #stops: (() => void)[] = [];
  #profiles = 0;

  private constructor(aws: EmbeddedAws, dynamodb: DynamoDBClient) {
    this.aws = aws;
    this.dynamodb = dynamodb;
    this.ledger = ledgerTable(dynamodb, TABLE);
    this.index = profileIndexTable(dynamodb, TABLE);
    aws.intercept((call, input) => {
      if (call.service === 'bedrock' && input['modelId'] !== undefined)
        this.reached.push({ operation: call.operation, modelId: String(input['modelId']) });
      if (call.service !== 'dynamodb') return undefined;
      if (call.operation === 'UpdateItem' && isAboutLedger(input)) this.requests.ledgerWrites++;
      if (call.operation === 'GetItem' && isAboutLedger(input)) this.requests.ledgerReads++;
      if (call.operation === 'Query' && JSON.stringify(input).includes('"INDEX"')) this.requests.indexReads++;
      return undefined;
    });
  }

  static async start(): Promise<GovernedAws> {
    const aws = await startEmbeddedAws({ startAt: START });
    const dynamodb = dynamoDbClient(aws);
    await createGovernorTable(dynamodb);
    return new GovernedAws(aws, dynamodb);
  }

  get now(): EpochMs {
    return epochMs(this.aws.clock.now());
  }

  /** Lets requests fail until the returned function is called, or the test is over. */
  intercept(interception: Interception): () => void {
    const stop = this.aws.intercept(interception);
    this.#stops.push(stop);
    return stop;
  }

  /** A budget with its item in the ledger for the period of now. */
  async budget(
    id: string,
    limitNanoUsd: number,
    options: { period?: PeriodKind; terms?: Partial<Terms> } = {},
  ): Promise<CoveringBudget> {
    const budget = { id: id as BudgetId, period: options.period ?? 'month', timeZone: 'UTC' } as const;
    await this.provide(budget, limitNanoUsd, options.terms);
    this.#budgets.push(budget);
    return budget;
  }

  async provide(budget: CoveringBudget, limitNanoUsd: number, terms: Partial<Terms> = {}): Promise<void> {
    const limit = nanoUsd(BigInt(limitNanoUsd));
    const { id, startsAt, endsAt } = periodAt(budget.period, budget.timeZone, this.now);
    await this.ledger.provide({
      key: { budget: budget.id, period: id },
      startsAt,
      endsAt,
      terms: { limit, stopAt: limit, standing: 'open', version: 1, ...terms },
    });
  }

  /** The ledger item of a budget in the period that holds an instant, by default now. */
  async item(budget: CoveringBudget, at: EpochMs = this.now): Promise<LedgerItem> {
    const period = periodAt(budget.period, budget.timeZone, at);
    const item = await this.ledger.read({ budget: budget.id, period: period.id });
    if (item === undefined) throw new Error(`${budget.id} is not provided for ${period.id}`);
    return item;
  }

  async changeTerms(budget: CoveringBudget, change: Partial<Terms>): Promise<void> {
    const { key, terms } = await this.item(budget);
    const changed = await this.ledger.changeTerms(key, { ...terms, ...change, version: terms.version + 1 });
    expect(changed).toBe('changed');
  }

  /** A profile in Bedrock and in the index. */
  async profile(
    options: {
      tags?: Tags;
      budgets?: readonly CoveringBudget[];
      /** A foundation model, or `us.…` for a system profile. */
      copyFrom?: string;
      region?: string;
      entry?: Partial<IndexEntry>;
    } = {},
  ): Promise<IndexEntry> {
    const { tags = { tenant: 'acme', app: 'chat' }, copyFrom = NOVA_LITE, region = 'us-east-1' } = options;
    const isSystem = /^(us|eu|global)\./.test(copyFrom);
    const source = isSystem
      ? `arn:aws:bedrock:${region}:${this.aws.accountId}:inference-profile/${copyFrom}`
      : `arn:aws:bedrock:${region}::foundation-model/${copyFrom}`;
    const client = new BedrockClient(clientConfig(this.aws, region));
    const { inferenceProfileArn } = await client.send(
      new CreateInferenceProfileCommand({
        inferenceProfileName: `profile-${++this.#profiles}`,
        modelSource: { copyFrom: source },
        tags: Object.entries(tags).map(([key, value]) => ({ key, value })),
      }),
    );
    const arn = parseProfileArn(z.string().parse(inferenceProfileArn));
    const facts = arn === undefined ? undefined : await bedrockProfiles(() => client).read(arn);
    if (facts === undefined) throw new Error('the profile has just been made');
    const entry: IndexEntry = {
      ...facts,
      region: regionOf(facts.arn),
      tags,
      standing: OPEN,
      budgets: options.budgets ?? [],
      verifiedAt: this.now,
      ...genaiPrices.ratesOf({ ...facts, at: this.now }),
      ...options.entry,
    };
    await this.index.put(entry);
    return entry;
  }

  /** What one process of a tenant has: by default of acme, refusing at once what it cannot pay. */
  governor(config: Partial<CostGovernorConfig> = {}): CostGovernor {
    const governor = costGovernor({ ...this.config(), ...config });
    this.#governors.push(governor);
    return governor;
  }

  config(): CostGovernorConfig {
    return {
      table: TABLE,
      tags: { tenant: 'acme' },
      region: 'us-east-1',
      dynamodb: this.dynamodb,
      clock: { now: () => this.now },
      maxWaitMs: 0,
    };
  }

  /** A client of the runtime that retries without pausing. Speaks HTTP/2, the default of this client. */
  runtime(
    governor: Parameters<BedrockRuntimeClient['middlewareStack']['use']>[0],
    config: BedrockRuntimeClientConfig = {},
  ): BedrockRuntimeClient {
    const client = new BedrockRuntimeClient({
      ...clientConfig(this.aws),
      retryStrategy: new ConfiguredRetryStrategy(3, 1),
      ...config,
    });
    client.middlewareStack.use(governor);
    return client;
  }

  /** A process with its client. */
  process(config: Partial<CostGovernorConfig> = {}): { governor: CostGovernor; client: BedrockRuntimeClient } {
    const governor = this.governor(config);
    return { governor, client: this.runtime(governor) };
  }

  /** A process whose program has a retry of its own in place of the SDK's: between a call's admission and its attempts. */
  processWithRetry(retry: FinalizeRequestMiddleware<ServiceInputTypes, ServiceOutputTypes>): {
    governor: CostGovernor;
    client: BedrockRuntimeClient;
  } {
    const governor = this.governor();
    const ofTheProgram = (stack: BedrockRuntimeClient['middlewareStack']): void =>
      stack.add(retry, { step: 'finalizeRequest', priority: 'high', name: 'retryMiddleware', override: true });
    const client = this.runtime({ applyToStack: ofTheProgram });
    client.middlewareStack.use(governor);
    return { governor, client };
  }

  /** A client of the table that does not retry. */
  dynamodbOnce(): DynamoDBClient {
    return dynamoDbClient(this.aws, 1);
  }

  /** All that AWS has billed so far, in nano-dollars. */
  get billed(): number {
    return this.aws.billing.reduce((sum, usage) => sum + Number(usage.costNanoUsd), 0);
  }

  /** Ends everything; what the ledger says must add up, whatever happened before. */
  async close(): Promise<void> {
    for (const stop of this.#stops) stop();
    await Promise.allSettled(this.#governors.map((governor) => governor.close()));
    for (const budget of this.#budgets) {
      const item = await this.item(budget, epochMs(START));
      expect(isConserved(item)).toBe(true);
      for (const part of [item.settled, item.leased, item.unconfirmed]) expect(part).toBeGreaterThanOrEqual(0n);
    }
    await this.aws.close();
  }
}

function isAboutLedger(input: JsonObject): boolean {
  return JSON.stringify(input['Key'] ?? '').includes('"LEDGER#');
}

/** The money in an item, in nano-dollars. */
export const figures = (item: LedgerItem) => ({
  settled: Number(item.settled),
  leased: Number(item.leased),
  unconfirmed: Number(item.unconfirmed),
});

/** The governor's no to a call that must be refused. */
export async function refusalOf(call: Promise<unknown>): Promise<GovernorRefusal> {
  try {
    await call;
  } catch (error) {
    if (error instanceof GovernorRefusal) return error;
    throw error;
  }
  return expect.fail('the call was admitted');
}

/** The HTTP/1.1 handler of a client that speaks nothing else. */
export const http1 = (): Pick<BedrockRuntimeClientConfig, 'requestHandler'> => ({
  requestHandler: new STSClient({ region: 'us-east-1' }).config.requestHandler,
});

export interface Outcomes {
  readonly admitted: number;
  readonly refusals: readonly GovernorRefusal[];
}

/** How many of these calls were admitted, and why the others were not. Any other failure fails the test. */
export async function outcomesOf(calls: readonly Promise<unknown>[]): Promise<Outcomes> {
  const outcomes = await Promise.allSettled(calls);
  const refusals = outcomes.flatMap((outcome) => {
    if (outcome.status === 'fulfilled') return [];
    if (outcome.reason instanceof GovernorRefusal) return [outcome.reason];
    throw outcome.reason;
  });
  return { admitted: outcomes.length - refusals.length, refusals };
}
