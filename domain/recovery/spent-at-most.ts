import type { Budget } from '../budgets/definition.ts';
import { type EpochMs, epochMs } from '../clock.ts';
import { add, max, type NanoUsd, ZERO } from '../money.ts';
import type { Period } from '../period.ts';
import type { ProfileArn } from '../profiles/profile-arn.ts';
import type { Metered, MeteredSpend, MeteredWindow } from '../spending/metered-spend.ts';
import type { Rates } from '../spending/pricing.ts';
import { type RecordedUsage, readRecordedUsage } from '../spending/recorded-usage.ts';
import { compare } from '../spending/true-up.ts';
import { NO_USAGE, type Usage } from '../spending/usage.ts';
import {
  HOUR_MS,
  hourAt,
  NO_TOTALS,
  startOfHour,
  type TimeWindow,
  type UsageRecords,
} from '../spending/usage-record.ts';
import { matches, type Tags } from '../tags.ts';

/** A profile as it counts in a recovery. */
export interface SpendingProfile {
  readonly arn: ProfileArn;
  /** What it carries now, and what the restored index says: it counts where either belongs. */
  readonly tags: readonly Tags[];
  /** What it can have cost, of which the dearest counts: now, and by the restored index. None where no price is known. */
  readonly rates: readonly Rates[];
}

export type SpentAtMost =
  | { readonly kind: 'known'; readonly amount: NanoUsd }
  | { readonly kind: 'unknown'; readonly why: string };

/** So long a Region's metrics are looked for, where a period has none. */
const HEARD_MS = 60 * 24 * HOUR_MS;
const MINUTE_MS = 60_000;

/**
 * Reads how much the profiles of a budget can have spent in a period at most: what is recorded, at its own cost, and every
 * token that AWS metered beyond that, at the dearest price that it can have had. It is complete for calls that ended
 * longer ago than metrics are late.
 *
 * What cannot be read, has no price, or was recorded and not metered proves nothing: then it is not known. A profile that
 * no metric tells of has spent nothing where metrics of some other profile show that they are where they are looked for.
 */
export class SpentReader {
  readonly #ports: { readonly metered: MeteredSpend; readonly records: Pick<UsageRecords, 'read'> };
  readonly #profiles: readonly SpendingProfile[];
  readonly #now: EpochMs;
  readonly #recorded = new Map<string, Promise<RecordedUsage>>();
  #isHeardOf: Promise<boolean> | undefined;

  constructor(
    ports: { readonly metered: MeteredSpend; readonly records: Pick<UsageRecords, 'read'> },
    profiles: readonly SpendingProfile[],
    now: EpochMs,
  ) {
    this.#ports = ports;
    this.#profiles = profiles;
    this.#now = now;
  }

  async read({ selector }: Pick<Budget, 'selector'>, period: Period): Promise<SpentAtMost> {
    if (this.#now <= period.startsAt) return { kind: 'known', amount: ZERO };
    const covered = this.#profiles.filter(({ tags }) => tags.some((each) => matches(selector, each)));
    // Whole hours at the beginning, as records have: what is metered and what is recorded must be of the same time.
    const from = startOfHour(hourAt(period.startsAt));
    const until = epochMs(Math.floor(Math.min(this.#now, period.endsAt) / MINUTE_MS) * MINUTE_MS);
    const window = { from, until };
    const { totals } = await this.#recordedIn(window);
    const windows = covered.map(({ arn: profile }): MeteredWindow => ({ profile, ...window }));
    const metered = from < until && windows.length > 0 ? await this.#ports.metered.read(windows) : [];
    let amount = ZERO;
    for (const [index, { arn, rates }] of covered.entries()) {
      const used = await this.#usageOf(metered[index]);
      if (typeof used === 'string') return unknown(`the token metrics of ${arn}: ${used}`);
      const recorded = totals.get(arn) ?? NO_TOTALS;
      if (rates.length === 0) {
        if (isNothing(used) && recorded.settled === 0n) continue;
        return unknown(`no price is known for ${arn}`);
      }
      const found = rates.map((each) => compare(each, used, recorded));
      if (found.some(({ isConclusive }) => !isConclusive))
        return unknown(`the token metrics of ${arn} show less than was recorded`);
      const beyond = found.reduce((most, { excessAtMost }) => max(most, excessAtMost), ZERO);
      amount = add(amount, recorded.settled, beyond);
    }
    return { kind: 'known', amount };
  }

  async #usageOf(metered: Metered | undefined): Promise<Usage | string> {
    if (metered === undefined || metered.kind === 'unreadable') return metered?.why ?? 'they were not told';
    if (metered.kind === 'told') return metered.usage;
    this.#isHeardOf ??= this.#lookForMetrics();
    return (await this.#isHeardOf) ? NO_USAGE : 'no profile has any, so that they may be elsewhere';
  }

  /** Once for all budgets: whether any profile has had a metric lately. */
  async #lookForMetrics(): Promise<boolean> {
    const until = startOfHour(hourAt(this.#now));
    const windows = this.#profiles.map(({ arn: profile }) => ({ profile, from: epochMs(until - HEARD_MS), until }));
    const heard = windows.length === 0 ? [] : await this.#ports.metered.read(windows);
    return heard.some((each) => each.kind === 'told' && !isNothing(each.usage));
  }

  async #recordedIn(window: TimeWindow): Promise<RecordedUsage> {
    const name = `${window.from} ${window.until}`;
    const reading = this.#recorded.get(name) ?? readRecordedUsage(this.#ports.records, window);
    this.#recorded.set(name, reading);
    return await reading;
  }
}

const unknown = (why: string): SpentAtMost => ({ kind: 'unknown', why });

const isNothing = (usage: Usage): boolean => Object.values(usage).every((tokens) => tokens === 0);
