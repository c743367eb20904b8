/** A tag key as billing knows it: without a prefix, case-sensitive. */
export type CostTagKey = string;

/** UpdateCostAllocationTagsStatus takes so many keys at once (API reference). */
export const MOST_KEYS_AT_ONCE = 20;

export function inBatches(keys: readonly CostTagKey[]): readonly (readonly CostTagKey[])[] {
  const count = Math.ceil(keys.length / MOST_KEYS_AT_ONCE);
  return Array.from({ length: count }, (_, n) => keys.slice(n * MOST_KEYS_AT_ONCE, (n + 1) * MOST_KEYS_AT_ONCE));
}

/** In the shape of the API: each key is to be active. */
export const activations = (keys: readonly CostTagKey[]) =>
  keys.map((TagKey) => ({ TagKey, Status: 'Active' as const }));
