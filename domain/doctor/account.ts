import type { CostTags } from '../budgets/cost-tags.ts';
import type { AwsBudgets } from '../budgets/provisioning.ts';
import type { Clock } from '../clock.ts';
import type { Policy } from '../policy/policy.ts';
import type { ProfileIndex } from '../profiles/profile-index.ts';
import type { TableState } from '../recovery/tend-table.ts';

/** The stack as it is deployed: what its functions are told, and which roles they have. */
export interface Deployment {
  /** Begins the names of all that it consists of, without the last hyphen. */
  readonly prefix: string;
  readonly region: string;
  readonly accountId: string;
  /** Regions for which it was packaged: whose profiles it governs. */
  readonly regions: readonly string[];
  readonly table: string;
  /** The account that pays, where it forwards its cost anomalies. */
  readonly payerAccountId?: string;
  /** ARNs, by what they are for. */
  readonly topics: Readonly<Record<'notices' | 'chat' | 'budget alerts' | 'anomalies', string>>;
  /** Names of the roles of the functions that mend tags. */
  readonly mendingRoles: readonly string[];
}

export interface Trail {
  readonly name: string;
  readonly isLogging: boolean;
  /** Whether it logs management events that write, which is what EventBridge passes on. */
  readonly logsWrites: boolean;
}

export interface Subscription {
  readonly protocol: string;
  readonly endpoint: string;
  readonly isConfirmed: boolean;
}

/** A statement of an IAM policy, as far as it is asked about. Lists may be single texts, as IAM allows. */
export interface PolicyStatement {
  readonly Effect?: unknown;
  readonly Action?: unknown;
  readonly Condition?: unknown;
}

/** A policy of the account that is attached to somebody, or is somebody's boundary. */
export interface AttachedPolicy {
  readonly name: string;
  /** The default version's document, parsed. */
  readonly document: unknown;
}

/** What the doctor looks at. Everything is read; each may throw a fault, which is told as such. */
export interface ExaminedAccount {
  readonly stage: string;
  /** AWS's time, once anything was read. */
  readonly clock: Clock;
  /** This machine's. */
  readonly machine: Clock;
  readonly policy: () => Promise<Policy>;
  readonly tableState: () => Promise<TableState>;
  /** Undefined where no function of the stack is there. */
  readonly deployment: () => Promise<Deployment | undefined>;
  /** Those that log in a Region. */
  readonly trails: (region: string) => Promise<readonly Trail[]>;
  readonly subscriptions: (topicArn: string) => Promise<readonly Subscription[]>;
  /** The customer's key that a topic is encrypted with, if there is one. */
  readonly keyOf: (topicArn: string) => Promise<string | undefined>;
  /** The stack's dead-letter queues in a Region, by their whole names. */
  readonly deadLetters: (region: string) => Promise<readonly { readonly queue: string; readonly messages: number }[]>;
  readonly costTags: Pick<CostTags, 'read'>;
  readonly awsBudgets: (deployment: Deployment) => Pick<AwsBudgets, 'list'>;
  readonly index: Pick<ProfileIndex, 'list'>;
  readonly attachedPolicies: () => Promise<readonly AttachedPolicy[]>;
  /** The documents that a policy file renders, of the kinds that are attached in the account itself. */
  readonly guardDocuments: (policy: Policy, accountId: string) => readonly unknown[];
  readonly statementsOf: (role: string) => Promise<readonly PolicyStatement[]>;
}
