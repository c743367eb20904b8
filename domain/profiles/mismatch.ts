import { allowsModel } from '../policy/allowed-models.ts';
import type { Policy } from '../policy/policy.ts';
import type { IndexEntry } from './profile-index.ts';
import { UNKNOWN_MODEL } from './profiles.ts';

/** Something of a profile that the policy does not want and nobody can change: only another profile would be right. */
export interface Mismatch {
  readonly what: 'model' | 'name';
  readonly value: string;
  readonly expected: string;
}

/** What AWS does not tell of a profile, or not so that it can be read, breaks no rule: it might be deleted for that. */
export function mismatchesOf(
  { profiles: rules }: Pick<Policy, 'profiles'>,
  { name, baseModelId }: Pick<IndexEntry, 'name' | 'baseModelId'>,
): Mismatch[] {
  const { models = [], names } = rules;
  return [
    ...(baseModelId === UNKNOWN_MODEL || allowsModel(rules, baseModelId)
      ? []
      : [{ what: 'model', value: baseModelId, expected: `one of ${models.join(', ')}` } as const]),
    ...(names === undefined || name === '' || names.test(name)
      ? []
      : [{ what: 'name', value: name, expected: `a name that matches ${names.source}` } as const]),
  ];
}

export const describeMismatch = ({ what, value, expected }: Mismatch): string =>
  `${what} "${value}" (expected ${expected})`;
