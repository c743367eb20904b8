/** What must always hold, and what must hold once everything has come to rest. */
export const INVARIANTS = {
  // At every step.
  bound: 'no budget is spent beyond its bound',
  conservation: 'each ledger item is conserved to the nano-dollar',
  disable: 'nothing is admitted later than a lease term plus skew after a disable',
  period: 'no lease is used in another period',
  'own-money': "no tenant spends another's money",
  'no-negative-hold': 'no hold is negative',
  closed: 'nothing is granted while a budget is closed',
  reclaim: 'a lease is taken back after its grace, from nobody who lives, and stays counted',
  whole: 'whatever is leased pays for a call at least: no fragments',
  once: 'a write of the ledger lands once',
  provided: 'the governor alone makes ledger items',
  shadow: 'a budget that only watches refuses nobody, and counts all the same',
  versions: 'what a later version has written no earlier one writes to',
  events: 'what AWS tells of is taken for what it is',
  'index-truth': 'what is written into the index was true when it was looked at',
  // At rest.
  bill: 'the ledger equals the bill',
  'holds-end': 'each reservation has ended, once',
  'last-word': "the last operator's word holds",
  reopening: 'what money closed is open after the period turned, and what people closed is not',
  'second-lock': 'the tag of each profile says its standing',
  index: 'the index equals the truth',
  compliance: 'each profile is compliant or quarantined',
  signals: 'what AWS has seen restricts while it holds and no longer, and what it has not seen never does',
  outlook: 'what is looked ahead from was spent, and is looked at once an hour',
  billing: 'tags count in billing and tenants are watched for anomalies, by one monitor and one subscription',
  'aws-budgets': 'there is exactly one AWS budget for each definition that AWS can express',
  notices: 'each notice is sent once',
  'dead-letters': 'dead letters are empty or explained',
  rest: 'everything comes to rest',
} as const;

export type Invariant = keyof typeof INVARIANTS;

export interface Violation {
  readonly invariant: Invariant;
  readonly at: number;
  readonly what: string;
}

/** More of them say nothing more. */
const MAX_VIOLATIONS = 20;

export class Judge {
  readonly violations: Violation[] = [];
  readonly exercised = new Map<Invariant, number>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** @param what says what is wrong */
  check(invariant: Invariant, holds: boolean, what: () => string): void {
    this.exercised.set(invariant, (this.exercised.get(invariant) ?? 0) + 1);
    if (!holds && this.violations.length < MAX_VIOLATIONS)
      this.violations.push({ invariant, at: this.#now(), what: what() });
  }
}
