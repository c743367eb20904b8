/** A write that a replay would have made and did not. */
export interface Intention {
  /** What it is about: stable, for programs. */
  readonly to:
    | 'ledger'
    | 'index'
    | 'profile tags'
    | 'tag history'
    | 'AWS Budgets'
    | 'signals'
    | 'notices'
    | 'events'
    | 'bedrock'
    | 'billing'
    | 'memory';
  /** For people: `budget tenant-monthly/acme 2026-11: closed`. */
  readonly what: string;
}

/** Where what is not done is noted. */
export type Note = (to: Intention['to'], what: string) => void;
