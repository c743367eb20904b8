import { metricAlarms } from '../../aws/metric-alarms.ts';
import { governor } from '../composition.ts';
import { meteredUsage } from './metered-usage.ts';

/** The adapters of the function `metric-alarm`. */
export function alarmed() {
  const base = governor();
  const { cloudWatchIn, trueUp } = meteredUsage(base);
  const alarms = metricAlarms(cloudWatchIn);
  return { ...base, start: async () => ({ ...(await base.start()), ...trueUp, alarms }) };
}
