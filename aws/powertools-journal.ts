import type { Logger } from '@aws-lambda-powertools/logger';
import { type Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import type { GaugeName, Gauges, Journal } from '../domain/journal.ts';

/** Where metrics go. */
export interface Measured {
  addMetric(...metric: Parameters<Metrics['addMetric']>): unknown;
}

/** Decisions as structured log lines, counts as CloudWatch metrics in embedded metric format. */
export const powertoolsJournal = (logger: Pick<Logger, 'info'>, metrics: Measured): Journal => ({
  decided(decision, facts) {
    logger.info('decision', { decision, ...facts });
  },
  counted(metric, facts) {
    metrics.addMetric(metric, MetricUnit.Count, 1);
    if (facts !== undefined) logger.info('count', { metric, ...facts });
  },
});

const UNITS: Partial<Record<GaugeName, (typeof MetricUnit)[keyof typeof MetricUnit]>> = {
  IndexAgeSeconds: MetricUnit.Seconds,
  OutboxOldestSeconds: MetricUnit.Seconds,
  DriftPercent: MetricUnit.Percent,
  BudgetUsedPercent: MetricUnit.Percent,
};

/** Each with the unit that its name says. */
export const powertoolsGauges = (metrics: Measured): Gauges => ({
  measured(gauge, value) {
    metrics.addMetric(gauge, UNITS[gauge] ?? MetricUnit.Count, value);
  },
});
