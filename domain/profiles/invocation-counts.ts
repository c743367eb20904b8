import type { TimeWindow } from '../spending/usage-record.ts';
import type { ProfileArn } from './profile-arn.ts';

/** What AWS has counted of one profile. No data points may mean no invocation, or that they are not where they are looked for. */
export type InvocationCount =
  | { readonly kind: 'told'; readonly invocations: number }
  | { readonly kind: 'silent' }
  | { readonly kind: 'unreadable'; readonly why: string };

/** How often AWS says that profiles were invoked, whoever did it and in whatever way. */
export interface InvocationCounts {
  /**
   * @param profiles of one Region
   * @param window whole days of UTC, but for the last
   */
  read(
    region: string,
    profiles: readonly ProfileArn[],
    window: TimeWindow,
  ): Promise<ReadonlyMap<ProfileArn, InvocationCount>>;
}

/**
 * Whether a profile was used in a window; a reason where that is not known. That there are no data points is believed only
 * where the same question has an answer for a profile of the Region that a helper has certainly called.
 */
export function useOf(
  count: InvocationCount | undefined,
  witnesses: readonly (InvocationCount | undefined)[],
): 'used' | 'unused' | { readonly unknown: string } {
  if (count === undefined) return { unknown: 'CloudWatch did not answer for it' };
  if (count.kind === 'unreadable') return { unknown: count.why };
  if (count.kind === 'told') return 'used';
  return witnesses.some((witness) => witness?.kind === 'told')
    ? 'unused'
    : { unknown: 'CloudWatch is silent about every profile of the Region, also those that were certainly called' };
}
