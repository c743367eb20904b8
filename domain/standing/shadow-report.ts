import type { BudgetId } from '../budgets/budget-id.ts';
import { budgetsInUse } from '../budgets/budgets-in-use.ts';
import { type Budget, tenantOf } from '../budgets/definition.ts';
import { type Clock, epochMs } from '../clock.ts';
import type { NanoUsd } from '../money.ts';
import { type Period, periodAt } from '../period.ts';
import type { Policy } from '../policy/policy.ts';
import type { ProfileIndex } from '../profiles/profile-index.ts';
import { type LedgerItem, type LedgerStore, NOTHING_UNREFUSED, spent } from '../spending/ledger.ts';
import { decide } from './decide.ts';
import { type Overrides, wordOn } from './override.ts';

/** What a budget that only watches would have refused in one period. */
export interface ShadowLine {
  readonly budget: BudgetId;
  readonly tenant?: string;
  readonly period: string;
  readonly limit: NanoUsd;
  readonly spent: NanoUsd;
  /** Calls that it let pass and would have refused. */
  readonly calls: number;
  /** What was reserved for them: at most so much would not have been spent. */
  readonly worth: NanoUsd;
  /** How it would stand at the end of the period, or now. */
  readonly standing: 'open' | 'throttled' | 'closed';
  readonly because?: string;
}

export interface ShadowPorts {
  readonly policy: Policy;
  readonly ledger: Pick<LedgerStore, 'read'>;
  readonly index: Pick<ProfileIndex, 'list'>;
  readonly overrides: Overrides;
  readonly clock: Clock;
}

/**
 * What budgets in shadow mode would have refused, by budget and period: to be read before they are switched on. Also of
 * a budget that enforces by now, for the periods in which it watched. What the processes have not yet reported, half a
 * lease term at most, is missing.
 *
 * @param periods how many of each budget's periods, the current one and those before it
 */
export async function shadowReport(ports: ShadowPorts, periods: number): Promise<readonly ShadowLine[]> {
  const lines: ShadowLine[] = [];
  const overrides = await ports.overrides.lasting(ports.clock.now());
  for (const budget of budgetsInUse(ports, await ports.index.list())) {
    let period = periodAt(budget.period, budget.timeZone, ports.clock.now());
    for (let back = 0; back < periods; back++) {
      const item = await ports.ledger.read({ budget: budget.id, period: period.id });
      if (item !== undefined && (budget.isShadow || item.unrefused !== undefined))
        lines.push(lineOf(ports, budget, period, item, overrides));
      period = periodAt(budget.period, budget.timeZone, epochMs(period.startsAt - 1));
    }
  }
  return lines;
}

function lineOf(
  { policy, clock }: ShadowPorts,
  budget: Budget,
  period: Period,
  item: LedgerItem,
  overrides: Awaited<ReturnType<Overrides['lasting']>>,
): ShadowLine {
  const now = epochMs(Math.min(clock.now(), period.endsAt - 1));
  const { calls, amount } = item.unrefused ?? NOTHING_UNREFUSED;
  const tenant = tenantOf(policy, budget);
  // As it would be, did it enforce.
  const decision = decide(
    { ...budget, isShadow: false },
    { ledger: item, now, operators: wordOn(policy, budget, overrides, now) },
  );
  return {
    budget: budget.id,
    ...(tenant === undefined ? {} : { tenant }),
    period: period.id,
    limit: item.terms.limit,
    spent: spent(item),
    calls,
    worth: amount,
    standing: decision.standing,
    ...(decision.standing === 'open' ? {} : { because: decision.because }),
  };
}
