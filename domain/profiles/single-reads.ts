import { driftDetected, type IndexDifference } from '../events/occasions.ts';
import { tagValue } from '../tags.ts';
import type { SharedBudgetWork } from './budget-work.ts';
import { prospectOf } from './clearing.ts';
import { governProfile, type ProfileGovernance } from './govern-profile.ts';
import { saysTheSame } from './governed-entry.ts';
import type { ProfileArn } from './profile-arn.ts';
import type { IndexEntry } from './profile-index.ts';
import type { ProfileFacts } from './profiles.ts';
import type { SweepRun } from './sweep-run.ts';

/** The word of an entry that was verified longer ago clears nothing. */
export const TRUSTED_MS = 24 * 3_600_000;

/** The profiles that a sweep reads one by one, each as it is now. */
export class SingleReads {
  readonly counts = { readSingly: 0, mended: 0, drifted: 0, ended: 0 };
  /** What each of them came to; undefined for one that is gone. */
  readonly governed = new Map<ProfileArn, IndexEntry | undefined>();
  readonly #ports: ProfileGovernance;
  readonly #run: SweepRun;
  readonly #work: SharedBudgetWork;
  readonly #listed: ReadonlyMap<ProfileArn, ProfileFacts>;

  constructor(
    ports: ProfileGovernance,
    run: SweepRun,
    work: SharedBudgetWork,
    listed: ReadonlyMap<ProfileArn, ProfileFacts>,
  ) {
    this.#ports = ports;
    this.#run = run;
    this.#work = work;
    this.#listed = listed;
  }

  /** Its tags first: a doubt that they remove costs no further request, as all else about a profile that lives is known. */
  async read(arn: ProfileArn, before: IndexEntry | undefined): Promise<void> {
    const { clock, profiles } = this.#ports;
    const isFresh = before !== undefined && clock.now() - before.verifiedAt <= TRUSTED_MS;
    if (!isFresh || !this.#listed.has(arn)) return await this.govern(arn, before);
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
    const outcome = await governProfile(this.#ports, arn, this.#work, this.#listed.get(arn));
    this.counts.readSingly++;
    if (outcome.kind === 'gone') {
      this.governed.set(arn, undefined);
      if (before === undefined || before.endedAt !== undefined) return;
      this.counts.ended++;
      await this.#drifted(arn, before, 'profile-gone');
      return;
    }
    this.governed.set(arn, outcome.entry);
    if (outcome.compliance === 'remediable') this.counts.mended++;
    if (before === undefined) await this.#drifted(arn, outcome.entry, 'index-entry-missing');
    else if (!saysTheSame(before, outcome.entry)) await this.#drifted(arn, outcome.entry, 'index-entry-outdated');
  }

  async #drifted(arn: ProfileArn, { tags }: IndexEntry, difference: IndexDifference): Promise<void> {
    this.counts.drifted++;
    const { clock, outbox, policy } = this.#ports;
    const tenant = tagValue(tags, policy.tenantTag);
    await outbox.announce(driftDetected({ arn, tenant, difference, at: clock.now() }));
  }
}
