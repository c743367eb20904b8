import type { EpochMs } from '../clock.ts';
import type { ProfileArn } from './profile-arn.ts';
import type { IndexEntry } from './profile-index.ts';

/**
 * How old the word of the index is, after a sweep.
 *
 * @param governed what the sweep has made of the profiles that it read singly; undefined for one that is gone
 * @returns the verification that is longest ago, and how many live entries were verified before `staleBefore`
 */
export function indexAge(
  entries: readonly IndexEntry[],
  governed: ReadonlyMap<ProfileArn, IndexEntry | undefined>,
  staleBefore: EpochMs,
): { readonly oldest?: EpochMs; readonly stale: number } {
  let oldest: EpochMs | undefined;
  let stale = 0;
  for (const { arn, verifiedAt, endedAt } of entries) {
    const at = governed.has(arn) ? governed.get(arn)?.verifiedAt : endedAt === undefined ? verifiedAt : undefined;
    if (at === undefined) continue;
    if (at < staleBefore) stale++;
    if (oldest === undefined || at < oldest) oldest = at;
  }
  return { ...(oldest === undefined ? {} : { oldest }), stale };
}
