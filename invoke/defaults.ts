/** The defaults of the helper. The benchmarks run with them and print them. */
export const DEFAULTS = {
  /** Term of a lease: the longest that a standing can take to reach a process, and what a crash leaves unconfirmed. */
  leaseSeconds: 120,
  /** How often leases are looked after. */
  maintenanceMs: 5_000,
  /** How long a call waits at the edge of a budget. */
  maxWaitMs: 2_000,
  /** How many calls may wait for one budget. */
  maxWaiting: 1_000,
} as const;
