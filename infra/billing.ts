import { CostExplorerClient } from '@aws-sdk/client-cost-explorer';
import * as z from 'zod';
import { costExplorerAnomalies, costExplorerTags } from '../aws/cost-explorer.ts';
import { costExplorerBill } from '../aws/cost-explorer-bill.ts';
import { billingMemoryTable } from '../aws/dynamodb/billing-memory-table.ts';
import { usageTable } from '../aws/dynamodb/usage-table.ts';
import { COST_EXPLORER_PACE, paceOf } from '../aws/pace.ts';
import { powertoolsGauges } from '../aws/powertools-journal.ts';
import type { BillingPorts } from '../domain/budgets/run-billing.ts';
import { equipment } from './equipment.ts';
import { functionSettings } from './function-settings.ts';
import type { Equipped } from './handler-of.ts';
import { once } from './made-once.ts';
import { inLambda, type Surroundings } from './surroundings.ts';
import { type Telling, TellingSettings, telling } from './telling.ts';

const Environment = TellingSettings.extend({
  GOVERNOR_TABLE: z.string().min(3),
  GOVERNOR_ANOMALIES_TOPIC_ARN: z.string().startsWith('arn:'),
  GOVERNOR_ACCOUNT_ID: z.string().regex(/^\d{12}$/),
  GOVERNOR_STAGE: z.string().regex(/^[A-Za-z0-9-]{1,40}$/),
});

export interface Billing extends Equipped {
  /** Reads the policy in force, and with it AWS's time. */
  start(): Promise<BillingPorts & Telling>;
}

/** The adapters of the function `billing`. */
export function billing(surroundings: Surroundings = inLambda()): Billing {
  const { client, environment, machine } = surroundings;
  const settings = functionSettings(Environment, environment);
  const { GOVERNOR_TABLE: table, GOVERNOR_ACCOUNT_ID: accountId, GOVERNOR_STAGE: stage } = settings;
  const { logger, metrics, clock, dynamo, policies, index, journal } = equipment(surroundings, table, stage);
  const costExplorer = once(() => client(CostExplorerClient));
  const pace = paceOf(machine, COST_EXPLORER_PACE);
  const told = once(() => telling(surroundings, dynamo, table, clock, settings));
  return {
    logger,
    metrics,
    journal,
    async start() {
      return {
        policy: await policies.current(),
        accountId,
        stage,
        anomalyTopicArn: settings.GOVERNOR_ANOMALIES_TOPIC_ARN,
        clock,
        journal,
        gauges: powertoolsGauges(metrics),
        costTags: costExplorerTags(costExplorer(), pace),
        anomalies: costExplorerAnomalies(costExplorer(), pace),
        bill: costExplorerBill(costExplorer(), pace, { accountId }),
        records: usageTable(dynamo, table),
        index,
        memory: billingMemoryTable(dynamo, table, { clock, newToken: machine.newId }),
        ...told(),
      };
    },
  };
}
