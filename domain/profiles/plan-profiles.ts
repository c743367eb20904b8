import { Fault } from '../fault.ts';
import type { Policy } from '../policy/policy.ts';
import { describeTags, MAX_TAGS, STANDING_TAG, type Tags, tagValue } from '../tags.ts';
import { COPY_FROM_TAG } from './copy-from.ts';
import { type DeclaredProfile, declaredProfiles } from './declared-profiles.ts';
import { geographiesOf } from './geography.ts';
import { type ProfileArn, regionOf } from './profile-arn.ts';
import type { ProfileFacts, Profiles } from './profiles.ts';
import { readTruth } from './read-truth.ts';
import { baseModelOf, readModelId } from './wanted-model.ts';

/** A profile as Bedrock has it now. */
export interface SeenProfile extends ProfileFacts {
  /** All of them, the governor's own included. */
  readonly tags: Tags;
}

/** What is to be done about one profile. A plan shows this list, and an apply works off the same one. */
export type PlannedAction =
  | { readonly kind: 'create'; readonly declared: DeclaredProfile }
  /** It is there, under this or another name: what it was copied from is recorded on it, and nothing else is changed. */
  | { readonly kind: 'adopt'; readonly declared: DeclaredProfile; readonly found: SeenProfile }
  | { readonly kind: 'keep'; readonly declared: DeclaredProfile; readonly found: SeenProfile }
  /** It cannot be had as declared. Somebody must decide. */
  | { readonly kind: 'conflict'; readonly declared: DeclaredProfile; readonly because: string }
  /** It bears the governor's record and is declared no longer. It is shown, and never deleted. */
  | { readonly kind: 'surplus'; readonly found: SeenProfile };

/** How many profiles are read at the same time: AWS tells no rate for these reads. */
const READERS = 8;

/**
 * All profiles of these Regions with their tags.
 *
 * @throws {Fault} where any of them cannot be read: one that was not seen would be created again
 */
export async function readProfiles(
  profiles: Pick<Profiles, 'list' | 'read' | 'readTags'>,
  regions: readonly string[],
): Promise<SeenProfile[]> {
  const listed: ProfileFacts[] = [];
  for (const region of regions) for await (const facts of profiles.list(region)) listed.push(facts);
  const seen: SeenProfile[] = [];
  const waiting = listed.values();
  const reader = async () => {
    for (const facts of waiting) {
      const truth = await readTruth(profiles, facts.arn, facts);
      if (truth !== undefined) seen.push({ ...truth.facts, tags: truth.found });
    }
  };
  await Promise.all(Array.from({ length: READERS }, reader));
  return seen.sort((one, other) => (one.arn < other.arn ? -1 : 1));
}

/**
 * Compares what the policy declares with what is there. A profile is the declared one when it is in the Region, of the
 * model, and has the declared values of all tags that the policy knows, whatever its name. Other tags choose no budget.
 *
 * @throws {Fault} `PolicyInvalid` where {@link declaredProfiles} finds a problem
 */
export function planProfiles(policy: Policy, seen: readonly SeenProfile[]): PlannedAction[] {
  const declared = declaredProfiles(policy);
  if (declared.kind === 'invalid')
    throw new Fault('PolicyInvalid', {
      doing: 'planning the declared profiles',
      problem: declared.problems.map(({ place, message }) => `${place}: ${message}`).join('; '),
      next: 'Correct the policy file.',
    });
  const known = [...Object.keys(policy.tags.required), ...Object.keys(policy.tags.optional)];
  const byIdentity = groupBy(seen, (found) => identityOf(regionOf(found.arn), found.baseModelId, known, found.tags));
  const byName = groupBy(seen, (found) => `${regionOf(found.arn)}/${found.name}`);
  const counts = new Map<string, number>();
  for (const { arn } of seen) counts.set(regionOf(arn), (counts.get(regionOf(arn)) ?? 0) + 1);
  const taken = new Set<ProfileArn>();

  const actions = declared.profiles.map((profile): PlannedAction => {
    const identity = identityOf(profile.region, baseModelOf(profile.model), known, profile.tags);
    const [found] = (byIdentity.get(identity) ?? [])
      .filter((candidate) => !taken.has(candidate.arn) && isCopyOf(profile.model, candidate))
      .sort((one, other) => preference(profile, one) - preference(profile, other));
    if (found !== undefined) {
      taken.add(found.arn);
      return meet(profile, found);
    }
    const [namesake] = byName.get(`${profile.region}/${profile.name}`) ?? [];
    if (namesake !== undefined)
      return { kind: 'conflict', declared: profile, because: differenceOf(profile, namesake, known) };
    const count = (counts.get(profile.region) ?? 0) + 1;
    if (count > policy.profileQuota)
      return {
        kind: 'conflict',
        declared: profile,
        because: `${profile.region} has no room: "profileQuota" is ${policy.profileQuota}`,
      };
    counts.set(profile.region, count);
    return { kind: 'create', declared: profile };
  });
  const surplus = seen.filter(({ arn, tags }) => !taken.has(arn) && tagValue(tags, COPY_FROM_TAG) !== undefined);
  return [...actions, ...surplus.map((found) => ({ kind: 'surplus' as const, found }))];
}

function meet(declared: DeclaredProfile, found: SeenProfile): PlannedAction {
  if (tagValue(found.tags, COPY_FROM_TAG) === declared.model) return { kind: 'keep', declared, found };
  // The last free tag is kept for the standing, which may have to close the profile.
  const others = Object.keys(found.tags).filter((key) => key !== STANDING_TAG && key !== COPY_FROM_TAG);
  if (others.length > MAX_TAGS - 2)
    return {
      kind: 'conflict',
      declared,
      because: `${found.name} (${found.arn}) has ${others.length} tags, and AWS allows ${MAX_TAGS} with the governor's two`,
    };
  return { kind: 'adopt', declared, found };
}

/** The base model is known to be the same. A geography that could not be told may be any that serves the Region. */
function isCopyOf(model: string, found: SeenProfile): boolean {
  const wanted = readModelId(model);
  if (wanted.kind !== 'model' || (wanted.source ?? 'in-region') !== found.source) return false;
  if (wanted.geography === undefined) return true;
  const { geography } = found;
  const possible = geographiesOf({ region: regionOf(found.arn), ...(geography === undefined ? {} : { geography }) });
  return possible.includes(wanted.geography);
}

/** Of several that would do: the one that is recorded already, then the one of the name, then any but always the same. */
const preference = (declared: DeclaredProfile, found: SeenProfile): number =>
  tagValue(found.tags, COPY_FROM_TAG) === declared.model ? 0 : found.name === declared.name ? 1 : 2;

const tagsKnown = (known: readonly string[], tags: Tags): [string, string][] =>
  known.flatMap((key): [string, string][] => {
    const value = tagValue(tags, key);
    return value === undefined ? [] : [[key, value]];
  });

const identityOf = (region: string, baseModelId: string, known: readonly string[], tags: Tags): string =>
  JSON.stringify([region, baseModelId, tagsKnown(known, tags)]);

function differenceOf(declared: DeclaredProfile, namesake: SeenProfile, known: readonly string[]): string {
  const wanted = describeTags(Object.fromEntries(tagsKnown(known, declared.tags)));
  const actual = describeTags(Object.fromEntries(tagsKnown(known, namesake.tags)));
  const differences = [
    ...(baseModelOf(declared.model) === namesake.baseModelId && isCopyOf(declared.model, namesake)
      ? []
      : [`it is of ${namesake.baseModelId} (${namesake.geography ?? namesake.source}), declared is ${declared.model}`]),
    ...(wanted === actual ? [] : [`it has ${actual || 'no tags of this policy'}, declared is ${wanted}`]),
  ];
  return `${namesake.arn} has this name, and is another profile: ${differences.join('; ')}`;
}

function groupBy<T>(values: readonly T[], key: (value: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const value of values) {
    const group = groups.get(key(value));
    if (group === undefined) groups.set(key(value), [value]);
    else group.push(value);
  }
  return groups;
}
