import type { EpochMs } from '../clock.ts';
import type { Policy } from '../policy/policy.ts';
import { disableOf, type Override } from '../standing/override.ts';
import type { Restriction } from '../standing/standing.ts';
import { type Tags, tagValue } from '../tags.ts';

/** What operators say of the tenant that a profile's tags name: that holds also where no budget is the tenant's alone. */
export function tenantsReasons(
  policy: Policy,
  tags: Tags,
  overrides: readonly Override[],
  now: EpochMs,
): readonly Extract<Restriction, { kind: 'tenant-disabled' }>[] {
  const tenant = tagValue(tags, policy.tenantTag);
  const disable = policy.mode === 'observe' ? undefined : disableOf(tenant, overrides, now);
  if (tenant === undefined || disable === undefined) return [];
  return [{ kind: 'tenant-disabled', tenant, because: disable.reason, until: disable.until }];
}
