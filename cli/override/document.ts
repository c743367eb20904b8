import { isoTime, shortTime } from '../../domain/clock.ts';
import type { JournalFacts } from '../../domain/journal.ts';
import type { GovernedProfile } from '../../domain/profiles/govern-profile.ts';
import { describeChange, describeTarget, type Override } from '../../domain/standing/override.ts';
import type { OverrideOutcome } from '../../domain/standing/override-standing.ts';
import type { ShadowLine } from '../../domain/standing/shadow-report.ts';
import { harmless, usd } from '../output/print.ts';

/** An override as `--json` shows it. */
export const overrideDocument = ({ change, madeAt, until, ...override }: Override): object => ({
  ...override,
  change: change.kind,
  ...(change.kind === 'raise' ? { amountUsd: usd(change.amount) } : {}),
  madeAt: isoTime(madeAt),
  until: isoTime(until),
});

/** And on a line for people. */
export const overrideLine = ({ id, target, change, reason, author, madeAt, until }: Override): string =>
  `${describeChange(change)} ${describeTarget(target)} until ${shortTime(until)}: ${harmless(reason)} (${author}, ${shortTime(madeAt)}, id ${id})`;

/** What was decided on the way. */
export interface Decision {
  readonly decision: string;
  readonly facts: JournalFacts;
}

/** What became of an override, as `--json` shows it. */
export function outcomeDocument(
  type: 'override' | 'taken-back',
  outcome: Exclude<OverrideOutcome, { kind: 'refused' }>,
  decisions: readonly Decision[],
): object {
  const head = { type, outcome: outcome.kind, override: overrideDocument(outcome.override) };
  if (outcome.kind === 'kept') return { ...head, problem: outcome.problem, decisions };
  return {
    ...head,
    budgets: outcome.budgets.map(({ until, left, ...budget }) => ({
      ...budget,
      until: isoTime(until),
      leftUsd: usd(left),
    })),
    profiles: outcome.enforcement.governed.map(profileOf),
    failed: outcome.enforcement.failed.map(({ profile, problem }) => ({ profile, problem })),
    decisions,
  };
}

/** A profile as it stands afterwards; of one that is gone there is nothing to tell. */
const profileOf = (profile: GovernedProfile): object =>
  profile.kind === 'gone'
    ? { outcome: 'gone' }
    : { outcome: 'governed', arn: profile.entry.arn, standing: profile.entry.standing.state };

/** What a budget in shadow mode would have refused, as `--json` shows it. */
export const shadowDocument = ({ limit, spent, worth, ...line }: ShadowLine): object => ({
  ...line,
  limitUsd: usd(limit),
  spentUsd: usd(spent),
  worthUsd: usd(worth),
});
