import { randomBytes, randomUUID } from 'node:crypto';
import { BedrockRuntimeClient } from '@aws-sdk/client-bedrock-runtime';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { AwsClock } from '../aws/aws-clock.ts';
import { ledgerTable } from '../aws/dynamodb/ledger-table.ts';
import { profileIndexTable } from '../aws/dynamodb/profile-index-table.ts';
import { usageTable } from '../aws/dynamodb/usage-table.ts';
import type { Clock } from '../domain/clock.ts';
import { LearnedHolds } from '../domain/spending/learned-hold.ts';
import type { WriteId } from '../domain/spending/ledger.ts';
import { holderOf, type ProcessId } from '../domain/spending/usage-record.ts';
import type { Tags } from '../domain/tags.ts';
import { Admissions } from './admission.ts';
import { BoundPlugins } from './bound-plugins.ts';
import type { AccountState } from './budget-account.ts';
import { DEFAULTS } from './defaults.ts';
import type { LedgerAccess } from './lease-function.ts';
import { MeteredStreams } from './metered-stream.ts';
import { governorPlugin } from './middleware.ts';
import { type CallCounts, type GovernorObserver, Observation } from './observation.ts';
import { atProcessEnd } from './process-end.ts';
import { ProfileResolver } from './profile-resolver.ts';
import { type ClientForRegion, type Plugin, RegionalClients } from './regional-clients.ts';
import { turnClock } from './turn-clock.ts';
import { UsageRecorder } from './usage-recorder.ts';
import type { Timer } from './waiting-line.ts';

export interface CostGovernorConfig {
  /** Name of the governor's table: the output `TableName` of its stack. */
  readonly table: string;
  /**
   * Tags that the profile of every call must carry, such as `{ tenant: 'acme', app: 'chat' }`. Nothing that is written
   * in a request changes them.
   */
  readonly tags: Tags;
  /** Region whose profiles are used; by default the environment's `AWS_REGION`. */
  readonly region?: string;
  /**
   * Client for the table; by default one made from the environment, as every AWS client is, that gives up a request
   * after three seconds. Give one of your own time-outs too: the SDK has none, and calls wait for the table's answer.
   */
  readonly dynamodb?: DynamoDBClient;
  /**
   * The way to the ledger and the usage records; by default the table itself. {@link leaseFunction} is for tenants whose
   * role may not write the table.
   */
  readonly ledger?: LedgerAccess;
  /** Where time comes from; by default the machine's clock, corrected by what AWS's answers say. */
  readonly clock?: Clock;
  /** Term of a lease in seconds, 10 to 120 (default). What a crashed process held counts as spent until it is trued up. */
  readonly leaseSeconds?: number;
  /**
   * How long a call may wait, in milliseconds, where what is left of a budget is promised to calls in flight rather than
   * spent, or where a throttled budget will have room by then. Default 2,000; 0 refuses at once.
   */
  readonly maxWaitMs?: number;
  /** How many calls may wait for one budget. Default 1,000; further ones are refused at once. */
  readonly maxWaiting?: number;
  /**
   * Names of commands that spend and cannot be metered, such as `StartAsyncInvokeCommand`, and are to pass all the same.
   * They are counted, not priced: no budget covers them. A governed command may be named too.
   */
  readonly ungoverned?: readonly string[];
  /** Is told each decision and each settlement, synchronously. See `openTelemetry` for spans. */
  readonly observe?: GovernorObserver;
  /**
   * Makes the client for a Region in which a profile lives and the caller's client does not; by default one made from
   * the environment. Give one where credentials, time-outs or endpoints are your own.
   */
  readonly clients?: ClientForRegion;
}

/** An AWS SDK plugin: `client.middlewareStack.use(governor)`, or that of a single command. */
export type GovernorPlugin = Plugin;

/** How a governor stands. */
export interface GovernorSnapshot {
  readonly calls: CallCounts;
  /** The budgets and periods that this process spends from. */
  readonly budgets: readonly AccountState[];
  /** Streamed answers that have not ended. */
  readonly openStreams: number;
}

export interface CostGovernor extends GovernorPlugin {
  /** The same governor bound to further tags, for servers that call for many tenants: leases and index are shared. */
  for(tags: Tags): GovernorPlugin;
  /** How things stand in this process, for a health page. */
  snapshot(): GovernorSnapshot;
  /** Reports all spending to the ledger, returns unused money, and writes the usage records. For the end of a batch, or before a long pause. */
  flush(): Promise<void>;
  /** Like {@link flush}, and ends the background work. Calls after it are refused. The end of the program, SIGTERM and SIGINT do the same; a kill does not. */
  close(): Promise<void>;
}

/**
 * Governs the calls of a Bedrock runtime client: each is admitted against the budgets that cover its profile before it
 * is sent, and metered when it returns. A call that is not admitted fails with a {@link GovernorRefusal}.
 *
 * ```ts
 * const client = new BedrockRuntimeClient({});
 * client.middlewareStack.use(costGovernor({ table: 'bedrock-cost-governor-prod', tags: { tenant: 'acme', app: 'chat' } }));
 * await client.send(new ConverseCommand({ modelId: 'amazon.nova-lite-v1:0', messages }));
 * ```
 */
export function costGovernor(config: CostGovernorConfig): CostGovernor {
  const leaseSeconds = config.leaseSeconds ?? DEFAULTS.leaseSeconds;
  if (!Number.isInteger(leaseSeconds) || leaseSeconds < 10 || leaseSeconds > 120)
    throw new RangeError(`leaseSeconds: expected a whole number from 10 to 120, got ${leaseSeconds}`);
  const dynamodb = config.dynamodb ?? tableClient(config.region);
  const awsClock = new AwsClock();
  awsClock.listenTo(dynamodb);
  const clock = turnClock(config.clock ?? awsClock);
  const region = config.region ?? process.env['AWS_REGION'] ?? process.env['AWS_DEFAULT_REGION'];
  const resolver = new ProfileResolver({ index: profileIndexTable(dynamodb, config.table), clock, region });
  const thisProcess = randomBytes(12).toString('base64url') as ProcessId;
  let leases = 0;
  const access = config.ledger?.open({
    id: thisProcess,
    region,
    listenTo: (client) => void awsClock.listenTo(client),
  }) ?? { ledger: ledgerTable(dynamodb, config.table), usage: usageTable(dynamodb, config.table) };
  const usage = new UsageRecorder({ records: access.usage, clock, process: thisProcess });
  const admissions = new Admissions({
    ledger: access.ledger,
    clock,
    timer: systemTimer,
    random: Math.random,
    leaseMs: leaseSeconds * 1000,
    maxWaitMs: config.maxWaitMs ?? DEFAULTS.maxWaitMs,
    maxWaiting: config.maxWaiting ?? DEFAULTS.maxWaiting,
    newHolder: () => holderOf(thisProcess, ++leases),
    newWriteId: () => randomUUID() as WriteId,
  });
  const learned = new LearnedHolds();
  const streams = new MeteredStreams({ clock, timer: systemTimer });
  const observation = new Observation(config.observe);
  const regional = new RegionalClients(config.clients ?? ((name) => new BedrockRuntimeClient({ region: name })));
  const ungoverned = new Set(config.ungoverned);
  const maintenance = setInterval(() => {
    void admissions.maintain();
    void usage.maintain();
    streams.maintain();
  }, DEFAULTS.maintenanceMs);
  maintenance.unref();

  const shared = { clock, resolver, admissions, usage, learned, streams, observation, regional, ungoverned };
  const plugins = new BoundPlugins(config.tags, (tags) =>
    governorPlugin({ ...shared, tags, isClosed: () => isClosed }),
  );
  const flush = async () => {
    await streams.settled();
    await both(admissions.flush(), usage.flush());
  };
  let isClosed = false;
  const forgetProcessEnd = atProcessEnd(flush);
  return {
    ...plugins.for({}),
    for: (tags) => plugins.for(tags),
    flush,
    snapshot: () => ({ calls: observation.counts, budgets: admissions.states, openStreams: streams.size }),
    async close() {
      isClosed = true;
      clearInterval(maintenance);
      forgetProcessEnd();
      await flush();
    },
  };
}

/** Waits for both, also where one fails; then fails as it did. */
async function both(...work: readonly [Promise<void>, Promise<void>]): Promise<void> {
  await Promise.allSettled(work);
  await Promise.all(work);
}

const systemTimer: Timer = {
  after(ms, run) {
    const timeout = setTimeout(run, ms);
    return () => clearTimeout(timeout);
  },
};

/** The SDK's own clients wait for as long as the connection stands, and so would every call at a table that is silent. */
const TIME_OUTS = { connectionTimeout: 1_000, requestTimeout: 3_000, throwOnRequestTimeout: true };

const tableClient = (region: string | undefined): DynamoDBClient =>
  new DynamoDBClient({ requestHandler: TIME_OUTS, ...(region === undefined ? {} : { region }) });
