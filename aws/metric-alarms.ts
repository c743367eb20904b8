import { type CloudWatchClient, DescribeAlarmsCommand } from '@aws-sdk/client-cloudwatch';
import { epochMs } from '../domain/clock.ts';
import type { MetricAlarms } from '../domain/signals/alarm.ts';
import { asking } from './asking.ts';

/** The alarms of the governor's own Region: EventBridge brings no others. */
export const metricAlarms = (client: CloudWatchClient): MetricAlarms => ({
  async find(name) {
    const { MetricAlarms = [], CompositeAlarms = [] } = await asking(`reading the alarm "${name}"`, () =>
      client.send(new DescribeAlarmsCommand({ AlarmNames: [name], AlarmTypes: ['MetricAlarm', 'CompositeAlarm'] })),
    );
    const found = [...MetricAlarms, ...CompositeAlarms].find((alarm) => alarm.AlarmName === name);
    if (found === undefined) return undefined;
    // Of an alarm whose state was only confirmed since, the transition is what counts.
    const changed = found.StateTransitionedTimestamp ?? found.StateUpdatedTimestamp;
    return {
      isInAlarm: found.StateValue === 'ALARM',
      changedAt: changed === undefined ? undefined : epochMs(changed.getTime()),
    };
  },
});
