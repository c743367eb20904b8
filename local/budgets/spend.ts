import type { BilledUsage } from '../service.ts';
import type { BudgetDefinition } from './definition.ts';
import { type Period, periodAt } from './period.ts';

const DAY_MS = 86_400_000;

/** AWS forecasts after about five weeks of history. [docs.aws.amazon.com/cost-management/latest/userguide/budgets-best-practices] */
const FORECAST_HISTORY_MS = 35 * DAY_MS;

/** What a refresh finds for one budget; amounts in nano-US-dollars. */
export interface Spend {
  readonly period: Period;
  readonly actual: bigint;
  readonly forecast: bigint | undefined;
}

/**
 * Adds up what a budget counts, of the billing records that are visible (`at` up to `visibleUntil`). A daily budget
 * looks at yesterday, as its alerts say; whether AWS's CalculatedSpend does so too is UNVERIFIED. The forecast is
 * linear: what is spent, plus the mean of the last five weeks for what is left of the period.
 */
export function spendOf(
  definition: BudgetDefinition,
  billing: readonly BilledUsage[],
  now: number,
  visibleUntil: number,
): Spend {
  const day = definition.timeUnit === 'DAILY' ? DAY_MS : 0;
  const period = periodAt(definition.timeUnit, now - day, definition.timePeriod);
  const sum = (from: number, until: number): bigint => {
    let total = 0n;
    for (let index = firstFrom(billing, from); index < billing.length; index++) {
      const usage = billing[index];
      if (usage === undefined || usage.at >= until || usage.at > visibleUntil) break;
      if (definition.filter(usage)) total += usage.costNanoUsd;
    }
    return total;
  };
  const actual = sum(period.start, period.end);
  const first = billing.find(definition.filter);
  if (first === undefined || first.at > visibleUntil - FORECAST_HISTORY_MS || period.end <= visibleUntil) {
    return { period, actual, forecast: undefined };
  }
  const recent = sum(visibleUntil - FORECAST_HISTORY_MS, visibleUntil);
  const remaining = BigInt(period.end - visibleUntil);
  return { period, actual, forecast: actual + (recent * remaining) / BigInt(FORECAST_HISTORY_MS) };
}

function firstFrom(billing: readonly BilledUsage[], at: number): number {
  let low = 0;
  let high = billing.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((billing[middle]?.at ?? Number.POSITIVE_INFINITY) < at) low = middle + 1;
    else high = middle;
  }
  return low;
}
