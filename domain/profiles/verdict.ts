import { type Budget, budgetsCovering } from '../budgets/definition.ts';
import type { EpochMs } from '../clock.ts';
import type { Policy } from '../policy/policy.ts';
import type { Restriction } from '../standing/standing.ts';
import type { Tags } from '../tags.ts';
import { type Compliance, mended } from './compliance.ts';
import { graceOf, type Violating, violatingOf } from './grace.ts';
import type { IndexEntry } from './profile-index.ts';
import type { Violation } from './violation.ts';

/** What follows from a profile's tags, before its budgets have a say. */
export interface Verdict {
  /** By which it is governed. Also where nothing is written, what mending makes of its tags says whose money it spends. */
  readonly tags: Tags;
  readonly budgets: readonly Budget[];
  readonly reasons: readonly Extract<Restriction, { kind: 'quarantine' }>[];
  readonly violating?: Violating;
  /** Of a violating profile that works for now. */
  readonly grace?: { readonly until: EpochMs; readonly violations: readonly Violation[] };
  /** Of a profile that would be quarantined, did the policy not only observe. */
  readonly unenforced?: readonly Violation[];
}

export function verdictOf(
  policy: Policy,
  known: {
    readonly found: Tags;
    readonly compliance: Compliance;
    readonly before: IndexEntry | undefined;
    readonly now: EpochMs;
  },
): Verdict {
  const { found, compliance, before, now } = known;
  if (compliance.kind === 'compliant') return { ...covered(policy, found), reasons: [] };
  const wanted = covered(policy, mended(found, compliance));
  if (compliance.kind === 'remediable') return { ...wanted, reasons: [] };
  const { violations } = compliance;
  const violating = violatingOf(before, now);
  const until = graceOf(policy, violations, { before, since: violating.since, now });
  if (until !== undefined) return { ...wanted, reasons: [], violating, grace: { until, violations } };
  if (policy.mode === 'observe') return { ...wanted, reasons: [], violating, unenforced: violations };
  return { tags: found, budgets: [], reasons: [{ kind: 'quarantine', violations }], violating };
}

const covered = (policy: Policy, tags: Tags) => ({ tags, budgets: budgetsCovering(policy, tags) });
