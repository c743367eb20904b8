import type { Budget } from '../budgets/definition.ts';
import type { Clock } from '../clock.ts';
import type { Journal } from '../journal.ts';
import type { Policy } from '../policy/policy.ts';
import { agreedPrice } from '../spending/agreed-price.ts';
import type { PriceList } from '../spending/price-list.ts';
import { isQuarantined, type Standing } from '../standing/standing.ts';
import { GOVERNOR_TAG_PREFIX, type Tags } from '../tags.ts';
import type { Compliance } from './compliance.ts';
import { copyFromOf } from './copy-from.ts';
import type { Violating } from './grace.ts';
import type { KnownCreator } from './known-creator.ts';
import { mismatchesOf } from './mismatch.ts';
import { regionOf } from './profile-arn.ts';
import type { IndexEntry, MendingCount } from './profile-index.ts';

interface EntryWriter {
  readonly policy: Policy;
  readonly prices: PriceList;
  readonly clock: Clock;
  readonly journal: Journal;
}

/** What the index is to hold of a profile that was looked at just now. */
export function entryOf(
  ports: EntryWriter,
  known: {
    facts: Pick<IndexEntry, 'arn' | 'name' | 'baseModelId' | 'source' | 'geography'>;
    tags: Tags;
    standing: Standing;
    budgets: readonly Budget[];
    before: IndexEntry | undefined;
    mendings: MendingCount | undefined;
    /** Undefined where the tags comply. */
    violating: Violating | undefined;
    compliance: Compliance['kind'];
    creation: KnownCreator | undefined;
  },
): IndexEntry {
  const now = ports.clock.now();
  const { facts, tags, standing, budgets, before, mendings, violating, compliance, creation } = known;
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
  const timesViolating = violating?.times ?? before?.timesViolating;
  const isMismatched = mismatchesOf(ports.policy, facts).length > 0;
  const mismatchedSince = (before?.endedAt === undefined ? before?.mismatchedSince : undefined) ?? now;
  return {
    arn: facts.arn,
    name: facts.name,
    region: regionOf(facts.arn),
    tags: Object.fromEntries(Object.entries(tags).filter(([key]) => !key.startsWith(GOVERNOR_TAG_PREFIX))),
    baseModelId,
    source,
    ...(facts.geography === undefined ? {} : { geography: facts.geography }),
    ...copyFromOf(tags, facts),
    ...price,
    ...(reservation === 'learned' ? { maxExposure } : {}),
    ...fallbackOf(ports.policy.fallbacks, facts.baseModelId),
    compliance,
    standing,
    budgets: budgets.map(({ id, period, timeZone, cells, isShadow }) => ({
      id,
      period,
      timeZone,
      ...(cells === undefined ? {} : { cells }),
      ...(isShadow ? { mode: 'shadow' as const } : {}),
    })),
    ...(quarantines === 0 ? {} : { quarantines }),
    ...(violating === undefined ? {} : { violatingSince: violating.since }),
    ...(timesViolating === undefined ? {} : { timesViolating }),
    ...(mendings === undefined ? {} : { mendings }),
    ...(creation === undefined ? {} : { creation }),
    ...(isMismatched ? { mismatchedSince } : {}),
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

/** Entries are written again when something changed, or when the last check is older than this, so that age stays visible. */
export const REVERIFY_MS = 6 * 3_600_000;

export const isSameEntry = (before: IndexEntry, after: IndexEntry): boolean =>
  after.verifiedAt - before.verifiedAt <= REVERIFY_MS && saysTheSame(before, after);

/** Whether two entries say the same of a profile, in whatever order, and whenever they were verified. */
export function saysTheSame(before: IndexEntry, after: IndexEntry): boolean {
  const comparable = (entry: IndexEntry) =>
    JSON.stringify(
      Object.entries({ ...entry, verifiedAt: 0, tags: Object.entries(entry.tags).sort() }).sort(([a], [b]) =>
        a < b ? -1 : 1,
      ),
      (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value),
    );
  return comparable(before) === comparable(after);
}
