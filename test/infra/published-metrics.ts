import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics } from '@aws-lambda-powertools/metrics';
import * as z from 'zod';
import { powertoolsGauges, powertoolsJournal } from '../../aws/powertools-journal.ts';
import { GAUGE_NAMES, METRIC_NAMES } from '../../domain/journal.ts';

/** A metric as CloudWatch tells it from others: `BedrockCostGovernor SweepCompleted service=…,stage=dev`. */
export function identityOf(namespace: string, name: string, dimensions: Readonly<Record<string, string>>): string {
  const sorted = Object.entries(dimensions)
    .map(([key, value]) => `${key}=${value}`)
    .sort();
  return `${namespace} ${name} ${sorted.join(',')}`;
}

/** A line in CloudWatch's embedded metric format [CloudWatch user guide, embedded metric format specification]. */
const embedded = z.looseObject({
  _aws: z.object({
    CloudWatchMetrics: z.array(
      z.object({
        Namespace: z.string(),
        Dimensions: z.array(z.array(z.string())),
        Metrics: z.array(z.object({ Name: z.string(), Unit: z.string() })),
      }),
    ),
  }),
});

/** The metrics that CloudWatch would make of lines that functions have written, each with its unit. */
export function metricsIn(lines: Iterable<string>): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const line of lines) {
    const parsed = embedded.safeParse(jsonOf(line));
    if (!parsed.success) continue;
    for (const { Namespace, Dimensions, Metrics: metrics } of parsed.data._aws.CloudWatchMetrics)
      for (const names of Dimensions) {
        const dimensions = Object.fromEntries(names.map((name) => [name, String(parsed.data[name])]));
        for (const { Name, Unit } of metrics) found.set(identityOf(Namespace, Name, dimensions), Unit);
      }
  }
  return found;
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** Everything that a function can tell, told once in the way in which all tell it. */
export function everyMetric(environment: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  const metrics = new Metrics({
    namespace: environment['POWERTOOLS_METRICS_NAMESPACE'] ?? '',
    serviceName: environment['POWERTOOLS_SERVICE_NAME'] ?? '',
    defaultDimensions: { stage: environment['GOVERNOR_STAGE'] ?? '' },
  });
  const journal = powertoolsJournal(new Logger({ logLevel: 'SILENT' }), metrics);
  for (const name of METRIC_NAMES) journal.counted(name);
  for (const name of GAUGE_NAMES) powertoolsGauges(metrics).measured(name, 1);
  return metricsIn([JSON.stringify(metrics.serializeMetrics())]);
}
