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

/** Where use cases tell what they decided and count what they met. */
export interface Journal {
  decided(decision: string, facts: JournalFacts): void;
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
