import type { BudgetId } from '../budgets/budget-id.ts';
import { type Budget, budgetOf, budgetsCovering, tenantOf } from '../budgets/definition.ts';
import { periodAt } from '../period.ts';
import { agreedPrice } from '../spending/agreed-price.ts';
import type { PriceList } from '../spending/price-list.ts';
import { followCoverage } from '../spending/seeding.ts';
import { budgetReopened, profileQuarantined, profileReleased } from '../standing/notice.ts';
import { describeReason, type Restriction, type Standing, standingTagValue, strictest } from '../standing/standing.ts';
import { describeTags, GOVERNOR_TAG_PREFIX, STANDING_TAG, type Tags, tagValue } from '../tags.ts';
import { type BudgetWork, type BudgetWorkPorts, budgetWork } from './budget-work.ts';
import { assess, type Compliance, describeViolation } from './compliance.ts';
import type { Geography } from './geography.ts';
import { type ProfileArn, regionOf } from './profile-arn.ts';
import type { IndexEntry, ProfileIndex, ProfileSource } from './profile-index.ts';

/** What Bedrock says of a profile. Immutable while the profile lives, but for its tags. */
export interface ProfileFacts {
  readonly arn: ProfileArn;
  readonly name: string;
  readonly baseModelId: string;
  readonly source: ProfileSource;
  /** Of a profile that was copied from a geographic one: which, where the Regions that it routes to tell. */
  readonly geography?: Geography;
}

/** Application inference profiles in Bedrock. Every call may throw; what could not be read is never taken for empty. */
export interface Profiles {
  /** Undefined only where Bedrock says that there is no such profile. */
  read(arn: ProfileArn): Promise<ProfileFacts | undefined>;
  readTags(arn: ProfileArn): Promise<Tags>;
  tag(arn: ProfileArn, tags: Tags): Promise<void>;
  untag(arn: ProfileArn, keys: readonly string[]): Promise<void>;
  list(region: string): AsyncIterable<ProfileArn>;
}

export interface ProfileGovernance extends BudgetWorkPorts {
  readonly profiles: Profiles;
  readonly index: ProfileIndex;
  readonly prices: PriceList;
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
 * @throws {Fault} when AWS cannot be read or written; nothing is concluded then, and the event or the sweep comes again
 */
export async function governProfile(
  ports: ProfileGovernance,
  arn: ProfileArn,
  work: BudgetWork = budgetWork(ports),
): Promise<GovernedProfile> {
  const seen = await look(ports, arn);
  if (seen === undefined) return { kind: 'gone' };
  const { found, compliance } = seen;
  const tags = compliance.kind === 'remediable' ? await mend(ports, arn, found, compliance.additions) : found;
  const governed = await settle(ports, seen, tags, work);
  for (const { id } of governed.entry.budgets) {
    const budget = budgetOf(ports.policy, id);
    if (budget !== undefined) await work.provision(budget);
  }
  return governed;
}

/**
 * The part of {@link governProfile} that follows a signal about money: the standing and the index, but neither the
 * profile's own tags nor AWS Budgets, which the function that hears signals may not write.
 */
export async function enforceStanding(ports: ProfileGovernance, arn: ProfileArn): Promise<GovernedProfile> {
  const seen = await look(ports, arn);
  if (seen === undefined) return { kind: 'gone' };
  const { found, compliance } = seen;
  const tags = compliance.kind === 'remediable' ? { ...found, ...compliance.additions } : found;
  return await settle(ports, seen, tags, budgetWork(ports));
}

interface SeenProfile {
  readonly before: IndexEntry | undefined;
  readonly facts: ProfileFacts;
  readonly found: Tags;
  readonly compliance: Compliance;
}

async function look(ports: ProfileGovernance, arn: ProfileArn): Promise<SeenProfile | undefined> {
  const before = await ports.index.get(arn);
  const facts = await ports.profiles.read(arn);
  if (facts === undefined) {
    await end(ports, before);
    return undefined;
  }
  const found = await ports.profiles.readTags(arn);
  return { before, facts, found, compliance: assess(ports.policy, found) };
}

async function settle(
  ports: ProfileGovernance,
  seen: SeenProfile,
  tags: Tags,
  work: BudgetWork,
): Promise<Extract<GovernedProfile, { kind: 'governed' }>> {
  const { before, facts, compliance } = seen;
  const budgets = compliance.kind === 'violating' ? [] : budgetsCovering(ports.policy, tags);
  const reasons: Restriction[] =
    compliance.kind === 'violating' ? [{ kind: 'quarantine', violations: compliance.violations }] : [];
  for (const budget of budgets) {
    const restriction = await work.review(budget);
    if (restriction !== undefined) reasons.push(restriction);
  }
  const standing = strictest(reasons);
  const entry = entryOf(ports, { facts, tags, standing, budgets, before });
  // A recovery is announced before the index forgets what it recovered from, a quarantine after the index names it: a
  // crash in between repeats the occasion under the same id instead of losing it.
  if (before !== undefined) await announceRecovery(ports, before, entry);
  if (before !== undefined) await followCoverage(ports, facts.arn, { before: before.budgets, after: entry.budgets });
  if (before === undefined || !isSameEntry(before, entry)) await ports.index.put(entry);
  await announceQuarantine(ports, before, entry);
  // Last, so that the event of our own tagging finds everything told already, and a profile that cannot be tagged too.
  await enforce(ports, facts.arn, tags, standing);
  return { kind: 'governed', compliance: compliance.kind, entry };
}

async function end(ports: ProfileGovernance, before: IndexEntry | undefined): Promise<void> {
  if (before === undefined || before.endedAt !== undefined) return;
  await ports.index.put({ ...before, endedAt: ports.clock.now() });
  ports.journal.decided('end index entry', { profile: before.arn, because: 'Bedrock has no such profile any more' });
}

async function mend(ports: ProfileGovernance, arn: ProfileArn, found: Tags, additions: Tags): Promise<Tags> {
  await ports.profiles.tag(arn, additions);
  ports.journal.decided('mend tags', {
    profile: arn,
    because: 'required tags with defaults were missing',
    before: { ...found },
    added: { ...additions },
  });
  ports.journal.counted('ProfileMended', { profile: arn });
  return { ...found, ...additions };
}

/** The second lock. Written only where it differs, so that the event of our own write finds nothing to do. */
async function enforce(ports: ProfileGovernance, arn: ProfileArn, tags: Tags, standing: Standing): Promise<void> {
  const wanted = standingTagValue(standing);
  const actual = tagValue(tags, STANDING_TAG);
  if (wanted === actual) return;
  if (wanted === undefined) await ports.profiles.untag(arn, [STANDING_TAG]);
  else await ports.profiles.tag(arn, { [STANDING_TAG]: wanted });
  ports.journal.decided(wanted === undefined ? 'remove standing tag' : 'set standing tag', {
    profile: arn,
    before: actual ?? 'none',
    after: wanted ?? 'none',
    because: standing.state === 'open' ? 'nothing closes the profile' : standing.reasons.map(describeReason).join('; '),
  });
}

/** What the index is to say of a profile. */
export function entryOf(
  ports: Pick<ProfileGovernance, 'policy' | 'prices' | 'clock' | 'journal'>,
  known: {
    facts: ProfileFacts;
    tags: Tags;
    standing: Standing;
    budgets: readonly Budget[];
    before: IndexEntry | undefined;
  },
): IndexEntry {
  const now = ports.clock.now();
  const { facts, tags, standing, budgets, before } = known;
  const { reservation, maxExposure } = ports.policy.ledger;
  const { baseModelId, source } = facts;
  const { isKnown, ...price } = agreedPrice(ports.policy, ports.prices, {
    baseModelId,
    source,
    region: regionOf(facts.arn),
    at: now,
  });
  if (!isKnown) ports.journal.counted('ModelUnpriced', { profile: facts.arn, model: facts.baseModelId });
  // Counted, not timed: handlers of the same change at the same moment give their quarantine the same name.
  const isNewQuarantine = isQuarantined(standing) && (before === undefined || !isQuarantined(before.standing));
  const quarantines = (before?.quarantines ?? 0) + (isNewQuarantine ? 1 : 0);
  return {
    arn: facts.arn,
    name: facts.name,
    region: regionOf(facts.arn),
    tags: Object.fromEntries(Object.entries(tags).filter(([key]) => !key.startsWith(GOVERNOR_TAG_PREFIX))),
    baseModelId,
    source,
    ...(facts.geography === undefined ? {} : { geography: facts.geography }),
    ...price,
    ...(reservation === 'learned' ? { maxExposure } : {}),
    ...fallbackOf(ports.policy.fallbacks, facts.baseModelId),
    standing,
    budgets: budgets.map(({ id, period, timeZone, cells, isShadow }) => ({
      id,
      period,
      timeZone,
      ...(cells === undefined ? {} : { cells }),
      ...(isShadow ? { mode: 'shadow' as const } : {}),
    })),
    ...(quarantines === 0 ? {} : { quarantines }),
    verifiedAt: now,
  };
}

const fallbackOf = (
  fallbacks: Readonly<Record<string, string>>,
  baseModelId: string,
): { readonly fallback?: string } => {
  const fallback = Object.hasOwn(fallbacks, baseModelId) ? fallbacks[baseModelId] : undefined;
  return fallback === undefined ? {} : { fallback };
};

export const isQuarantined = (standing: Standing): boolean =>
  standing.state !== 'open' && standing.reasons.some((reason) => reason.kind === 'quarantine');

/** Entries are written again when something changed, or when the last check is older than this, so that age stays visible. */
export const REVERIFY_MS = 6 * 3_600_000;

const isSameEntry = (before: IndexEntry, after: IndexEntry): boolean =>
  after.verifiedAt - before.verifiedAt <= REVERIFY_MS && saysTheSame(before, after);

/** Whether two entries say the same of a profile, whenever they were verified. */
export function saysTheSame(before: IndexEntry, after: IndexEntry): boolean {
  const comparable = (entry: IndexEntry) =>
    JSON.stringify({ ...entry, verifiedAt: 0, tags: Object.entries(entry.tags).sort() }, (_, value: unknown) =>
      typeof value === 'bigint' ? `${value}n` : value,
    );
  return comparable(before) === comparable(after);
}

async function announceQuarantine(
  ports: ProfileGovernance,
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

async function announceRecovery(ports: ProfileGovernance, before: IndexEntry, after: IndexEntry): Promise<void> {
  if (isQuarantined(before.standing) && !isQuarantined(after.standing) && before.quarantines !== undefined) {
    await ports.outbox.enter(profileReleased(occasionOf(ports, after, before.quarantines)));
    ports.journal.decided('release profile', { profile: after.arn, because: 'its tags comply' });
    ports.journal.counted('ProfileReleased', { profile: after.arn });
  }
  const stillRestricted = restrictedBudgets(after.standing);
  for (const [id, closedIn] of restrictedBudgets(before.standing)) {
    const budget = budgetOf(ports.policy, id);
    const covers = after.budgets.some((covering) => covering.id === id);
    if (!stillRestricted.has(id) && budget !== undefined && covers) await announceReopening(ports, budget, closedIn);
  }
}

const occasionOf = (ports: ProfileGovernance, entry: IndexEntry, quarantine: number) => ({
  arn: entry.arn,
  name: entry.name,
  tags: entry.tags,
  tenant: tagValue(entry.tags, ports.policy.tenantTag),
  quarantine,
});

const restrictedBudgets = (standing: Standing | undefined): Map<BudgetId, string> =>
  new Map(
    standing !== undefined && standing.state !== 'open'
      ? standing.reasons.flatMap((reason) =>
          reason.kind !== 'quarantine' ? [[reason.budget, reason.period] as const] : [],
        )
      : [],
  );

async function announceReopening(ports: ProfileGovernance, budget: Budget, closedIn: string): Promise<void> {
  const period = periodAt(budget.period, budget.timeZone, ports.clock.now());
  await ports.outbox.enter(budgetReopened({ budget, closedIn, period, tenant: tenantOf(ports.policy, budget) }));
  ports.journal.decided('reopen budget', {
    budget: budget.id,
    closedIn,
    period: period.id,
    because: closedIn === period.id ? 'the policy allows more now' : 'a new period has begun',
  });
  ports.journal.counted('TenantReopened', { budget: budget.id });
}
