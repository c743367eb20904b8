import { ZERO } from '../../../domain/money.ts';
import type { ProfileArn } from '../../../domain/profiles/profile-arn.ts';
import type { Checkpoint, Checkpoints } from '../../../domain/spending/checkpoint.ts';
import type { LedgerKey, Opening } from '../../../domain/spending/ledger.ts';
import type { Openings } from '../../../domain/spending/seeding.ts';
import {
  hoursOf,
  NONE_REFUSED,
  type RefusedTotals,
  type TimeWindow,
  type UsageRecord,
  type UsageRecords,
} from '../../../domain/spending/usage-record.ts';

/** Usage records in memory. */
export class MemoryUsage implements UsageRecords {
  readonly #records = new Map<string, UsageRecord>();
  writes = 0;
  /** Whether reading fails. */
  isDown = false;

  get records(): readonly UsageRecord[] {
    return [...this.#records.values()];
  }

  async write(record: UsageRecord): Promise<RefusedTotals> {
    this.writes++;
    const name = `${record.hour} ${record.process} ${record.chunk}`;
    if ((this.#records.get(name)?.sequence ?? 0) < record.sequence) this.#records.set(name, record);
    return NONE_REFUSED;
  }

  async *read(window: TimeWindow): AsyncIterable<UsageRecord> {
    if (this.isDown) throw new Error('the usage records cannot be read');
    for (const hour of hoursOf(window)) for (const record of this.records) if (record.hour === hour) yield record;
  }
}

type Kept = Opening & { readonly isFinal: boolean };

/** What profiles brought to budgets, in memory. */
export class MemoryOpenings implements Openings {
  readonly #kept = new Map<string, Map<ProfileArn, Kept>>();

  /** Everything, for comparison. */
  get kept(): readonly (readonly [string, readonly unknown[]])[] {
    return [...this.#kept].sort().map(([key, openings]) => [key, [...openings].sort()]);
  }

  async list(key: LedgerKey): Promise<ReadonlyMap<ProfileArn, Opening>> {
    return new Map(
      [...this.#of(key)].map(([profile, { settled, unconfirmed }]) => [profile, { settled, unconfirmed }]),
    );
  }

  async keep(key: LedgerKey, profile: ProfileArn, opening: Opening): Promise<void> {
    const { settled, unconfirmed } = opening;
    const before = this.#of(key).get(profile);
    if (before === undefined || (!before.isFinal && before.settled <= settled && before.unconfirmed <= unconfirmed))
      this.#set(key, profile, { settled, unconfirmed, isFinal: false });
  }

  async settle(key: LedgerKey, profile: ProfileArn): Promise<void> {
    const before = this.#of(key).get(profile);
    this.#set(key, profile, {
      settled: before?.settled ?? ZERO,
      unconfirmed: before?.unconfirmed ?? ZERO,
      isFinal: true,
    });
  }

  #of({ budget, period }: LedgerKey): Map<ProfileArn, Kept> {
    return this.#kept.get(`${budget} ${period}`) ?? new Map<ProfileArn, Kept>();
  }

  #set(key: LedgerKey, profile: ProfileArn, kept: Kept): void {
    this.#kept.set(`${key.budget} ${key.period}`, this.#of(key).set(profile, kept));
  }
}

/** Checkpoints in memory. */
export class MemoryCheckpoints implements Checkpoints {
  readonly #kept = new Map<string, readonly Checkpoint[]>();

  async list({ budget, period }: LedgerKey): Promise<readonly Checkpoint[]> {
    return this.#kept.get(`${budget} ${period}`) ?? [];
  }

  async keep({ budget, period }: LedgerKey, checkpoints: readonly Checkpoint[]): Promise<void> {
    this.#kept.set(`${budget} ${period}`, checkpoints);
  }
}
