import { type Clock, type EpochMs, epochMs } from '../clock.ts';
import type { Delivery } from '../outbox.ts';
import { sendEntered } from '../standing/send-notices.ts';
import { isQuarantined } from '../standing/standing.ts';
import { RecentBudgetWork } from './budget-work.ts';
import { prospectOf } from './clearing.ts';
import { type GovernedProfile, governProfile, type ProfileGovernance } from './govern-profile.ts';
import { REVERIFY_MS } from './governed-entry.ts';
import { mismatchesOf } from './mismatch.ts';
import type { ProfileArn } from './profile-arn.ts';
import type { IndexEntry } from './profile-index.ts';

/** What was read and reviewed this long ago may still tell that nothing is to be done; nothing is ever done by it. */
export const RECENT_MS = 10_000;

export type HeardProfile =
  | GovernedProfile
  /** Its tags were read and its index entry says the same of it: everything was done before. */
  | { readonly kind: 'settled' };

type Hearing = ProfileGovernance & { readonly deliveries: readonly Delivery[] };

interface Recent {
  readonly ports: Hearing;
  readonly work: RecentBudgetWork;
  readonly at: EpochMs;
}

/** An index entry as this process has read or written it. */
interface SeenEntry {
  readonly entry: IndexEntry;
  readonly at: EpochMs;
}

/** Events tell whole seconds, of a clock of AWS; this one may be off by about one. */
const CLOCKS_DIFFER_MS = 3_000;

/** Entries that are remembered at a time. */
const MAX_SEEN = 10_000;

/**
 * Answers events about profiles. Most are echoes of the governor's own tagging, or repeated: for those it reads the
 * profile's tags and its index entry, beside each other, and holds them against the policy and the budgets as they were
 * seen some seconds ago. Where anything at all differs, everything is read anew and governed by that.
 *
 * An event that comes again tells of nothing that has happened since it came first. So where this process has looked at the
 * profile after what the event tells of, the entry as it was then will do, and the tags alone are read.
 *
 * So a change of the policy, of a budget's standing, or of what operators say, that happened in these seconds is not found
 * by such an event. The sweep and the budget's own signals find it, as they do where no event comes. Make one for each
 * process.
 */
export class ProfileEars {
  readonly #start: () => Promise<Hearing>;
  readonly #clock: Clock;
  readonly #seen = new Map<ProfileArn, SeenEntry>();
  #recent: Recent | undefined;

  /** @param start reads the policy in force */
  constructor(start: () => Promise<Hearing>, clock: Clock) {
    this.#start = start;
    this.#clock = clock;
  }

  /**
   * @param happenedAt when that of which the event tells happened; undefined where it does not say
   * @throws {Fault} as {@link governProfile} does
   */
  async hear(arn: ProfileArn, happenedAt?: EpochMs): Promise<HeardProfile> {
    const known = this.#fresh();
    if (known !== undefined && (await this.#isSettled(known, arn, happenedAt))) return { kind: 'settled' };
    this.#seen.delete(arn);
    const at = this.#clock.now();
    const ports = await this.#start();
    // Reviews were made under a policy, and say nothing under another one.
    const work =
      this.#recent?.ports.policy === ports.policy
        ? this.#recent.work.goOn(ports)
        : new RecentBudgetWork(ports, RECENT_MS);
    try {
      const outcome = await governProfile(ports, arn, work);
      await sendEntered(ports);
      this.#recent = { ports, work, at };
      if (outcome.kind === 'governed') this.#keep(arn, outcome.entry, at);
      return outcome;
    } catch (error) {
      // The event comes again, and must then find all of its work.
      this.#recent = undefined;
      throw error;
    }
  }

  #fresh(): Recent | undefined {
    return this.#recent !== undefined && this.#isYoung(this.#recent) ? this.#recent : undefined;
  }

  #isYoung({ at }: { readonly at: EpochMs }): boolean {
    const now = this.#clock.now();
    // A clock that was set back would keep it young for ever.
    return now >= at && now - at < RECENT_MS;
  }

  /** Its age is counted from before it was read or written. */
  #keep(arn: ProfileArn, entry: IndexEntry, at: EpochMs): void {
    if (this.#seen.size >= MAX_SEEN) this.#seen.clear();
    this.#seen.set(arn, { entry, at });
  }

  async #entryOf(
    { ports }: Recent,
    arn: ProfileArn,
    happenedAt: EpochMs = epochMs(Number.MAX_SAFE_INTEGER),
  ): Promise<IndexEntry | undefined> {
    const seen = this.#seen.get(arn);
    if (seen !== undefined && this.#isYoung(seen) && happenedAt + CLOCKS_DIFFER_MS <= seen.at) return seen.entry;
    const at = this.#clock.now();
    const entry = await ports.index.get(arn);
    if (entry !== undefined) this.#keep(arn, entry, at);
    return entry;
  }

  /**
   * Whether a profile is as it was governed. One that people are told something of is never found to be: a crash between
   * the index and the notice must leave the notice to be made up for.
   */
  async #isSettled(recent: Recent, arn: ProfileArn, happenedAt: EpochMs | undefined): Promise<boolean> {
    const { ports, work } = recent;
    try {
      const [before, tags] = await Promise.all([this.#entryOf(recent, arn, happenedAt), ports.profiles.readTags(arn)]);
      if (
        before === undefined ||
        work.said === undefined ||
        ports.clock.now() - before.verifiedAt > REVERIFY_MS ||
        before.violatingSince !== undefined ||
        isQuarantined(before.standing) ||
        mismatchesOf(ports.policy, before).length > 0
      )
        return false;
      return (await prospectOf(ports, before, tags, (budget) => work.reviewed(budget), work.said)) === 'settled';
    } catch {
      // Gone, or it cannot be read now: to be found out by a complete look, which throws where that cannot be read either.
      return false;
    }
  }
}
