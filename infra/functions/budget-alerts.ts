import { governor } from '../composition.ts';
import { once } from '../made-once.ts';
import { inLambda, type Surroundings } from '../surroundings.ts';
import { awsBudgetsOf } from './aws-budgets.ts';

/** The adapters of the function `budget-alert`. */
export function alerted(surroundings: Surroundings = inLambda()) {
  const base = governor(surroundings);
  const awsBudgets = once(() => awsBudgetsOf(base));
  return { ...base, start: async () => ({ ...(await base.start()), awsBudgets: awsBudgets() }) };
}
