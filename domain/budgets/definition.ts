import { type NanoUsd, nanoUsd } from '../money.ts';
import type { PeriodKind } from '../period.ts';
import type { BudgetPolicy, Policy, Threshold } from '../policy/policy.ts';
import { cellsFor } from '../spending/cell-count.ts';
import { matches, type TagSelector, type Tags, tagValue } from '../tags.ts';
import type { BudgetId } from './budget-id.ts';

/** One budget: a limit in money on a tag selector, for each period. A template of the policy makes one for each value. */
export interface Budget {
  readonly id: BudgetId;
  readonly name: string;
  /** The value of the template's tag; absent on a budget that is none. */
  readonly value?: string;
  readonly selector: TagSelector;
  readonly limit: NanoUsd;
  /** How far commitments may go while open: the lowest `disable` threshold, or the limit where there is none. */
  readonly stopAt: NanoUsd;
  readonly period: PeriodKind;
  readonly timeZone: string;
  readonly thresholds: readonly Threshold[];
  /** What each process may spend beyond its lease while the ledger cannot be reached; nothing where absent. */
  readonly outageExtra?: NanoUsd;
  /** Among how many cells its processes are divided; absent where they all lease from the budget's own item. */
  readonly cells?: number;
  /** What follows from what AWS's watchers see about what it covers. */
  readonly signals: BudgetPolicy['signals'];
  /** Whether it only watches: what it would refuse or restrict is counted and told, and goes on. */
  readonly isShadow: boolean;
}

/** The budgets whose selector covers these tags, templates made concrete by the tags' values. */
export const budgetsCovering = (policy: Policy, tags: Tags): Budget[] =>
  policy.budgets.flatMap((template) => {
    const budget = concretise(policy, template, template.per === undefined ? undefined : tagValue(tags, template.per));
    return budget !== undefined && matches(budget.selector, tags) ? [budget] : [];
  });

/** The budget that an id names under this policy; undefined where the policy has none of that name (any more). */
export function budgetOf(policy: Policy, id: BudgetId): Budget | undefined {
  const slash = id.indexOf('/');
  const name = slash < 0 ? id : id.slice(0, slash);
  const template = policy.budgets.find((candidate) => candidate.name === name);
  return template && concretise(policy, template, slash < 0 ? undefined : id.slice(slash + 1));
}

function concretise(policy: Policy, template: BudgetPolicy, value: string | undefined): Budget | undefined {
  // A template without a value, an empty value, or a value for a budget that is no template: there is no such budget.
  if ((template.per === undefined) !== (value === undefined) || value === '') return undefined;
  const own = {
    ...template.selector,
    ...(template.per !== undefined && value !== undefined ? { [template.per]: [value] } : {}),
  };
  const special = value !== undefined && template.limits !== undefined ? ownValue(template.limits, value) : undefined;
  const limit = special ?? template.limit;
  const cells = cellsFor(template.processes);
  return {
    id: (value === undefined ? template.name : `${template.name}/${value}`) as BudgetId,
    name: template.name,
    ...(value === undefined ? {} : { value }),
    selector: own,
    limit,
    stopAt: stopAt(limit, template.thresholds),
    period: template.period,
    timeZone: policy.timeZone,
    thresholds: template.thresholds,
    ...(template.outage === 'refuse' ? {} : { outageExtra: template.outage }),
    ...(cells === undefined ? {} : { cells }),
    signals: template.signals,
    isShadow: policy.mode === 'observe' || template.mode === 'shadow',
  };
}

function stopAt(limit: NanoUsd, thresholds: readonly Threshold[]): NanoUsd {
  const disabling = thresholds.filter((threshold) => threshold.action === 'disable').map((threshold) => threshold.at);
  return disabling.length === 0 ? limit : amountAt(limit, Math.min(...disabling));
}

/** The least amount that reaches a share of the limit, in hundredths of a percent: rounded up, so that nothing spent reaches none. */
export const amountAt = (limit: NanoUsd, share: number): NanoUsd => nanoUsd((limit * BigInt(share) + 9_999n) / 10_000n);

const ownValue = (record: Readonly<Record<string, NanoUsd>>, key: string): NanoUsd | undefined =>
  Object.hasOwn(record, key) ? record[key] : undefined;

/** The tenant whose money this budget is, where its selector fixes exactly one. */
export function tenantOf(policy: Policy, budget: Budget): string | undefined {
  const values = budget.selector[policy.tenantTag];
  return values?.length === 1 ? values[0] : undefined;
}
