import { type Budget, tenantOf } from '../budgets/definition.ts';
import { add, awsAmount, displayUsd, type NanoUsd, nanoUsd, subtract } from '../money.ts';
import type { Period } from '../period.ts';
import type { Policy } from '../policy/policy.ts';
import type { ProfileArn } from '../profiles/profile-arn.ts';
import type { TrueUpReport } from '../spending/true-up-budget.ts';
import { aboutBudget, type BudgetOccasion, eventOf, type Notice, type NoticeOutbox, noticeId, who } from './notice.ts';
import type { OutsideFigures } from './review-budget.ts';

/** Spend that went round the helper: AWS has seen it and the ledger has not. */
export interface Bypass {
  /** Absent where the source names none: AWS Budgets. */
  readonly profile: ProfileArn | undefined;
  readonly amount: NanoUsd;
  /** Who has seen it. */
  readonly source: string;
}

/**
 * What a true-up has found, by profile; and what AWS Budgets has seen beyond that, of which nobody knows the profile. It is
 * no news where metrics could not be read: they may explain it.
 *
 * @param figures of the same period
 */
export function bypassesOf(
  { outside, known, unreadable }: Pick<TrueUpReport, 'outside' | 'known' | 'unreadable'>,
  figures?: OutsideFigures,
): Bypass[] {
  const found = outside.map((spend): Bypass => ({ ...spend, source: 'token metrics' }));
  if (figures?.actual === undefined || known === undefined || unreadable.length > 0) return found;
  const rest = subtract(figures.actual, add(known, ...outside.map(({ amount }) => amount)));
  return [...found, { profile: undefined, amount: rest, source: figures.source }];
}

/** Less than a cent is what rounding and calls on their way into a record come to. */
const WORTH_TELLING = nanoUsd(10_000_000n);

/**
 * Tells of spend outside once for each budget, period and profile, however it grows afterwards: the notice is found on
 * record at each further look. The ledger counts the growth.
 */
export async function tellBypass(
  ports: { readonly policy: Policy; readonly outbox: NoticeOutbox },
  { budget, period }: { readonly budget: Budget; readonly period: Period },
  found: readonly Bypass[],
): Promise<void> {
  const tenant = tenantOf(ports.policy, budget);
  for (const bypass of found)
    if (bypass.amount >= WORTH_TELLING) await ports.outbox.enter(bypassDetected({ budget, period, tenant, ...bypass }));
}

export function bypassDetected(occasion: BudgetOccasion & { readonly period: Period } & Bypass): Notice {
  const { budget, period, profile, amount, source } = occasion;
  const id = noticeId('bypass', budget.id, period.id, profile ?? 'unknown');
  const facts = {
    period: period.id,
    amountUsd: awsAmount(amount),
    source,
    ...(profile === undefined ? {} : { profile }),
  };
  const through = profile === undefined ? 'somewhere under its tags' : `through profile ${profile}`;
  return {
    ...aboutBudget(occasion),
    id,
    kind: 'bypass-detected',
    severity: 'critical',
    facts,
    event: eventOf(id, 'BypassDetected', { ...aboutBudget(occasion), ...facts }),
    subject: `Spend round the helper in Bedrock budget ${budget.id}`,
    text:
      `${who(occasion)} has spent ${displayUsd(amount)} or more in ${period.id} ${through} without the helper, as ${source} shows. ` +
      `It counts against budget ${budget.id}. Find who calls Amazon Bedrock there directly, and deny it in IAM.`,
  };
}
