import type { Destinations } from '../destinations.ts';
import type { Identifiers } from '../identifiers.ts';
import type { Service, World } from '../service.ts';
import { anomalyLookUp } from './anomalies.ts';
import { watchForAnomalies } from './anomaly-detector.ts';
import { anomalyOperations, newAnomalyRegister } from './anomaly-register.ts';
import { CostAllocationTags, costTagOperations } from './cost-allocation-tags.ts';
import { costAndUsage } from './cost-and-usage.ts';

export interface CostExplorerOptions {
  /** Between two refreshes of all figures. AWS: up to three times a day. Default 8 h. */
  readonly refreshMs?: number;
  /** From a model call until its billing record counts. Default 8 h, so that spend shows after 8 to 16 h. */
  readonly billingDelayMs?: number;
  /** The account is a linked one of an organisation: it is refused what only the payer may do. Default: it pays itself. */
  readonly isLinked?: boolean;
  /** Groups on one page of GetCostAndUsage, over all days. Default 500. */
  readonly groupsPerPage?: number;
}

const HOUR_MS = 3_600_000;

/**
 * AWS Cost Explorer with cost allocation tags and Cost Anomaly Detection, global in the account. Costs are those of the
 * model calls, at the embedded AWS's own prices; nothing else costs anything here. A tag counts on what was spent while its
 * key was active.
 */
export function createCostExplorer(
  world: World,
  destinations: Destinations,
  identifiers: Identifiers,
  options: CostExplorerOptions = {},
): Service {
  const { refreshMs = 8 * HOUR_MS, billingDelayMs = 8 * HOUR_MS, isLinked = false, groupsPerPage = 500 } = options;
  const tags = new CostAllocationTags(world);
  const register = newAnomalyRegister();
  let visibleUntil = world.clock.now() - billingDelayMs;

  const refresh = (at: number): void => {
    visibleUntil = at - billingDelayMs;
    watchForAnomalies({ world, destinations, identifiers, tags, register }, visibleUntil);
    world.clock.at(at + refreshMs, refresh);
  };
  world.clock.at(world.clock.now() + refreshMs, refresh);

  return {
    signingName: 'ce',
    protocol: { kind: 'json', targetPrefix: 'AWSInsightsIndexService', version: '1.1' },
    operations: {
      ...costAndUsage({ world, tags, groupsPerPage, visibleUntil: () => visibleUntil }),
      ...costTagOperations(tags, { isLinked }),
      ...anomalyLookUp(register),
      ...anomalyOperations({ world, identifiers, register, isLinked }),
    },
  };
}
