import type { Budget } from '../budgets/definition.ts';
import type { Override } from '../standing/override.ts';
import { isOfBudget, type Restriction, type Standing, standingTagValue, strictest } from '../standing/standing.ts';
import { STANDING_TAG, type Tags, tagValue } from '../tags.ts';
import { assess } from './compliance.ts';
import type { ProfileGovernance } from './govern-profile.ts';
import { entryOf, saysTheSame } from './governed-entry.ts';
import { accountOf, type ProfileArn } from './profile-arn.ts';
import { isCreatorDue, toldBy } from './profile-creators.ts';
import type { IndexEntry } from './profile-index.ts';
import { tenantsReasons } from './tenants-reasons.ts';
import { verdictOf } from './verdict.ts';

/**
 * The tags of many profiles at once, from a source that may lag behind and leaves out profiles that were never tagged.
 * Good for clearing a profile of which everything is known already, and for nothing else.
 */
export interface BulkTags {
  read(region: string): Promise<ReadonlyMap<ProfileArn, Tags>>;
}

export type Prospect =
  /** The profile has these tags and is as it should be. */
  | 'settled'
  | 'to-govern'
  /** It depends on a budget that was not reviewed. */
  | 'undecided';

/**
 * What governing a profile would find, were these its tags: by the policy, the prices and the standing of its budgets as
 * they are now. Reads nothing and writes nothing.
 *
 * @param reviewed what restricts a budget; undefined where that is not known
 * @param overrides what operators say
 */
export async function prospectOf(
  ports: Pick<ProfileGovernance, 'policy' | 'prices' | 'clock' | 'journal'>,
  entry: IndexEntry,
  tags: Tags,
  reviewed: (budget: Budget) => Promise<Restriction | undefined> | undefined,
  overrides: readonly Override[],
): Promise<Prospect> {
  if (isCreatorDue(ports.policy, tags, accountOf(entry.arn), entry.creation, ports.clock.now())) return 'to-govern';
  const compliance = assess(ports.policy, tags, accountOf(entry.arn), toldBy(entry.creation));
  if (entry.endedAt !== undefined || compliance.kind === 'remediable') return 'to-govern';
  const now = ports.clock.now();
  const verdict = verdictOf(ports.policy, { found: tags, compliance, before: entry, now });
  const { budgets, violating } = verdict;
  const reasons: Restriction[] = [...verdict.reasons, ...tenantsReasons(ports.policy, verdict.tags, overrides, now)];
  let isDecided = true;
  for (const budget of budgets) {
    const review = reviewed(budget);
    const restriction = review === undefined ? 'unknown' : await review.catch(() => 'unknown' as const);
    if (restriction === 'unknown') isDecided = false;
    else if (restriction !== undefined) reasons.push(restriction);
  }
  const standing = isDecided ? withFiguresOf(entry.standing, strictest(reasons)) : entry.standing;
  const { mendings } = entry;
  const wanted = entryOf(ports, {
    facts: entry,
    tags: verdict.tags,
    standing,
    budgets,
    before: entry,
    mendings,
    violating,
    compliance: compliance.kind,
    creation: entry.creation,
  });
  // A policy that only observes leaves the tag as it is.
  const isTagRight = ports.policy.mode === 'observe' || tagValue(tags, STANDING_TAG) === standingTagValue(standing);
  if (!saysTheSame(entry, wanted) || !isTagRight) return 'to-govern';
  return isDecided ? 'settled' : 'undecided';
}

/** What a restricted budget has spent goes on rising, and is no reason to write all entries of its profiles again. */
function withFiguresOf(before: Standing, now: Standing): Standing {
  if (before.state === 'open' || now.state === 'open') return now;
  const told = before.reasons.filter(isOfBudget);
  const reasons = now.reasons.map((reason) => {
    if (!isOfBudget(reason)) return reason;
    const same = told.find(
      ({ kind, budget, period }) => kind === reason.kind && budget === reason.budget && period === reason.period,
    );
    return same === undefined ? reason : { ...reason, spent: same.spent };
  });
  return { state: now.state, reasons };
}
