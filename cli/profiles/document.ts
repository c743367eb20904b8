import { isoTime } from '../../domain/clock.ts';
import type { IndexEntry } from '../../domain/profiles/profile-index.ts';
import { describeReason } from '../../domain/standing/standing.ts';

/** A profile as `--json` shows it. */
export const profileDocument = (entry: IndexEntry): object => ({
  arn: entry.arn,
  name: entry.name,
  region: entry.region,
  model: entry.baseModelId,
  source: entry.source,
  tags: entry.tags,
  compliance: entry.compliance ?? null,
  standing: entry.standing.state,
  reasons: entry.standing.state === 'open' ? [] : entry.standing.reasons.map(describeReason),
  budgets: entry.budgets.map(({ id }) => id),
  isPriced: entry.rates !== undefined,
  verifiedAt: isoTime(entry.verifiedAt),
  ...(entry.endedAt === undefined ? {} : { endedAt: isoTime(entry.endedAt) }),
});
