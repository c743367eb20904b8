/** How far a sweep came whose time was up: the next one goes on after these, in the order of ids and ARNs. */
export interface SweepCursor {
  /** The last budget that was reviewed; absent where all were. */
  readonly budget?: string;
  /** The last profile that was read singly; absent where all were. */
  readonly profile?: string;
}

/** A sweep that came to its end leaves nothing. */
export interface SweepProgress {
  read(): Promise<SweepCursor>;
  keep(cursor: SweepCursor): Promise<void>;
}
