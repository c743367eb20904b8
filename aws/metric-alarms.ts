import { type CloudWatchClient, DescribeAlarmsCommand } from '@aws-sdk/client-cloudwatch';
import type { MetricAlarms } from '../domain/signals/alarm.ts';
import { asking } from './asking.ts';

/** The alarms of the governor's own Region: EventBridge brings no others. */
export const metricAlarms = (client: CloudWatchClient): MetricAlarms => ({
  async stateOf(name) {
    const { MetricAlarms = [], CompositeAlarms = [] } = await asking(`reading the alarm "${name}"`, () =>
      client.send(new DescribeAlarmsCommand({ AlarmNames: [name], AlarmTypes: ['MetricAlarm', 'CompositeAlarm'] })),
    );
    return [...MetricAlarms, ...CompositeAlarms].find((alarm) => alarm.AlarmName === name)?.StateValue;
  },
});
