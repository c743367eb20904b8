import { CostExplorerClient } from '@aws-sdk/client-cost-explorer';
import { costAnomalies } from '../../aws/cost-anomalies.ts';
import { once } from '../made-once.ts';
import { inLambda, type Surroundings } from '../surroundings.ts';
import { alerted } from './budget-alerts.ts';

/** The adapters of the function `cost-anomaly`. */
export function anomalous(surroundings: Surroundings = inLambda()) {
  const base = alerted(surroundings);
  const anomalies = once(() => costAnomalies(surroundings.client(CostExplorerClient, 'us-east-1'), base.clock));
  return { ...base, start: async () => ({ ...(await base.start()), anomalies: anomalies() }) };
}
