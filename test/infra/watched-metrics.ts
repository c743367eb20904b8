import * as z from 'zod';
import type { packagedTemplate } from './packaged-template.ts';
import { identityOf } from './published-metrics.ts';

type Packaged = Awaited<ReturnType<typeof packagedTemplate>>;

const reference = z.object({ Ref: z.string() });
const attribute = z.object({ 'Fn::GetAtt': z.tuple([z.string(), z.string()]) });

export const alarm = z.object({
  AlarmName: z.string(),
  AlarmDescription: z.string(),
  ActionsEnabled: z.boolean(),
  AlarmActions: z.array(z.unknown()),
  OKActions: z.array(z.unknown()),
  Namespace: z.string(),
  MetricName: z.string(),
  Dimensions: z.array(z.object({ Name: z.string(), Value: z.union([z.string(), reference, attribute]) })),
  Statistic: z.enum(['Sum', 'Minimum', 'Maximum', 'Average', 'SampleCount']),
  Period: z.number(),
  EvaluationPeriods: z.number(),
  DatapointsToAlarm: z.number().optional(),
  Threshold: z.number(),
  ComparisonOperator: z.string(),
  TreatMissingData: z.enum(['breaching', 'notBreaching', 'ignore', 'missing']),
});
export type Alarm = z.infer<typeof alarm>;

/** A metric that an alarm or a widget looks at, and where. */
export interface Watched {
  readonly by: string;
  readonly identity: string;
  readonly namespace: string;
}

/** By which property resources are named whose metrics carry their names. */
const NAMES: Readonly<Record<string, string>> = {
  'AWS::Lambda::Function': 'FunctionName',
  'AWS::SQS::Queue': 'QueueName',
  'AWS::SNS::Topic': 'TopicName',
  'AWS::Events::EventBus': 'Name',
};

/** What `Ref` of a function or bus, `QueueName` of a queue and `TopicName` of a topic give. */
function nameOf({ template }: Packaged, logicalId: string): string {
  const { Type = 'nothing', Properties } = template.Resources[logicalId] ?? {};
  const name = z.record(z.string(), z.unknown()).parse(Properties)[NAMES[Type] ?? ''];
  if (typeof name !== 'string') throw new Error(`${logicalId} is ${Type}, whose metrics are not looked at`);
  return name;
}

export function watchedByAlarms(packaged: Packaged): Watched[] {
  return [...packaged.resources('AWS::CloudWatch::Alarm', alarm).values()].map((properties) => {
    const { AlarmName: by, Namespace: namespace, MetricName, Dimensions } = properties;
    const dimensions = Dimensions.map(({ Name, Value }) => {
      if (typeof Value === 'string') return [Name, Value];
      return [Name, nameOf(packaged, 'Ref' in Value ? Value.Ref : Value['Fn::GetAtt'][0])];
    });
    return { by, namespace, identity: identityOf(namespace, MetricName, Object.fromEntries(dimensions)) };
  });
}

const dashboard = z.object({ DashboardName: z.string(), DashboardBody: z.object({ 'Fn::Sub': z.string() }) });
const body = z.object({
  widgets: z.array(
    z.object({
      properties: z.object({
        title: z.string(),
        stat: z.string(),
        metrics: z.array(z.array(z.union([z.string(), z.looseObject({ expression: z.string().optional() })]))),
      }),
    }),
  ),
});

export function widgetsOf(packaged: Packaged) {
  const [found, ...others] = packaged.resources('AWS::CloudWatch::Dashboard', dashboard).values();
  if (found === undefined || others.length > 0) throw new Error('there is not one dashboard');
  const text = found.DashboardBody['Fn::Sub'].replaceAll(
    /\$\{(\w+)(?:\.(?:QueueName|TopicName))?\}/g,
    (_, id: string) => nameOf(packaged, id),
  );
  return body.parse(JSON.parse(text)).widgets.map(({ properties }) => properties);
}

/** Namespace, name and pairs of dimensions; an entry that is an expression names metrics by their ids. */
export function watchedByDashboard(packaged: Packaged): Watched[] {
  return widgetsOf(packaged).flatMap(({ title, metrics }) =>
    metrics.flatMap((entry): Watched[] => {
      const [namespace, name, ...pairs] = entry.filter((part) => typeof part === 'string');
      if (namespace === undefined || name === undefined) return [];
      const dimensions: Record<string, string> = {};
      for (let at = 0; at < pairs.length; at += 2) dimensions[pairs[at] ?? ''] = pairs[at + 1] ?? '';
      return [{ by: `dashboard: ${title}`, namespace, identity: identityOf(namespace, name, dimensions) }];
    }),
  );
}
