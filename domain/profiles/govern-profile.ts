import { budgetOf } from '../budgets/definition.ts';
import type { PriceList } from '../spending/price-list.ts';
import { followCoverage } from '../spending/seeding.ts';
import type { BudgetReview } from '../standing/review-budget.ts';
import { describeReason, type Restriction, type Standing, standingTagValue, strictest } from '../standing/standing.ts';
import { describeTags, STANDING_TAG, type Tags, tagValue } from '../tags.ts';
import {
  announceDeletion,
  announceGrace,
  announceMismatches,
  announceQuarantine,
  announceRecovery,
} from './announce-profile.ts';
import { type BudgetWork, type BudgetWorkPorts, budgetWork, freshReviews, type Reviews } from './budget-work.ts';
import { assess, type Compliance, type Mending } from './compliance.ts';
import { entryOf, isSameEntry } from './governed-entry.ts';
import type { KnownCreator } from './known-creator.ts';
import { mendTags } from './mend-tags.ts';
import { accountOf, type ProfileArn } from './profile-arn.ts';
import { creatorOf, type ProfileCreators, toldBy } from './profile-creators.ts';
import type { IndexEntry, MendingCount, ProfileIndex } from './profile-index.ts';
import type { ProfileFacts, Profiles } from './profiles.ts';
import { readTruth } from './read-truth.ts';
import { isSameTags, keepTags, type TagHistories } from './tag-history.ts';
import { tenantsReasons } from './tenants-reasons.ts';
import { type Verdict, verdictOf } from './verdict.ts';
import { describeViolation } from './violation.ts';

/** What the standing of profiles is enforced with. */
export interface StandingEnforcement extends BudgetReview {
  readonly profiles: Profiles;
  readonly index: ProfileIndex;
  readonly histories: TagHistories;
  readonly prices: PriceList;
}

/** And what mending tags and providing for budgets needs besides. */
export interface ProfileGovernance extends BudgetWorkPorts, StandingEnforcement {
  readonly profiles: Profiles;
  readonly index: ProfileIndex;
  readonly creators: ProfileCreators;
}

export type GovernedProfile =
  | { readonly kind: 'gone' }
  | { readonly kind: 'governed'; readonly compliance: Compliance['kind']; readonly entry: IndexEntry };

/**
 * Looks at one profile as it is now and makes everything about it as it should be: its tags mended or the profile
 * quarantined, its budgets provisioned, its standing tag set or removed, the index up to date, people told once. An
 * event only says which profile to look at; the sweep calls this for all of them.
 *
 * @param work on the profile's budgets, where it is shared with other profiles
 * @param listed what a list has told of the profile a moment ago, which saves a request
 * @throws {Fault} when AWS cannot be read or written; nothing is concluded then, and the event or the sweep comes again
 */
export async function governProfile(
  ports: ProfileGovernance,
  arn: ProfileArn,
  work: BudgetWork = budgetWork(ports),
  listed?: ProfileFacts,
): Promise<GovernedProfile> {
  const seen = await look(ports, arn, (found, before) => creatorOf(ports, arn, found, before), listed);
  if (seen === undefined) return { kind: 'gone' };
  const mendedProfile = seen.compliance.kind === 'remediable' ? await mend(ports, seen, seen.compliance) : seen;
  const governed = await settle(ports, mendedProfile, work);
  for (const { id } of governed.entry.budgets) {
    const budget = budgetOf(ports.policy, id);
    if (budget !== undefined) await work.provision(budget);
  }
  return governed.compliance === 'compliant' ? { ...governed, compliance: seen.compliance.kind } : governed;
}

/**
 * The part of {@link governProfile} that follows a signal about money: the standing and the index, but neither the
 * profile's own tags nor AWS Budgets, which the function that hears signals may not write.
 */
export async function enforceStanding(
  ports: StandingEnforcement,
  arn: ProfileArn,
  reviews: Reviews = freshReviews(ports),
): Promise<GovernedProfile> {
  const seen = await look(ports, arn, async (_, before) => before?.creation);
  if (seen === undefined) return { kind: 'gone' };
  return await settle(ports, seen, reviews);
}

/** Decides and logs, and writes nothing but what is the governor's own: the index and the ledger. */
const isObserving = ({ policy }: StandingEnforcement): boolean => policy.mode === 'observe';

interface SeenProfile {
  readonly before: IndexEntry | undefined;
  readonly facts: ProfileFacts;
  readonly found: Tags;
  readonly compliance: Compliance;
  readonly mendings: MendingCount | undefined;
  readonly creation: KnownCreator | undefined;
}

/** @param creationOf who created it, as far as whoever looks wants to know */
async function look(
  ports: StandingEnforcement,
  arn: ProfileArn,
  creationOf: (found: Tags, before: IndexEntry | undefined) => Promise<KnownCreator | undefined>,
  listed?: ProfileFacts,
): Promise<SeenProfile | undefined> {
  const before = await ports.index.get(arn);
  const truth = await readTruth(ports.profiles, arn, listed);
  if (truth === undefined) {
    await endEntry(ports, before);
    return undefined;
  }
  const creation = await creationOf(truth.found, before);
  const compliance = assess(ports.policy, truth.found, accountOf(arn), toldBy(creation));
  return { before, ...truth, compliance, mendings: before?.mendings, creation };
}

async function mend(ports: ProfileGovernance, seen: SeenProfile, mending: Mending): Promise<SeenProfile> {
  const { before, facts, found, creation } = seen;
  return {
    ...seen,
    ...(await mendTags(ports, { arn: facts.arn, name: facts.name, found, mending, before, creation })),
  };
}

async function settle(
  ports: StandingEnforcement,
  seen: SeenProfile,
  reviews: Reviews,
): Promise<Extract<GovernedProfile, { kind: 'governed' }>> {
  const { before, facts, found, compliance, mendings, creation } = seen;
  const verdict = verdictOf(ports.policy, { found, compliance, before, now: ports.clock.now() });
  const { tags, budgets, violating } = verdict;
  if (verdict.unenforced !== undefined)
    ports.journal.decided('would quarantine profile', {
      profile: facts.arn,
      because: verdict.unenforced.map(describeViolation),
      tags: describeTags(found),
    });
  let standing = strictest(await reasonsFor(ports, verdict, reviews));
  // What somebody closed a moment ago is not opened on a word from before.
  if (reviews.areRemembered && loosens(tagValue(tags, STANDING_TAG), standingTagValue(standing)))
    standing = strictest(await reasonsFor(ports, verdict, freshReviews(ports)));
  // Nor is what somebody opened a while ago closed again.
  else if (reviews.areOld() && loosens(standingTagValue(standing), tagValue(tags, STANDING_TAG)))
    standing = strictest(await reasonsFor(ports, verdict, freshReviews(ports)));
  const entry = entryOf(ports, {
    facts,
    tags,
    standing,
    budgets,
    before,
    mendings,
    violating,
    compliance: compliance.kind,
    creation,
  });
  // A recovery is announced before the index forgets what it recovered from, a quarantine after the index names it: a
  // crash in between repeats the occasion under the same id instead of losing it.
  if (before !== undefined && !isObserving(ports)) await announceRecovery(ports, before, entry);
  if (before !== undefined) await followCoverage(ports, facts.arn, { before: before.budgets, after: entry.budgets });
  if (before === undefined || before.endedAt !== undefined || !isSameTags(before.tags, entry.tags))
    await keepTags(ports.histories, facts.arn, { before: before?.tags, after: entry.tags, now: entry.verifiedAt });
  if (before === undefined || !isSameEntry(before, entry)) await ports.index.put(entry);
  await announceQuarantine(ports, before, entry);
  if (verdict.grace !== undefined && !isObserving(ports)) await announceGrace(ports, before, entry, verdict.grace);
  await announceMismatches(ports, entry);
  // Last, so that the event of our own tagging finds everything told already, and a profile that cannot be tagged too.
  await enforce(ports, facts.arn, tags, standing);
  return { kind: 'governed', compliance: compliance.kind, entry };
}

async function reasonsFor(
  { policy, clock }: StandingEnforcement,
  verdict: Verdict,
  reviews: Reviews,
): Promise<Restriction[]> {
  const reasons: Restriction[] = [
    ...verdict.reasons,
    ...tenantsReasons(policy, verdict.tags, await reviews.overrides(), clock.now()),
  ];
  for (const budget of verdict.budgets) {
    const restriction = await reviews.review(budget);
    if (restriction !== undefined) reasons.push(restriction);
  }
  return reasons;
}

/** Whether IAM would let pass what the tag on the profile has it deny. */
const loosens = (before: string | undefined, after: string | undefined): boolean =>
  isDenied(before) && !isDenied(after);

const isDenied = (tag: string | undefined): boolean => tag === 'closed' || tag === 'quarantined';

/** The profile is gone: its entry resolves no longer, and still attributes what was spent. Done again, it does nothing. */
export async function endEntry(ports: StandingEnforcement, before: IndexEntry | undefined): Promise<void> {
  if (before === undefined || before.endedAt !== undefined) return;
  // Before the index forgets that somebody is to be told.
  const { deletingSince, ...entry } = before;
  if (deletingSince !== undefined) await announceDeletion(ports, before);
  const now = ports.clock.now();
  await keepTags(ports.histories, before.arn, { before: before.tags, after: 'gone', now });
  await ports.index.put({ ...entry, endedAt: now });
  ports.journal.decided('end index entry', { profile: before.arn, because: 'Bedrock has no such profile any more' });
}

/** The second lock. Written only where it differs, so that the event of our own write finds nothing to do. */
async function enforce(ports: StandingEnforcement, arn: ProfileArn, tags: Tags, standing: Standing): Promise<void> {
  const wanted = standingTagValue(standing);
  const actual = tagValue(tags, STANDING_TAG);
  if (wanted === actual) return;
  if (isObserving(ports)) {
    ports.journal.decided('would change standing tag', {
      profile: arn,
      before: actual ?? 'none',
      after: wanted ?? 'none',
    });
    return;
  }
  if (wanted === undefined) await ports.profiles.untag(arn, [STANDING_TAG]);
  else await ports.profiles.tag(arn, { [STANDING_TAG]: wanted });
  ports.journal.decided(wanted === undefined ? 'remove standing tag' : 'set standing tag', {
    profile: arn,
    before: actual ?? 'none',
    after: wanted ?? 'none',
    because: standing.state === 'open' ? 'nothing closes the profile' : standing.reasons.map(describeReason).join('; '),
  });
}
