import { BudgetsClient } from '@aws-sdk/client-budgets';
import { awsBudgets } from '../../aws/aws-budgets.ts';
import { BUDGETS_PACE, paceOf } from '../../aws/pace.ts';
import type { Governor } from '../composition.ts';

/** AWS Budgets, at the pace that it allows; by AWS's clock, as all that is decided here. */
export const awsBudgetsOf = ({ settings, accountId, clock, surroundings: { client, machine } }: Governor) =>
  awsBudgets(
    client(BudgetsClient),
    { accountId, alertTopicArn: settings.GOVERNOR_BUDGET_ALERTS_TOPIC_ARN },
    paceOf(machine, { ...BUDGETS_PACE, now: () => clock.now() }),
  );
