import type { BudgetId } from '../budgets/budget-id.ts';
import { budgetOf } from '../budgets/definition.ts';
import type { EpochMs } from '../clock.ts';
import type { Gauges } from '../journal.ts';
import type { TrueUp } from '../spending/true-up-budget.ts';
import { isQuarantined } from '../standing/standing.ts';
import type { Tags } from '../tags.ts';
import { SharedBudgetWork } from './budget-work.ts';
import { type BulkTags, prospectOf } from './clearing.ts';
import { governProfile, type ProfileGovernance } from './govern-profile.ts';
import { REVERIFY_MS, saysTheSame } from './governed-entry.ts';
import { beginningAfter, inTurn } from './in-turn.ts';
import type { ProfileArn } from './profile-arn.ts';
import type { IndexEntry } from './profile-index.ts';
import { sweepBudgets } from './sweep-budgets.ts';
import type { SweepCursor, SweepProgress } from './sweep-progress.ts';
import { SweepRun } from './sweep-run.ts';

export interface SweepReport {
  /** Profiles that Bedrock lists. */
  readonly profiles: number;
  /** Of which nothing had to be read singly, because everything in bulk says that they are as they should be. */
  readonly cleared: number;
  readonly readSingly: number;
  readonly mended: number;
  /** Index entries that said something else than AWS, or were missing. */
  readonly drifted: number;
  readonly ended: number;
  /** Profiles or budgets that could not be read or written now; they stay as they are until the next sweep. */
  readonly failed: readonly string[];
  /** Profiles for which the time did not suffice: the next sweep begins with them. */
  readonly carriedOver: number;
  /** When the profile was verified whose verification is longest ago; absent where there is none. */
  readonly oldestVerifiedAt?: EpochMs;
}

export type Sweep = ProfileGovernance &
  TrueUp & { readonly bulkTags: BulkTags; readonly progress: SweepProgress; readonly gauges: Gauges };

/** The word of an entry that was verified longer ago clears nothing. */
const TRUSTED_MS = 24 * 3_600_000;
/** At this age every profile is read singly that is in no doubt: an hour earlier, which is twelve sweeps. */
const LAST_AUDIT_MS = TRUSTED_MS - 3_600_000;

/**
 * The scheduled reconciliation of everything: every budget reviewed, every profile of every governed Region looked at,
 * every index entry without a profile ended. It does what the events should have done, so a lost event is a delay and
 * nothing worse. One profile that fails holds up no other.
 *
 * Tags that were read in bulk may clear a profile, and nothing is written on their word: where they leave a doubt, the
 * profile is read singly. Some that are in no doubt are read singly in turn, so that all are within a day.
 *
 * @param timeLeft milliseconds until the process is ended; the sweep stops in order before, and the next one goes on
 */
export async function sweep(
  ports: Sweep,
  timeLeft: () => number = () => Number.POSITIVE_INFINITY,
): Promise<SweepReport> {
  const run = new SweepRun(ports.journal, timeLeft);
  const work = new SharedBudgetWork(ports);
  const entries = await ports.index.list((arn) => run.fail(`the index entry of ${arn}`, 'written by another version'));
  let cursor: SweepCursor = {};
  await run.attempt('how far the last sweep came', async () => {
    cursor = await ports.progress.read();
  });
  const lastBudget = await sweepBudgets(ports, run, work, { entries, after: cursor.budget });

  const known = new Map(entries.map((entry) => [entry.arn, entry]));
  const seen = await readInBulk(ports, run, entries);
  const { cleared, doubtful, undecided } = await clear(ports, work, known, seen);
  const audited = toAudit(known, seen, ports.clock.now());

  const single = new SingleReads(ports, run, work);
  const inDoubt = [...doubtful.filter((arn) => !audited.has(arn)), ...seen.missing];
  const inOrder = beginningAfter(inDoubt, (arn) => arn, cursor.profile);
  const done = await inTurn(inOrder, run.forProfiles, (arn) => single.read(arn, known.get(arn), seen.missing.has(arn)));
  const auditsDone = await inTurn([...audited], run.forProfiles, (arn) => single.govern(arn, known.get(arn)));
  // Of profiles that were governed singly, the budgets are provided for already.
  const covering = new Set(cleared.flatMap(({ budgets }) => budgets.map(({ id }) => id)));
  await inTurn([...covering], run.forProfiles, (id) => provision(ports, work, id));

  const lastProfile = done < inOrder.length ? (inOrder[done - 1] ?? cursor.profile) : undefined;
  if (lastBudget !== cursor.budget || lastProfile !== cursor.profile)
    await run.attempt('how far this sweep came', async () => {
      await ports.progress.keep({
        ...(lastBudget === undefined ? {} : { budget: lastBudget }),
        ...(lastProfile === undefined ? {} : { profile: lastProfile }),
      });
    });
  const oldest = oldestVerification([...known.values()], single.verified);
  const report: SweepReport = {
    profiles: seen.listed.size,
    cleared: cleared.filter(({ arn }) => !audited.has(arn)).length,
    ...single.counts,
    failed: run.failed,
    carriedOver: inOrder.length - done + (audited.size - auditsDone) + undecided,
    ...(oldest === undefined ? {} : { oldestVerifiedAt: oldest }),
  };
  ports.gauges.measured('IndexDrift', report.drifted);
  ports.gauges.measured('SweepCarriedOver', report.carriedOver);
  ports.gauges.measured(
    'IndexAgeSeconds',
    oldest === undefined ? 0 : Math.max(0, Math.round((ports.clock.now() - oldest) / 1_000)),
  );
  return report;
}

interface SeenInBulk {
  readonly listed: ReadonlySet<ProfileArn>;
  readonly tags: ReadonlyMap<ProfileArn, Tags>;
  /** Profiles that the index has and Bedrock does not list: each absence is read again on its own. */
  readonly missing: ReadonlySet<ProfileArn>;
}

async function readInBulk(ports: Sweep, run: SweepRun, entries: readonly IndexEntry[]): Promise<SeenInBulk> {
  const listed = new Set<ProfileArn>();
  const tags = new Map<ProfileArn, Tags>();
  const readRegions = new Set<string>();
  for (const region of ports.policy.regions) {
    await run.attempt(`the profiles of ${region}`, async () => {
      for await (const arn of ports.profiles.list(region)) listed.add(arn);
      readRegions.add(region);
    });
    await run.attempt(`the tags of the profiles of ${region}`, async () => {
      for (const [arn, its] of await ports.bulkTags.read(region)) tags.set(arn, its);
    });
  }
  // A list that broke off proves nothing about what it did not show. Read again are also profiles that an event brought in
  // from a Region that is not searched, or is no longer.
  const isSearched = (region: string): boolean => ports.policy.regions.includes(region);
  const missing = entries.filter(
    ({ arn, region, endedAt }) =>
      endedAt === undefined && !listed.has(arn) && (readRegions.has(region) || !isSearched(region)),
  );
  return { listed, tags, missing: new Set(missing.map(({ arn }) => arn)) };
}

interface Clearing {
  readonly cleared: readonly IndexEntry[];
  readonly doubtful: readonly ProfileArn[];
  /** Profiles of budgets that were not reviewed this time, and in no other doubt. */
  readonly undecided: number;
}

async function clear(
  ports: Sweep,
  work: SharedBudgetWork,
  known: ReadonlyMap<ProfileArn, IndexEntry>,
  { listed, tags }: SeenInBulk,
): Promise<Clearing> {
  const cleared: IndexEntry[] = [];
  const doubtful: ProfileArn[] = [];
  let undecided = 0;
  const overrides = await work.overrides();
  for (const arn of listed) {
    const entry = known.get(arn);
    const its = tags.get(arn);
    const isTrusted =
      entry !== undefined &&
      ports.clock.now() - entry.verifiedAt <= TRUSTED_MS &&
      !isQuarantined(entry.standing) &&
      its !== undefined;
    const prospect = isTrusted
      ? await prospectOf(ports, entry, its, (budget) => work.reviewed(budget), overrides)
      : 'to-govern';
    if (prospect === 'undecided') undecided++;
    else if (prospect === 'settled' && entry !== undefined) cleared.push(entry);
    else doubtful.push(arn);
  }
  return { cleared, doubtful, undecided };
}

/** Those whose verification is too old for them, the oldest first: each at an age of its own, so that they come due one by one. */
function toAudit(known: ReadonlyMap<ProfileArn, IndexEntry>, { listed }: SeenInBulk, now: EpochMs): Set<ProfileArn> {
  const isDue = ({ arn, verifiedAt }: IndexEntry): boolean =>
    now - verifiedAt > REVERIFY_MS + shareOf(arn) * (LAST_AUDIT_MS - REVERIFY_MS);
  const due = [...known.values()].filter((entry) => listed.has(entry.arn) && isDue(entry));
  return new Set(due.sort((a, b) => a.verifiedAt - b.verifiedAt).map(({ arn }) => arn));
}

/** A number from 0 to 1 for each ARN, always the same, evenly spread (FNV-1a). */
function shareOf(arn: ProfileArn): number {
  let state = 0x811c9dc5;
  for (let at = 0; at < arn.length; at++) state = Math.imul(state ^ arn.charCodeAt(at), 0x01000193);
  // The last characters, in which ARNs differ, have moved the low bits most.
  state = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
  return ((state ^ (state >>> 13)) >>> 0) / 0x1_0000_0000;
}

/** Profiles that are read one by one, each as it is now. */
class SingleReads {
  readonly counts = { readSingly: 0, mended: 0, drifted: 0, ended: 0 };
  /** When each of them was verified; undefined for one that has ended. */
  readonly verified = new Map<ProfileArn, EpochMs | undefined>();
  readonly #ports: Sweep;
  readonly #run: SweepRun;
  readonly #work: SharedBudgetWork;

  constructor(ports: Sweep, run: SweepRun, work: SharedBudgetWork) {
    this.#ports = ports;
    this.#run = run;
    this.#work = work;
  }

  /** Its tags first: a doubt that they remove costs no further request, as all else about a profile that lives is known. */
  async read(arn: ProfileArn, before: IndexEntry | undefined, isMissing: boolean): Promise<void> {
    const { clock, profiles } = this.#ports;
    const isFresh = before !== undefined && clock.now() - before.verifiedAt <= TRUSTED_MS;
    if (!isFresh || isMissing) return await this.govern(arn, before);
    await this.#run.attempt(arn, async () => {
      const tags = await profiles.readTags(arn);
      const prospect = await prospectOf(
        this.#ports,
        before,
        tags,
        (budget) => this.#work.reviewed(budget),
        await this.#work.overrides(),
      );
      if (prospect === 'to-govern') return await this.#govern(arn, before);
      this.counts.readSingly++;
    });
  }

  async govern(arn: ProfileArn, before: IndexEntry | undefined): Promise<void> {
    await this.#run.attempt(arn, async () => await this.#govern(arn, before));
  }

  async #govern(arn: ProfileArn, before: IndexEntry | undefined): Promise<void> {
    const outcome = await governProfile(this.#ports, arn, this.#work);
    this.counts.readSingly++;
    if (outcome.kind === 'gone') {
      this.verified.set(arn, undefined);
      if (before === undefined || before.endedAt !== undefined) return;
      this.counts.ended++;
      this.counts.drifted++;
      return;
    }
    this.verified.set(arn, outcome.entry.verifiedAt);
    if (outcome.compliance === 'remediable') this.counts.mended++;
    if (before === undefined || !saysTheSame(before, outcome.entry)) this.counts.drifted++;
  }
}

async function provision({ policy }: Sweep, work: SharedBudgetWork, id: BudgetId): Promise<void> {
  const budget = budgetOf(policy, id);
  if (budget !== undefined) await work.provision(budget);
}

function oldestVerification(
  entries: readonly IndexEntry[],
  verified: ReadonlyMap<ProfileArn, EpochMs | undefined>,
): EpochMs | undefined {
  let oldest: EpochMs | undefined;
  for (const { arn, verifiedAt, endedAt } of entries) {
    const at = verified.has(arn) ? verified.get(arn) : endedAt === undefined ? verifiedAt : undefined;
    if (at !== undefined && (oldest === undefined || at < oldest)) oldest = at;
  }
  return oldest;
}
