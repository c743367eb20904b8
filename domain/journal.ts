/** What happened, for the log: each decision with what was known and why. Values must never hold prompts or completions. */
export type JournalFacts = Readonly<
  Record<string, string | number | boolean | undefined | readonly string[] | Readonly<Record<string, string>>>
>;

/** The names of all metrics, documented in docs/observability.md. Each counts occurrences. */
export const METRIC_NAMES = [
  'EventIgnored',
  'EventUnreadable',
  'ProfileMended',
  'ProfileQuarantined',
  'ProfileReleased',
  'ProfileMismatched',
  'ProfileDeleted',
  'CreatorUnknown',
  'ProfileReadFailed',
  'BudgetProvisioned',
  'BudgetProvisioningFailed',
  'BudgetNotExpressible',
  'AwsBudgetRemoved',
  'CostTagActivated',
  'CostTagNotActivated',
  'AnomalyMonitorChanged',
  'BillingNeedsPayer',
  'BillingFailed',
  'DriftDetected',
  'TenantThrottled',
  'TenantClosed',
  'TenantReopened',
  'UnattributedSpendFound',
  'TrueUpFailed',
  'MetricsUnreadable',
  'LeaseReclaimed',
  'NoticeSent',
  'NoticeFailed',
  'NoticeUnreadable',
  'SignalUnconfirmed',
  'ForecastFailed',
  'AuditFailed',
  'ModelUnpriced',
  'LendingDenied',
  'ReportBeyondLease',
  'IndexPublicationFailed',
  'ResourceViolating',
  'ResourceReadFailed',
  'TableRestored',
  'SweepCompleted',
  'LedgerWatchCompleted',
  'ReopenCompleted',
  'OutlookCompleted',
  'BillingCompleted',
] as const;

export type MetricName = (typeof METRIC_NAMES)[number];

/** The names of all decisions, documented in docs/observability.md. */
export const DECISION_NAMES = [
  'mend tags',
  'leave tags',
  'let profile violate',
  'quarantine profile',
  'release profile',
  'set standing tag',
  'remove standing tag',
  'delete profile',
  'keep mismatched profiles',
  'end index entry',
  'created AWS budget',
  'updated AWS budget',
  'adopted AWS budget',
  'leave foreign AWS budget',
  'alerts-full AWS budget',
  'removed AWS budget',
  'keep stale AWS budget',
  'leave foreign anomaly detection',
  'leave to payer',
  'compare bill with records',
  'tell the largest drifts',
  'wait for the bill',
  'give up on the bill',
  'close budget',
  'throttle budget',
  'change terms',
  'reopen budget',
  'override standing',
  'take back override',
  'reopened what has ended',
  'open ledger with earlier spend',
  'close restored table',
  'recover budget',
  'open recovered table',
  'true up',
  'answer budget alert',
  'answer hint',
  'answer ledger watch',
  'answer alarm',
  'answer anomaly',
  'publish index',
  'report resources',
  'swept',
  'report missing profiles',
  'would mend tags',
  'would quarantine profile',
  'would change standing tag',
  'would delete profile',
  'would create AWS budget',
  'would update AWS budget',
  'would remove AWS budget',
  'would activate cost allocation tags',
  'would watch tag for anomalies',
  'would subscribe to anomalies',
  'would restrict budget',
] as const;

export type DecisionName = (typeof DECISION_NAMES)[number];

/** Where use cases tell what they decided and count what they met. */
export interface Journal {
  decided(decision: DecisionName, facts: JournalFacts): void;
  counted(metric: MetricName, facts?: JournalFacts): void;
}

/** Figures that stand for themselves and are not counted, documented in docs/observability.md. */
export const GAUGE_NAMES = [
  'IndexDrift',
  'IndexAgeSeconds',
  'IndexStaleEntries',
  'SweepCarriedOver',
  'DeclaredProfilesMissing',
  'DriftPercent',
  'UnassignedSpendUsd',
  'OutboxWaiting',
  'OutboxOldestSeconds',
  'BudgetSettledUsd',
  'BudgetHeldUsd',
  'BudgetUsedPercent',
  'BudgetsThrottled',
  'BudgetsClosed',
  'BudgetsRefusing',
] as const;

export type GaugeName = (typeof GAUGE_NAMES)[number];

export interface Gauges {
  /** Told several times in one run, a figure has as many data points: one for each budget, say. */
  measured(gauge: GaugeName, value: number): void;
}
