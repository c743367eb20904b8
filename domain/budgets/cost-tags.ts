import type { Journal } from '../journal.ts';
import type { Policy } from '../policy/policy.ts';
import type { CostTagKey } from './cost-tag-key.ts';
import { isRefused, type Refused } from './payer.ts';

/** Cost allocation tags of the account that pays. Every call may throw; what could not be read is not unknown. */
export interface CostTags {
  /** Whether each key is active; a key that billing does not know (yet) is left out. */
  read(keys: readonly CostTagKey[]): Promise<ReadonlyMap<CostTagKey, 'active' | 'inactive'> | Refused>;
  /** @returns why, for each key that was not activated: the rest is active from now on, but for no spend before */
  activate(keys: readonly CostTagKey[]): Promise<ReadonlyMap<CostTagKey, string> | Refused>;
}

/** What budgets select by and what every profile carries: the tags by which somebody will ask what something cost. */
export function costTagKeys(policy: Policy): readonly CostTagKey[] {
  const selecting = policy.budgets.flatMap(({ per, selector }) => [
    ...(per === undefined ? [] : [per]),
    ...Object.keys(selector ?? {}),
  ]);
  return [...new Set([policy.tenantTag, ...Object.keys(policy.tags.required), ...selecting])].sort();
}

export interface CostTagReport {
  readonly active: readonly CostTagKey[];
  /** Keys that billing has not met yet: they show a day after the first spend with them, and are tried every day. */
  readonly waiting: readonly CostTagKey[];
  readonly failed: readonly CostTagKey[];
}

/**
 * Sees to it that the policy's tag keys count in billing. Reads first, and writes only what is not so: a second run writes
 * nothing. Activation is not retroactive.
 */
export async function activateCostTags(ports: {
  readonly policy: Policy;
  readonly costTags: CostTags;
  readonly journal: Journal;
}): Promise<CostTagReport | Refused> {
  const keys = costTagKeys(ports.policy);
  const states = await ports.costTags.read(keys);
  if (isRefused(states)) return states;
  const active = keys.filter((key) => states.get(key) === 'active');
  const inactive = keys.filter((key) => states.get(key) === 'inactive');
  const waiting = keys.filter((key) => !states.has(key));
  if (inactive.length === 0) return { active, waiting, failed: [] };
  if (ports.policy.mode === 'observe') {
    ports.journal.decided('would activate cost allocation tags', { keys: inactive });
    return { active, waiting, failed: [] };
  }
  const errors = await ports.costTags.activate(inactive);
  if (isRefused(errors)) return errors;
  for (const [key, why] of errors) ports.journal.counted('CostTagNotActivated', { key, why });
  const activated = inactive.filter((key) => !errors.has(key));
  for (const key of activated) ports.journal.counted('CostTagActivated', { key });
  return {
    active: [...active, ...activated].sort(),
    waiting,
    failed: inactive.filter((key) => errors.has(key)),
  };
}
