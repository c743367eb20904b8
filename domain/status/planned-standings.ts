import type { Budget } from '../budgets/definition.ts';
import type { Clock, EpochMs } from '../clock.ts';
import { add, type NanoUsd, ZERO } from '../money.ts';
import { periodAt } from '../period.ts';
import type { Policy } from '../policy/policy.ts';
import { assess } from '../profiles/compliance.ts';
import { inTurn } from '../profiles/in-turn.ts';
import { accountOf, type ProfileArn } from '../profiles/profile-arn.ts';
import { toldBy } from '../profiles/profile-creators.ts';
import { type IndexEntry, isEnded, type ProfileIndex } from '../profiles/profile-index.ts';
import { type Verdict, verdictOf } from '../profiles/verdict.ts';
import { describeViolation, type Violation } from '../profiles/violation.ts';
import { type LedgerStore, NO_OPENING } from '../spending/ledger.ts';
import { coveredProfiles, sumTotals, type UsageSince } from '../spending/recorded-usage.ts';
import type { LedgerStanding, Terms } from '../spending/terms.ts';
import { NO_TOTALS } from '../spending/usage-record.ts';
import { decide } from '../standing/decide.ts';
import { type Overrides, wordOn } from '../standing/override.ts';
import type { Signals } from '../standing/signal.ts';
import { isQuarantined } from '../standing/standing.ts';
import { termsOf } from '../standing/terms-of-decision.ts';

/** What another policy makes of one budget that some profile is covered by, before or after. */
export type PlannedBudget =
  | {
      readonly kind: 'begins';
      readonly budget: Budget;
      readonly profiles: number;
      /** What it opens with: its profiles have spent so much in the present period. */
      readonly spent: NanoUsd;
      readonly standing: LedgerStanding;
      readonly because?: string;
    }
  /** The policy has it no longer, or it covers nobody any more. Its items stay as they are. */
  | { readonly kind: 'ends'; readonly id: string }
  | {
      readonly kind: 'changes';
      readonly budget: Budget;
      readonly period: string;
      readonly limit: { readonly before: NanoUsd; readonly after: NanoUsd };
      readonly stopAt: { readonly before: NanoUsd; readonly after: NanoUsd };
      readonly standing: { readonly before: LedgerStanding; readonly after: LedgerStanding };
      readonly because?: string;
    };

/** What it makes of a profile's tags. */
export interface PlannedProfile {
  readonly kind: 'quarantined' | 'released';
  /** Of one that has a grace: when it is quarantined, unless its tags are mended until then. */
  readonly from?: EpochMs;
  readonly arn: ProfileArn;
  readonly name: string;
  readonly because?: string;
}

export interface PlannedStandings {
  readonly budgets: readonly PlannedBudget[];
  readonly profiles: readonly PlannedProfile[];
}

export const NOTHING_PLANNED: PlannedStandings = { budgets: [], profiles: [] };

const AT_ONCE = 16;

interface StandingPorts {
  readonly index: Pick<ProfileIndex, 'list'>;
  readonly ledger: Pick<LedgerStore, 'read'>;
  readonly overrides: Pick<Overrides, 'lasting'>;
  readonly signals: Pick<Signals, 'lasting'>;
  readonly usage: Pick<UsageSince, 'read'>;
  readonly clock: Clock;
}

/** A budget under the planned policy, and the profiles that it covers then. */
interface Planned {
  readonly budget: Budget;
  readonly entries: IndexEntry[];
}

/**
 * What would follow for the budgets and profiles that are there, if this policy were in force: decided by the rules that the
 * sweep decides by, on the index, the ledger and the usage records as they are now. A budget that comes to cover profiles
 * takes over what they have spent in its period.
 *
 * @throws {Fault} where any of these cannot be read
 */
export async function planStandings(ports: StandingPorts, policy: Policy): Promise<PlannedStandings> {
  const all = await ports.index.list();
  const entries = all.filter((entry) => !isEnded(entry));
  if (entries.length === 0) return NOTHING_PLANNED;
  const now = ports.clock.now();
  const profiles: PlannedProfile[] = [];
  const covering = new Map<string, Planned>();
  for (const entry of entries) {
    const { tags: found } = entry;
    const compliance = assess(policy, found, accountOf(entry.arn), toldBy(entry.creation));
    const verdict = verdictOf(policy, { found, compliance, before: entry, now });
    const change = profileChange(entry, verdict);
    if (change !== undefined) profiles.push(change);
    for (const budget of verdict.budgets) {
      const planned = covering.get(budget.id) ?? { budget, entries: [] };
      planned.entries.push(entry);
      covering.set(budget.id, planned);
    }
  }
  const before = new Set(entries.flatMap(({ budgets }) => budgets.map(({ id }) => id)));
  const ends = [...before].filter((id) => !covering.has(id)).map((id): PlannedBudget => ({ kind: 'ends', id }));
  const others = await plannedOf(ports, policy, [...covering.values()], { before, all });
  const nameOf = (planned: PlannedBudget): string => (planned.kind === 'ends' ? planned.id : planned.budget.id);
  return {
    budgets: [...others, ...ends].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1)),
    profiles: profiles.sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

function profileChange(entry: IndexEntry, { reasons, grace }: Verdict): PlannedProfile | undefined {
  const { arn, name } = entry;
  const was = isQuarantined(entry.standing);
  const told = (violations: readonly Violation[]): string => violations.map(describeViolation).join('; ');
  const [reason] = reasons;
  if (reason !== undefined)
    return was ? undefined : { kind: 'quarantined', arn, name, because: told(reason.violations) };
  if (was) return { kind: 'released', arn, name };
  // One that violates the present policy too has its grace already.
  return grace === undefined || entry.violatingSince !== undefined
    ? undefined
    : { kind: 'quarantined', arn, name, because: told(grace.violations), from: grace.until };
}

async function plannedOf(
  ports: StandingPorts,
  policy: Policy,
  planned: readonly Planned[],
  known: { readonly before: ReadonlySet<string>; readonly all: readonly IndexEntry[] },
): Promise<PlannedBudget[]> {
  const now = ports.clock.now();
  const overrides = await ports.overrides.lasting(now);
  const found: PlannedBudget[] = [];
  const failures: unknown[] = [];
  await inTurn(planned, { atOnce: AT_ONCE, isTimeUp: () => failures.length > 0 }, async ({ budget, entries }) => {
    try {
      const period = periodAt(budget.period, budget.timeZone, now);
      const item = await ports.ledger.read({ budget: budget.id, period: period.id });
      const isNew = !known.before.has(budget.id);
      // Its item is made by the next sweep in any case.
      if (item === undefined && !isNew) return;
      const joined = await openingOf(ports, period.startsAt, joining(budget, entries, known.all, item !== undefined));
      const terms: Terms = item?.terms ?? { ...termsOf(budget), standing: 'open', version: 0 };
      const figures = item ?? {
        terms,
        committed: ZERO,
        settled: ZERO,
        unconfirmed: ZERO,
        unattributed: ZERO,
        leased: ZERO,
      };
      const ledger = {
        ...figures,
        settled: add(figures.settled, joined.settled),
        unconfirmed: add(figures.unconfirmed, joined.unconfirmed),
        committed: add(figures.committed, joined.settled, joined.unconfirmed),
      };
      const operators = wordOn(policy, budget, overrides, now);
      const signals = await ports.signals.lasting(budget.id, now);
      const decision = decide(budget, { ledger, operators, signals, now });
      const because = decision.standing === 'open' ? {} : { because: decision.because };
      if (isNew) {
        const spent = add(ledger.settled, ledger.unconfirmed, ledger.unattributed);
        found.push({
          kind: 'begins',
          budget,
          profiles: entries.length,
          spent,
          standing: decision.standing,
          ...because,
        });
        return;
      }
      if (terms.limit === budget.limit && terms.stopAt === budget.stopAt && terms.standing === decision.standing)
        return;
      found.push({
        kind: 'changes',
        budget,
        period: period.id,
        limit: { before: terms.limit, after: budget.limit },
        stopAt: { before: terms.stopAt, after: budget.stopAt },
        standing: { before: terms.standing, after: decision.standing },
        ...because,
      });
    } catch (error) {
      failures.push(error);
    }
  });
  if (failures.length > 0) throw failures[0];
  return found;
}

/**
 * Profiles whose spending the budget takes over: those that it did not cover; and where it has no item yet, ended ones too,
 * as the sweep opens an item.
 */
function joining(
  { id, selector }: Budget,
  entries: readonly IndexEntry[],
  all: readonly IndexEntry[],
  hasItem: boolean,
): readonly IndexEntry[] {
  const fresh = entries.filter(({ budgets }) => !budgets.some((each) => each.id === id));
  return hasItem ? fresh : [...fresh, ...coveredProfiles(selector, all.filter(isEnded))];
}

async function openingOf({ usage }: StandingPorts, from: EpochMs, entries: readonly IndexEntry[]) {
  if (entries.length === 0) return NO_OPENING;
  const { totals } = await usage.read(from);
  return sumTotals(entries.map(({ arn }) => totals.get(arn) ?? NO_TOTALS));
}
