import type { EpochMs } from '../clock.ts';
import type { Tags } from '../tags.ts';
import type { IndexEntry } from './profile-index.ts';

/** A profile that is there and may not be used now. A call that would need it is refused, and others go on. */
export interface WithheldProfile {
  /** Its ARN, as far as the source knows it. */
  readonly arn: string;
  /**
   * `unreadable`: its index entry is not one that this version reads. `unsettled`: its tags are not those that the
   * governor has seen, so that it is not known which budgets its spend belongs to.
   */
  readonly why: 'unreadable' | 'unsettled';
  /** Its tags now, where they are known. */
  readonly tags?: Tags;
}

/** What a source says at one time. */
export interface IndexReading {
  readonly entries: readonly IndexEntry[];
  readonly withheld: readonly WithheldProfile[];
  /** When it was true, where the source is a copy that was made earlier. */
  readonly writtenAt?: EpochMs;
}

/**
 * Where the tag → profile index is read from. Every entry carries what the governor has decided about its profile:
 * budgets, prices, standing. A source that knows less serves fewer profiles, and none without its budgets.
 */
export interface IndexSource {
  /** Names it in messages: `the table governor-prod`. */
  readonly name: string;
  /** @throws what the source throws; a part is never taken for the whole */
  read(): Promise<IndexReading>;
}
