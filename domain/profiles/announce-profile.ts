import type { BudgetId } from '../budgets/budget-id.ts';
import { type Budget, budgetOf, tenantOf } from '../budgets/definition.ts';
import { type EpochMs, isoTime } from '../clock.ts';
import { periodAt } from '../period.ts';
import {
  budgetReopened,
  profileDeleted,
  profileMismatched,
  profileQuarantined,
  profileReleased,
  profileViolating,
} from '../standing/notice.ts';
import type { BudgetReview } from '../standing/review-budget.ts';
import { type BudgetRestriction, isOfBudget, isQuarantined, type Standing } from '../standing/standing.ts';
import { describeTags, tagValue } from '../tags.ts';
import { mismatchesOf } from './mismatch.ts';
import type { IndexEntry } from './profile-index.ts';
import { describeViolation, type Violation } from './violation.ts';

/** What people are told when the index entry of a profile changes, each occasion once. */

export async function announceQuarantine(
  ports: BudgetReview,
  before: IndexEntry | undefined,
  after: IndexEntry,
): Promise<void> {
  const quarantine =
    after.standing.state === 'closed'
      ? after.standing.reasons.find((reason) => reason.kind === 'quarantine')
      : undefined;
  if (quarantine === undefined || after.quarantines === undefined) return;
  await ports.outbox.enter(
    profileQuarantined({ ...occasionOf(ports, after, after.quarantines), violations: quarantine.violations }),
  );
  if (before !== undefined && isQuarantined(before.standing)) return;
  ports.journal.decided('quarantine profile', {
    profile: after.arn,
    because: quarantine.violations.map(describeViolation),
    tags: describeTags(after.tags),
  });
  ports.journal.counted('ProfileQuarantined', { profile: after.arn });
}

/** A violating profile that works for now: told when the violation is first seen, before it costs anybody anything. */
export async function announceGrace(
  ports: BudgetReview,
  before: IndexEntry | undefined,
  entry: IndexEntry,
  { violations, until }: { readonly violations: readonly Violation[]; readonly until: EpochMs },
): Promise<void> {
  const tenant = tagValue(entry.tags, ports.policy.tenantTag);
  const { arn, name, tags, timesViolating: times = 1 } = entry;
  await ports.outbox.enter(profileViolating({ arn, name, tags, tenant, violations, until, times }));
  if (before?.violatingSince !== undefined) return;
  ports.journal.decided('let profile violate', {
    profile: arn,
    because: violations.map(describeViolation),
    until: isoTime(until),
  });
}

/** Told once for each profile and rule, and again where the policy has allowed it in between: it may be deleted later. */
export async function announceMismatches(ports: BudgetReview, entry: IndexEntry): Promise<void> {
  const tenant = tagValue(entry.tags, ports.policy.tenantTag);
  const { arn, name, mismatchedSince: since = entry.verifiedAt } = entry;
  for (const mismatch of mismatchesOf(ports.policy, entry)) {
    await ports.outbox.enter(profileMismatched({ arn, name, tenant, mismatch, since }));
    ports.journal.counted('ProfileMismatched', { profile: entry.arn, ...mismatch });
  }
}

/** Told once: the ARN of a profile comes never again. */
export async function announceDeletion(ports: BudgetReview, entry: IndexEntry): Promise<void> {
  const tenant = tagValue(entry.tags, ports.policy.tenantTag);
  const { arn, name, tags } = entry;
  await ports.outbox.enter(profileDeleted({ arn, name, tags, tenant, mismatches: mismatchesOf(ports.policy, entry) }));
}

export async function announceRecovery(ports: BudgetReview, before: IndexEntry, after: IndexEntry): Promise<void> {
  if (isQuarantined(before.standing) && !isQuarantined(after.standing) && before.quarantines !== undefined) {
    await ports.outbox.enter(profileReleased(occasionOf(ports, after, before.quarantines)));
    ports.journal.decided('release profile', { profile: after.arn, because: 'its tags comply' });
    ports.journal.counted('ProfileReleased', { profile: after.arn });
  }
  const stillRestricted = restrictedBudgets(after.standing);
  for (const [id, restriction] of restrictedBudgets(before.standing)) {
    const budget = budgetOf(ports.policy, id);
    const covers = after.budgets.some((covering) => covering.id === id);
    if (!stillRestricted.has(id) && budget !== undefined && covers) await announceReopening(ports, budget, restriction);
  }
}

const occasionOf = (ports: BudgetReview, entry: IndexEntry, quarantine: number) => ({
  arn: entry.arn,
  name: entry.name,
  tags: entry.tags,
  tenant: tagValue(entry.tags, ports.policy.tenantTag),
  quarantine,
});

const restrictedBudgets = (standing: Standing | undefined): Map<BudgetId, BudgetRestriction> =>
  new Map(
    standing !== undefined && standing.state !== 'open'
      ? standing.reasons.filter(isOfBudget).map((reason) => [reason.budget, reason] as const)
      : [],
  );

async function announceReopening(
  ports: BudgetReview,
  budget: Budget,
  { period: closedIn, kind }: BudgetRestriction,
): Promise<void> {
  const period = periodAt(budget.period, budget.timeZone, ports.clock.now());
  const item = await ports.ledger.read({ budget: budget.id, period: period.id });
  const since = item?.terms.standingSince ?? 1;
  await ports.outbox.enter(budgetReopened({ budget, closedIn, since, period, tenant: tenantOf(ports.policy, budget) }));
  ports.journal.decided('reopen budget', {
    budget: budget.id,
    closedIn,
    period: period.id,
    because:
      closedIn !== period.id
        ? 'a new period has begun'
        : kind === 'budget-disabled'
          ? 'what closed it has ended'
          : 'the policy or an operator allows more now',
  });
  ports.journal.counted('TenantReopened', { budget: budget.id });
}
