import type { Journal } from '../journal.ts';
import type { Policy } from '../policy/policy.ts';
import type { Tags } from '../tags.ts';
import { type DeclaredProfile, declaredProfiles } from './declared-profiles.ts';
import { planProfiles } from './plan-profiles.ts';
import { regionOf } from './profile-arn.ts';
import type { ProfileFacts } from './profiles.ts';
import { baseModelOf } from './wanted-model.ts';

/** A log line has room for so many; all are counted. */
const TOLD = 50;

/**
 * The declared profiles that are not there, or whose name another profile has. Nothing is made: that is what `apply` is
 * for. Where it is not known yet what tags a profile has, it may be the declared one, which is then not called missing.
 *
 * @param regions whose lists were read to the end
 * @param tagsOf undefined where they are not known
 */
export function missingProfiles(
  policy: Policy,
  regions: ReadonlySet<string>,
  listed: Iterable<ProfileFacts>,
  tagsOf: (facts: ProfileFacts) => Tags | undefined,
): readonly DeclaredProfile[] {
  // A policy that this version would refuse to apply declares nothing.
  if (policy.declaredProfiles.length === 0 || declaredProfiles(policy).kind === 'invalid') return [];
  const unknown = new Set<string>();
  const seen = [...listed].flatMap((facts) => {
    const tags = tagsOf(facts);
    if (tags === undefined) unknown.add(`${regionOf(facts.arn)} ${facts.baseModelId}`);
    return tags === undefined ? [] : [{ ...facts, tags }];
  });
  return planProfiles(policy, seen).flatMap((action) => {
    if (action.kind !== 'create' && action.kind !== 'conflict') return [];
    const { region, model } = action.declared;
    return regions.has(region) && !unknown.has(`${region} ${baseModelOf(model)}`) ? [action.declared] : [];
  });
}

export function tellMissing(journal: Journal, missing: readonly DeclaredProfile[]): void {
  if (missing.length === 0) return;
  journal.decided('report missing profiles', {
    missing: missing.length,
    because: missing.slice(0, TOLD).map(({ name, region, model }) => `${name} (${model} in ${region})`),
  });
}
