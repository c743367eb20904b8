import type { Clock } from '../clock.ts';
import type { Policy } from '../policy/policy.ts';
import type { ProfileArn } from '../profiles/profile-arn.ts';
import { regionOf } from '../profiles/profile-arn.ts';
import type { IndexEntry, ProfileIndex } from '../profiles/profile-index.ts';
import type { Profiles } from '../profiles/profiles.ts';
import { agreedPrice } from '../spending/agreed-price.ts';
import type { PriceList } from '../spending/price-list.ts';
import type { Rates } from '../spending/pricing.ts';
import type { SpendingProfile } from './spent-at-most.ts';

export interface ProfileReading {
  readonly policy: Policy;
  readonly profiles: Pick<Profiles, 'list' | 'readTags'>;
  readonly index: Pick<ProfileIndex, 'list'>;
  readonly prices: PriceList;
  readonly clock: Clock;
}

/**
 * Every profile that can have spent: those that Bedrock has now, which the restored index may not know, and those that the
 * index knows, which Bedrock may not have any more.
 *
 * @throws {Fault} where any of it cannot be read: what is left is not all there is
 */
export async function spendingProfiles(ports: ProfileReading): Promise<SpendingProfile[]> {
  const { policy, profiles, prices, clock } = ports;
  const entries = new Map<ProfileArn, IndexEntry>((await ports.index.list()).map((entry) => [entry.arn, entry]));
  const found = new Map<ProfileArn, SpendingProfile>();
  const pricesNow = (facts: Pick<IndexEntry, 'arn' | 'baseModelId' | 'source' | 'geography'>): readonly Rates[] => {
    const { rates } = agreedPrice(policy, prices, { ...facts, region: regionOf(facts.arn), at: clock.now() });
    return rates === undefined ? [] : [rates];
  };
  for (const entry of entries.values()) {
    const { arn, tags, rates, rateChanges = [] } = entry;
    // The backup may be of before a change of prices: which of them held when is not known.
    const then = [rates, ...rateChanges.map((change) => change.rates)].filter((each) => each !== undefined);
    found.set(arn, { arn, tags: [tags], rates: [...then, ...pricesNow(entry)] });
  }
  for (const region of policy.regions)
    for await (const facts of profiles.list(region)) {
      const { arn } = facts;
      const before = found.get(arn);
      const tags = [...(before?.tags ?? []), await profiles.readTags(arn)];
      found.set(arn, { arn, tags, rates: before?.rates ?? pricesNow(facts) });
    }
  return [...found.values()];
}
