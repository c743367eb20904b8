/**
 * Whose events of AWS are answered. AWS writes into each event the account and Region in which something happened, and
 * whoever forwards it cannot change them.
 */
export interface Origins {
  /** The governed account. */
  readonly accountId: string;
  /** Whose profiles are governed. */
  readonly regions: readonly string[];
  /** The Region of the stack. */
  readonly homeRegion: string;
  /** The account that pays, where it forwards its cost anomalies. */
  readonly payerAccountId?: string;
}
