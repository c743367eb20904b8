import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { metricAlarms } from '../../aws/metric-alarms.ts';
import { governor } from '../composition.ts';
import { once } from '../made-once.ts';
import { meteredUsage } from './metered-usage.ts';

/** The adapters of the function `metric-alarm`. */
export function alarmed() {
  const base = governor();
  const { trueUp } = meteredUsage(base);
  const alarms = once(() => metricAlarms(new CloudWatchClient()));
  return { ...base, start: async () => ({ ...(await base.start()), ...trueUp, alarms: alarms() }) };
}
