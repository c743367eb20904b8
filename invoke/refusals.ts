/** Why a call was not sent. Stable: programs may branch on it. */
export type RefusalCode =
  /** What is left of a budget does not pay for the call. */
  | 'BudgetExhausted'
  /** What is left of a budget is promised to calls in flight. */
  | 'BudgetInUse'
  /** The budget goes on along a pace line, which is behind this call. */
  | 'Throttled'
  /** The governor has closed a budget that covers the call. */
  | 'BudgetClosed'
  /** The ledger has admitted the call, and AWS still denies it by the profile's tag, which follows within minutes. */
  | 'StandingLag'
  /** The governor has not provided a budget for this period yet. */
  | 'NotProvisioned'
  | 'ProfileQuarantined'
  /** An operator has stopped the tenant. */
  | 'TenantDisabled'
  | 'ProfileNotFound'
  | 'SeveralProfiles'
  /** The profile named by the caller belongs to other tags than those bound to the governor. */
  | 'TenantMismatch'
  /** The tags of the profile have changed, and the governor has not looked at them yet. */
  | 'ProfileUnsettled'
  /** What is known of the profile was written by another version. */
  | 'IndexUnreadable'
  /** The index of profiles could not be read, and was not read before. */
  | 'IndexUnavailable'
  /** A middleware of the caller's names another profile or model than the one whose call was admitted, or replaced the governor. */
  | 'RequestChanged'
  /** No price is known for the model or for an option of the request. */
  | 'Unpriced'
  /** No upper bound of the cost is known, so none can be held. */
  | 'Unbounded'
  /** The command spends money and is not metered. */
  | 'UngovernedCommand'
  /** The governor was closed before the call. */
  | 'GovernorClosed'
  /** The `lease` function denies this process the budget: its alias, the policy or its tags are not what they should be. */
  | 'LedgerDenied'
  /** A later version of the governor has written what this one would have to read: this program is to be upgraded. */
  | 'NewerSchema'
  /** The governor's table was restored from a backup, and has forgotten spending: an operator recovers it first. */
  | 'TableRestored'
  /** The ledger could not be reached, and no lease is in hand. */
  | 'LedgerUnavailable';

export interface RefusalDetails {
  /** The budget that refused, such as `tenant-monthly/acme`. */
  readonly budget?: string;
  readonly period?: string;
  /** US dollars, decimal. */
  readonly spentUsd?: string;
  readonly limitUsd?: string;
  /** What the call could have cost at most, US dollars, decimal. */
  readonly neededUsd?: string;
  /** When a further try makes sense. */
  readonly retryAfter?: Date;
  /** When the period ends and the budget begins anew. */
  readonly resetsAt?: Date;
}

/**
 * The governor's no: the call was not sent and costs nothing. The AWS SDK does not retry it.
 * `message` says what was refused, by which figures, and what to do.
 */
export class GovernorRefusal extends Error {
  override readonly name = 'GovernorRefusal';
  readonly code: RefusalCode;
  readonly details: RefusalDetails;

  constructor(code: RefusalCode, message: string, details: RefusalDetails = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.details = details;
  }
}

/** What a call is told, and whoever waits, once the governor was closed. */
export const governorClosed = (): GovernorRefusal =>
  new GovernorRefusal(
    'GovernorClosed',
    'The governor of this client was closed: nobody would count what the call costs. Make a new one.',
  );
