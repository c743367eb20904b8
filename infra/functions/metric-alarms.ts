import { metricAlarms } from '../../aws/metric-alarms.ts';
import { governor } from '../composition.ts';
import { inLambda, type Surroundings } from '../surroundings.ts';
import { meteredUsage } from './metered-usage.ts';

/** The adapters of the function `metric-alarm`. */
export function alarmed(surroundings: Surroundings = inLambda()) {
  const base = governor(surroundings);
  const { cloudWatchIn, trueUp } = meteredUsage(base);
  const alarms = metricAlarms(cloudWatchIn);
  return { ...base, start: async () => ({ ...(await base.start()), ...trueUp, alarms }) };
}
