import type { LedgerItem } from '../domain/spending/ledger.ts';

/** Tells the governor early of what the ledger shows anyway: the option `hints` of `costGovernor`. */
export interface HintChoice {
  open(process: { readonly region: string | undefined }): Hints | Promise<Hints>;
}

export interface Hints {
  /** Looks at an item that this process has read or written; returns at once and never throws. */
  saw(item: LedgerItem): void;
  /** Resolves when what was told has been taken, or not. Never rejects. */
  settled(): Promise<void>;
  readonly counts: HintCounts;
}

/** What became of the hints of this process. */
export interface HintCounts {
  readonly published: number;
  readonly failed: number;
}
