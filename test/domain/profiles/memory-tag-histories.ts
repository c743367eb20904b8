import type { ProfileArn } from '../../../domain/profiles/profile-arn.ts';
import type { KeptHistory, TagHistories, TagHistory } from '../../../domain/profiles/tag-history.ts';

/** Tag histories in memory. */
export class MemoryTagHistories implements TagHistories {
  readonly #kept = new Map<ProfileArn, KeptHistory>();

  /** Everything, for comparison. */
  get kept(): readonly (readonly [ProfileArn, TagHistory])[] {
    return [...this.#kept].map(([arn, { history }]) => [arn, history] as const).sort(([a], [b]) => (a < b ? -1 : 1));
  }

  of(arn: ProfileArn): TagHistory {
    return this.#kept.get(arn)?.history ?? [];
  }

  async get(arn: ProfileArn): Promise<KeptHistory> {
    return this.#kept.get(arn) ?? { history: [], version: 0 };
  }

  async put(arn: ProfileArn, history: TagHistory, version: number): Promise<'written' | 'stale'> {
    if ((this.#kept.get(arn)?.version ?? 0) !== version) return 'stale';
    this.#kept.set(arn, { history, version: version + 1 });
    return 'written';
  }

  async list(): Promise<ReadonlyMap<ProfileArn, TagHistory>> {
    return new Map(this.kept);
  }
}
