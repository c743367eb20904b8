import type { ProfileArn } from '../profiles/profile-arn.ts';
import type { Usage } from './usage.ts';
import type { TimeWindow } from './usage-record.ts';

/** A window of one profile; it begins and ends with a whole minute. */
export interface MeteredWindow extends TimeWindow {
  readonly profile: ProfileArn;
}

export type Metered =
  | { readonly kind: 'told'; readonly usage: Usage }
  /** No data point of any profile of the Region: none was called, or the metrics are not where they are looked for. */
  | { readonly kind: 'silent' }
  | { readonly kind: 'unreadable'; readonly why: string };

/** What AWS metered, whoever called. From CloudWatch, minutes late. */
export interface MeteredSpend {
  /**
   * The tokens of each window, in the order of the windows. Cache writes are told as five-minute writes, because the
   * metrics do not tell the two kinds apart. Never throws: one window that cannot be read holds up no other.
   */
  read(windows: readonly MeteredWindow[]): Promise<readonly Metered[]>;
}
