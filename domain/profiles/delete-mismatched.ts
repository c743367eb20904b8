import { type EpochMs, epochMs } from '../clock.ts';
import type { UsageReadings } from '../spending/usage-readings.ts';
import { HOUR_MS, type TimeWindow } from '../spending/usage-record.ts';
import { endEntry, type ProfileGovernance } from './govern-profile.ts';
import { someInTurn } from './in-turn.ts';
import { type InvocationCounts, useOf } from './invocation-counts.ts';
import { describeMismatch, mismatchesOf } from './mismatch.ts';
import { type ProfileArn, regionOf } from './profile-arn.ts';
import type { IndexEntry } from './profile-index.ts';
import { TRUSTED_MS } from './single-reads.ts';
import type { SweepRun } from './sweep-run.ts';

/** Deletes application inference profiles. */
export interface ProfileRemover {
  /**
   * @returns `gone` where it is not there any more, whoever deleted it; a reason where AWS refuses
   * @throws {Fault} where AWS could not be asked or denies it: whether the profile was deleted is then not known
   */
  remove(arn: ProfileArn): Promise<'gone' | { readonly refused: string }>;
}

export interface Deletion extends ProfileGovernance {
  readonly remover: ProfileRemover;
  readonly invocations: InvocationCounts;
  readonly readings: Pick<UsageReadings, 'recorded'>;
}

/** So many in one sweep, so that a policy that is wrong has not deleted everything before somebody sees it. */
const MAX_DELETIONS = 20;
/** Profiles that helpers have called, whose metrics must be there for the silence about another one to mean something. */
const WITNESSES = 5;
const DAY_MS = 24 * HOUR_MS;

/**
 * Deletes profiles with a model or a name that the policy does not allow, where the policy says so: those that people were
 * told of as many days ago as the policy wants, and that nobody has invoked in as many days, by CloudWatch and by the
 * usage records. What cannot be read deletes nothing.
 *
 * @param entries of profiles that Bedrock has listed just now
 */
export async function deleteMismatched(ports: Deletion, run: SweepRun, entries: readonly IndexEntry[]): Promise<void> {
  const { policy, clock } = ports;
  const { mismatched, allowDelete, deleteAfterUnusedDays } = policy.profiles;
  if (mismatched !== 'delete' || !allowDelete) return;
  const now = clock.now();
  const since = epochMs(now - deleteAfterUnusedDays * DAY_MS);
  const candidates = entries.filter(
    (entry) =>
      entry.endedAt === undefined &&
      now - entry.verifiedAt <= TRUSTED_MS &&
      isMismatchedBefore(entry, since) &&
      mismatchesOf(policy, entry).length > 0,
  );
  if (candidates.length === 0) return;
  // Whole days, so that the first of them is asked for whole.
  const window = { from: epochMs(Math.floor(since / DAY_MS) * DAY_MS), until: now };
  const unused: IndexEntry[] = [];
  await run.attempt('the use of mismatched profiles', async () => {
    unused.push(...(await unusedOf(ports, candidates, window)));
  });
  for (const entry of someInTurn(unused, MAX_DELETIONS, now)) {
    if (run.forProfiles.isTimeUp()) return;
    await run.attempt(entry.arn, async () => await deleteUnused(ports, entry, since));
  }
}

const isMismatchedBefore = ({ mismatchedSince }: IndexEntry, since: EpochMs): boolean =>
  mismatchedSince !== undefined && mismatchedSince <= since;

async function unusedOf(ports: Deletion, candidates: readonly IndexEntry[], window: TimeWindow): Promise<IndexEntry[]> {
  const { totals } = await ports.readings.recorded(window, window.until);
  const unused: IndexEntry[] = [];
  const unknown: string[] = [];
  let used = 0;
  for (const region of new Set(candidates.map(({ arn }) => regionOf(arn)))) {
    const its = candidates.filter(({ arn }) => regionOf(arn) === region);
    const quiet = its.filter(({ arn }) => !totals.has(arn));
    used += its.length - quiet.length;
    const witnesses = [...totals.keys()].filter((arn) => regionOf(arn) === region).slice(0, WITNESSES);
    const counts = await ports.invocations.read(region, [...quiet.map(({ arn }) => arn), ...witnesses], window);
    for (const entry of quiet) {
      const use = useOf(
        counts.get(entry.arn),
        witnesses.map((arn) => counts.get(arn)),
      );
      if (use === 'unused') unused.push(entry);
      else if (use === 'used') used++;
      else unknown.push(`${entry.arn}: ${use.unknown}`);
    }
  }
  if (used + unknown.length > 0)
    ports.journal.decided('keep mismatched profiles', { inUse: used, because: unknown.slice(0, MAX_DELETIONS) });
  return unused;
}

/** How far back everything is read again right before: longer than metrics are late. */
const LATELY_MS = 2 * HOUR_MS;

async function deleteUnused(ports: Deletion, { arn }: IndexEntry, since: EpochMs): Promise<void> {
  const { policy, clock, index, journal, profiles, remover } = ports;
  const entry = await index.get(arn);
  const facts = await profiles.read(arn);
  if (entry === undefined || entry.endedAt !== undefined) return;
  if (facts === undefined) return await endEntry(ports, entry);
  // Others may have governed it meanwhile, under a policy that is newer than this sweep's.
  if (!isMismatchedBefore(entry, since)) return;
  const because = mismatchesOf(policy, facts).map(describeMismatch);
  const now = clock.now();
  if (because.length === 0 || (await wasUsedLately(ports, arn, now))) return;
  const told = { profile: arn, because, unusedForDays: policy.profiles.deleteAfterUnusedDays };
  if (policy.mode === 'observe') {
    journal.decided('would delete profile', told);
    return;
  }
  // The intent first: a crash after the deletion, or an answer that is lost, must still tell people who deleted it.
  const marked = { ...entry, deletingSince: now };
  await index.put(marked);
  const outcome = await remover.remove(arn);
  if (outcome !== 'gone') {
    await index.put(entry);
    journal.decided('keep mismatched profiles', { profile: arn, inUse: 0, because: [`${arn}: ${outcome.refused}`] });
    return;
  }
  journal.decided('delete profile', told);
  journal.counted('ProfileDeleted', { profile: arn });
  await endEntry(ports, marked);
}

async function wasUsedLately({ readings, invocations }: Deletion, arn: ProfileArn, now: EpochMs): Promise<boolean> {
  const { totals } = await readings.recorded({ from: epochMs(now - LATELY_MS), until: now }, now);
  if (totals.has(arn)) return true;
  const from = epochMs(Math.floor((now - LATELY_MS) / DAY_MS) * DAY_MS);
  return (await invocations.read(regionOf(arn), [arn], { from, until: now })).get(arn)?.kind !== 'silent';
}
