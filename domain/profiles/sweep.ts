import { budgetOf } from '../budgets/definition.ts';
import { removeStaleBudgets } from '../budgets/provision-all.ts';
import { type EpochMs, epochMs } from '../clock.ts';
import type { Gauges } from '../journal.ts';
import type { TrueUp } from '../spending/true-up-budget.ts';
import { isQuarantined } from '../standing/standing.ts';
import type { Tags } from '../tags.ts';
import { SharedBudgetWork } from './budget-work.ts';
import { type BulkTags, prospectOf } from './clearing.ts';
import { type Deletion, deleteMismatched } from './delete-mismatched.ts';
import { REVERIFY_MS } from './governed-entry.ts';
import { beginningAfter, inTurn } from './in-turn.ts';
import { indexAge } from './index-age.ts';
import type { IndexReading } from './index-source.ts';
import { missingProfiles, tellMissing } from './missing-profiles.ts';
import type { ProfileArn } from './profile-arn.ts';
import type { ProfileCreators } from './profile-creators.ts';
import type { IndexEntry } from './profile-index.ts';
import type { ProfileFacts } from './profiles.ts';
import { SingleReads, TRUSTED_MS } from './single-reads.ts';
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
  /** Declared profiles that are not there. */
  readonly missing: number;
  /** AWS budgets for which the time, or the pace that AWS allows, did not suffice; absent where there are none. */
  readonly unprovisioned?: number;
  /** When the profile was verified whose verification is longest ago; absent where there is none. */
  readonly oldestVerifiedAt?: EpochMs;
}

export type Sweep = Deletion &
  TrueUp & { readonly bulkTags: BulkTags; readonly progress: SweepProgress; readonly gauges: Gauges };

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
 * @param index as it was read a moment ago
 */
export async function sweep(
  ports: Sweep,
  timeLeft: () => number = () => Number.POSITIVE_INFINITY,
  index?: IndexReading,
): Promise<SweepReport> {
  const run = new SweepRun(ports.journal, timeLeft);
  const work = new SharedBudgetWork(ports);
  const unreadable = (arn: string): void => run.fail(`the index entry of ${arn}`, 'written by another version');
  for (const { arn } of index?.withheld ?? []) unreadable(arn);
  const entries = index?.entries ?? (await ports.index.list(unreadable));
  let cursor: SweepCursor = {};
  await run.attempt('how far the last sweep came', async () => {
    cursor = await ports.progress.read();
  });
  const lastBudget = await sweepBudgets(ports, run, work, { entries, after: cursor.budget });

  const known = new Map(entries.map((entry) => [entry.arn, entry]));
  const seen = await readInBulk(ports, run, entries);
  const { cleared, doubtful, undecided } = await clear(ports, work, known, seen);
  const audited = toAudit(known, seen, ports.clock.now());

  const single = new SingleReads({ ...ports, creators: whileThereIsTime(ports.creators, run) }, run, work, seen.listed);
  const inDoubt = [...doubtful.filter((arn) => !audited.has(arn)), ...seen.missing];
  const inOrder = beginningAfter(inDoubt, (arn) => arn, cursor.profile);
  const done = await inTurn(inOrder, run.forProfiles, (arn) => single.read(arn, known.get(arn)));
  const auditsDone = await inTurn([...audited], run.forProfiles, (arn) => single.govern(arn, known.get(arn)));
  for (const { budgets } of cleared)
    for (const { id } of budgets) {
      const budget = budgetOf(ports.policy, id);
      if (budget !== undefined) await work.provision(budget);
    }
  const present = [...seen.listed.keys()].flatMap((arn) => {
    const entry = single.governed.has(arn) ? single.governed.get(arn) : known.get(arn);
    return entry === undefined ? [] : [entry];
  });
  await deleteMismatched(ports, run, present);
  const carriedOver = inOrder.length - done + (audited.size - auditsDone) + undecided;
  const lastProfile = done < inOrder.length ? (inOrder[done - 1] ?? cursor.profile) : undefined;
  if (lastBudget !== cursor.budget || lastProfile !== cursor.profile)
    await run.attempt('how far this sweep came', async () => {
      await ports.progress.keep({
        ...(lastBudget === undefined ? {} : { budget: lastBudget }),
        ...(lastProfile === undefined ? {} : { profile: lastProfile }),
      });
    });
  // After that: AWS Budgets may answer so slowly that the process is ended meanwhile.
  const unprovisioned = await provideAwsBudgets(ports, run, work, { entries, isComplete: carriedOver === 0 });
  const { oldest, stale } = indexAge([...known.values()], single.governed, epochMs(ports.clock.now() - TRUSTED_MS));
  const missing = missingProfiles(
    ports.policy,
    seen.regions,
    seen.listed.values(),
    ({ arn }) => single.governed.get(arn)?.tags ?? seen.tags.get(arn) ?? known.get(arn)?.tags,
  );
  tellMissing(ports.journal, missing);
  const report: SweepReport = {
    profiles: seen.listed.size,
    cleared: cleared.filter(({ arn }) => !audited.has(arn)).length,
    ...single.counts,
    failed: run.failed,
    carriedOver,
    ...(unprovisioned === 0 ? {} : { unprovisioned }),
    missing: missing.length,
    ...(oldest === undefined ? {} : { oldestVerifiedAt: oldest }),
  };
  ports.gauges.measured('IndexDrift', report.drifted);
  ports.gauges.measured('SweepCarriedOver', report.carriedOver);
  ports.gauges.measured('IndexStaleEntries', stale);
  ports.gauges.measured('DeclaredProfilesMissing', missing.length);
  ports.gauges.measured(
    'IndexAgeSeconds',
    oldest === undefined ? 0 : Math.max(0, Math.round((ports.clock.now() - oldest) / 1_000)),
  );
  return report;
}

/** Whoever is not asked now is asked by the next sweep. */
const whileThereIsTime = (creators: ProfileCreators, run: SweepRun): ProfileCreators => ({
  find: async (arn) => (run.hasTimeForQuestions ? await creators.find(arn) : { kind: 'busy' }),
});

interface SeenInBulk {
  readonly listed: ReadonlyMap<ProfileArn, ProfileFacts>;
  /** Regions whose list was read to its end. */
  readonly regions: ReadonlySet<string>;
  readonly tags: ReadonlyMap<ProfileArn, Tags>;
  /** Profiles that the index has and Bedrock does not list: each absence is read again on its own. */
  readonly missing: ReadonlySet<ProfileArn>;
}

async function readInBulk(ports: Sweep, run: SweepRun, entries: readonly IndexEntry[]): Promise<SeenInBulk> {
  const listed = new Map<ProfileArn, ProfileFacts>();
  const tags = new Map<ProfileArn, Tags>();
  const readRegions = new Set<string>();
  for (const region of ports.policy.regions) {
    await run.attempt(`the profiles of ${region}`, async () => {
      for await (const facts of ports.profiles.list(region)) listed.set(facts.arn, facts);
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
  return { listed, regions: readRegions, tags, missing: new Set(missing.map(({ arn }) => arn)) };
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
  for (const arn of listed.keys()) {
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

/** @returns how many AWS budgets are left to the next sweep */
async function provideAwsBudgets(
  ports: Sweep,
  run: SweepRun,
  work: SharedBudgetWork,
  { entries, isComplete }: { readonly entries: readonly IndexEntry[]; readonly isComplete: boolean },
): Promise<number> {
  const { isTimeUp } = run.forProfiles;
  let left = 0;
  await run.attempt('providing AWS Budgets', async () => {
    left = await work.provisionAll(isTimeUp);
  });
  // Whoever has not seen everything cannot say what is stale.
  if (isComplete && run.failed.length === 0 && ports.policy.awsBudgets.removeStale)
    await run.attempt('removing stale AWS budgets', async () => {
      const failed = await removeStaleBudgets(ports, entries, { seen: await work.seenAwsBudgets(), isTimeUp });
      for (const [name, why] of failed) run.fail(`removing AWS budget ${name}`, why);
    });
  return left;
}
