import type { EpochMs } from '../clock.ts';
import type { Creator } from '../policy/tag-defaults.ts';

/** What the index remembers of a question that is asked seldom. */
export interface KnownCreator {
  readonly creator?: Creator | 'no-role';
  /** While it is not known: when it was asked for last, and how often. */
  readonly asked?: { readonly at: EpochMs; readonly times: number };
}
