import { CostExplorerClient } from '@aws-sdk/client-cost-explorer';
import { costAnomalies } from '../../aws/cost-anomalies.ts';
import { once } from '../made-once.ts';
import { alerted } from './budget-alerts.ts';

/** The adapters of the function `cost-anomaly`. */
export function anomalous() {
  const base = alerted();
  const anomalies = once(() => costAnomalies(new CostExplorerClient({ region: 'us-east-1' }), base.clock));
  return { ...base, start: async () => ({ ...(await base.start()), anomalies: anomalies() }) };
}
