import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Clock } from '../domain/clock.ts';
import type { IndexSnapshot } from '../domain/profiles/index-cache.ts';
import type { Tags } from '../domain/tags.ts';
import type { AccountState } from './budget-account.ts';
import type { HintChoice, HintCounts } from './hints.ts';
import type { IndexChoice } from './index-sources.ts';
import type { LedgerAccess } from './lease-function.ts';
import type { CallCounts, GovernorObserver } from './observation.ts';
import type { ClientForRegion } from './regional-clients.ts';

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
  /** Where the tag → profile index is read from; by default {@link tableIndex}, the governor's table. */
  readonly index?: IndexChoice;
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
  /**
   * Tells the governor early that a budget has crossed a share of its limit: {@link eventBridgeHints}. By default nobody
   * is told, and the governor sees it in the ledger within a minute.
   */
  readonly hints?: HintChoice;
  /** Is told each decision and each settlement, synchronously. See `openTelemetry` for spans. */
  readonly observe?: GovernorObserver;
  /**
   * Makes the client for a Region in which a profile lives and the caller's client does not; by default one made from
   * the environment. Give one where credentials, time-outs or endpoints are your own.
   */
  readonly clients?: ClientForRegion;
}

/** How a governor stands. */
export interface GovernorSnapshot {
  /** What this process knows of the index of profiles, how old that is, and why it could not be read last; undefined before the first call. */
  readonly index: IndexSnapshot | undefined;
  readonly calls: CallCounts;
  /** The budgets and periods that this process spends from. */
  readonly budgets: readonly AccountState[];
  /** Streamed answers that have not ended. */
  readonly openStreams: number;
  /** Where the option `hints` is given. */
  readonly hints?: HintCounts;
}
