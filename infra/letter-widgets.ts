import { readFile, writeFile } from 'node:fs/promises';
import * as z from 'zod';
import { FORWARDING_QUEUE } from '../domain/events/forwarding.ts';
import type { Deployment } from './deployment.ts';
import { forwardersOf, prefixOf } from './forwarding/forwarders.ts';

const Value = z.union([z.string(), z.object({ Ref: z.string() }), z.object({ 'Fn::GetAtt': z.array(z.string()) })]);
const LostAlarm = z.looseObject({
  Type: z.literal('AWS::CloudWatch::Alarm'),
  Properties: z.looseObject({
    AlarmName: z.string().endsWith('-letters-lost'),
    Namespace: z.string(),
    MetricName: z.string(),
    Dimensions: z.array(z.object({ Name: z.string(), Value })),
  }),
});
const Body = z.looseObject({ widgets: z.array(z.unknown()) });
const Template = z.looseObject({
  Resources: z.looseObject({
    Dashboard: z.looseObject({ Properties: z.looseObject({ DashboardBody: z.object({ 'Fn::Sub': z.string() }) }) }),
  }),
});

/**
 * The same stack, whose dashboard also shows what the alarms on lost letters look at, and the queues of the Regions that
 * forward. Both follow from the options of packaging, so they are no part of the dashboard's file.
 *
 * UNVERIFIED: that a metric in a widget may name another Region (`region` among a metric's rendering properties); else the
 * widget of the other Regions stays empty, and their alarms tell all the same.
 */
export function withLetterWidgets(template: unknown, deployment: Deployment): unknown {
  const parsed = Template.parse(template);
  const { Dashboard, ...others } = parsed.Resources;
  const body = Body.parse(JSON.parse(Dashboard.Properties.DashboardBody['Fn::Sub']));
  const prefix = prefixOf(deployment);
  const lost = Object.values(others).flatMap((resource): unknown[] => {
    const alarm = LostAlarm.safeParse(resource);
    if (!alarm.success) return [];
    const { AlarmName, Namespace, MetricName, Dimensions } = alarm.data.Properties;
    const dimensions = Dimensions.flatMap(({ Name, Value: value }) => [Name, textOf(value)]);
    const label = AlarmName.slice(prefix.length + 1, -'-letters-lost'.length);
    return [[Namespace, MetricName, ...dimensions, { label }]];
  });
  const waiting = forwardersOf(deployment).flatMap(({ account, region }) =>
    account === 'own'
      ? [[...VISIBLE, `${prefix}-${FORWARDING_QUEUE}`, { region, label: `${FORWARDING_QUEUE} in ${region}` }]]
      : [],
  );
  const widgets = [
    widgetOf('Letters that are lost: see the runbook', 'Sum', lost, 0),
    ...(waiting.length === 0 ? [] : [widgetOf('Dead letters of other Regions', 'Maximum', waiting, 12)]),
  ];
  const text = JSON.stringify({ ...body, widgets: [...body.widgets, ...widgets] });
  const Properties = { ...Dashboard.Properties, DashboardBody: { 'Fn::Sub': text } };
  return { ...parsed, Resources: { ...others, Dashboard: { ...Dashboard, Properties } } };
}

const VISIBLE = ['AWS/SQS', 'ApproximateNumberOfMessagesVisible', 'QueueName'] as const;
/** Below the widgets of infra/resources/dashboard.yml. */
const ROW = 24;

const widgetOf = (title: string, stat: string, metrics: readonly unknown[], x: number) => ({
  type: 'metric',
  x,
  y: ROW,
  width: 12,
  height: 6,
  properties: {
    title,
    region: `\${AWS::Region}`,
    view: 'timeSeries',
    stacked: false,
    stat,
    period: 300,
    yAxis: { left: { min: 0 } },
    metrics,
  },
});

/** As `Fn::Sub` fills it in. */
const textOf = (value: z.infer<typeof Value>): string => {
  if (typeof value === 'string') return value;
  return 'Ref' in value ? `\${${value.Ref}}` : `\${${value['Fn::GetAtt'].join('.')}}`;
};

export async function showLetters(templatePath: string, deployment: Deployment): Promise<void> {
  const template: unknown = JSON.parse(await readFile(templatePath, 'utf8'));
  await writeFile(templatePath, JSON.stringify(withLetterWidgets(template, deployment), null, 2));
}
