import { epochMs } from '../../../domain/clock.ts';
import { regionOf } from '../../../domain/profiles/profile-arn.ts';
import type { IndexEntry } from '../../../domain/profiles/profile-index.ts';
import { OPEN } from '../../../domain/standing/standing.ts';
import type { Tags } from '../../../domain/tags.ts';
import { profileArn } from '../governed-account.ts';

export const NOVA = 'amazon.nova-lite-v1:0';

/** A profile of Nova Lite that is open and belongs to no budget. */
export function indexEntry(id: string, tags: Tags, change: Partial<IndexEntry> = {}, region = 'us-east-1'): IndexEntry {
  const arn = profileArn(id, region);
  return {
    arn,
    name: id,
    region: regionOf(arn),
    tags,
    baseModelId: NOVA,
    source: 'in-region',
    standing: OPEN,
    budgets: [],
    verifiedAt: epochMs(0),
    ...change,
  };
}
