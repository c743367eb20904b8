import { type CloudWatchClient, DescribeAlarmsCommand } from '@aws-sdk/client-cloudwatch';
import { epochMs } from '../domain/clock.ts';
import type { MetricAlarms } from '../domain/signals/alarm.ts';
import { asking } from './asking.ts';

/** Alarms, each read in its Region. */
export const metricAlarms = (clientFor: (region: string) => CloudWatchClient): MetricAlarms => ({
  async find(name, region) {
    const { MetricAlarms = [], CompositeAlarms = [] } = await asking(`reading the alarm "${name}" of ${region}`, () =>
      clientFor(region).send(
        new DescribeAlarmsCommand({ AlarmNames: [name], AlarmTypes: ['MetricAlarm', 'CompositeAlarm'] }),
      ),
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
