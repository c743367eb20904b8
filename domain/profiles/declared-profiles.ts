import type { Declaration } from '../policy/declared-profiles.ts';
import type { Policy } from '../policy/policy.ts';
import { type PolicyProblem, placeOf } from '../policy/policy-problem.ts';
import { describeTags, MAX_TAGS, type Tags } from '../tags.ts';
import { assess, describeMending } from './compliance.ts';
import { nameOf, placeholdersOf } from './declared-name.ts';
import { mismatchesOf } from './mismatch.ts';
import { describeViolation } from './violation.ts';
import { baseModelOf } from './wanted-model.ts';

/** One profile that the policy wants to exist. */
export interface DeclaredProfile {
  readonly name: string;
  readonly region: string;
  /** What it is copied from: the id of a foundation model, or of a system profile. */
  readonly model: string;
  readonly tags: Tags;
}

export type Declared =
  | { readonly kind: 'valid'; readonly profiles: readonly DeclaredProfile[] }
  | { readonly kind: 'invalid'; readonly problems: readonly PolicyProblem[] };

/** The governor's own: the standing, and what the profile was copied from. */
const GOVERNOR_TAGS = 2;

type DeclaringPolicy = Pick<
  Policy,
  'declaredProfiles' | 'profileQuota' | 'profiles' | 'regions' | 'tags' | 'tenantTag'
>;

/** All profiles that a policy declares, in the order of the file; or everything that is wrong with them. */
export function declaredProfiles(policy: DeclaringPolicy): Declared {
  const found = new Problems();
  const counts = countByRegion(policy);
  for (const [region, count] of counts)
    if (count > policy.profileQuota)
      found.add(
        ['declaredProfiles'],
        `expected at most ${policy.profileQuota} profiles in a Region, and these are ${count} in ${region}; where AWS has raised the quota L-40EC9882, say so in "profileQuota"`,
      );
  // Too many are not counted out one by one.
  if (found.all.length > 0) return { kind: 'invalid', problems: found.all };

  const profiles = policy.declaredProfiles.flatMap((declaration, index) => {
    checkKeys(policy, declaration, index, found);
    return expand(policy, declaration).map((profile) => ({ profile, index }));
  });
  const byIdentity = new Map<string, number>();
  const byName = new Map<string, number>();
  for (const { profile, index } of profiles) {
    checkTags(policy, profile, index, found);
    checkRules(policy, profile, index, found);
    const identity = JSON.stringify([profile.region, profile.model, Object.entries(profile.tags).sort()]);
    const same = byIdentity.get(identity);
    if (same !== undefined)
      found.add(
        ['declaredProfiles', index],
        `declares what declaredProfiles[${same}] declares: ${profile.model} in ${profile.region} with ${describeTags(profile.tags)}`,
      );
    byIdentity.set(identity, same ?? index);
    const name = `${profile.region}/${profile.name}`;
    const namesake = byName.get(name);
    if (namesake !== undefined && same === undefined)
      found.add(
        ['declaredProfiles', index, ...(policy.declaredProfiles[index]?.name === undefined ? [] : ['name'])],
        `expected a name for each profile: two in ${profile.region} would be "${profile.name}"; put into the name what tells them apart, such as "${telling(profile)}"`,
      );
    byName.set(name, index);
  }
  return found.all.length > 0
    ? { kind: 'invalid', problems: found.all }
    : { kind: 'valid', profiles: profiles.map(({ profile }) => profile) };
}

/** A pattern by which profiles of these tags have names of their own. */
const telling = ({ tags }: DeclaredProfile): string =>
  [...Object.keys(tags).sort(), 'model'].map((key) => `{${key}}`).join('-');

class Problems {
  readonly #byText = new Map<string, PolicyProblem>();

  /** What many profiles of one declaration have in common is told once. */
  add(path: readonly PropertyKey[], message: string): void {
    const place = placeOf(path);
    this.#byText.set(`${place}: ${message}`, { place, message, path });
  }

  get all(): readonly PolicyProblem[] {
    return [...this.#byText.values()];
  }
}

function countByRegion(policy: DeclaringPolicy): Map<string, number> {
  const counts = new Map<string, number>();
  for (const declaration of policy.declaredProfiles) {
    const combinations = Object.values(declaration.for).reduce((product, { length }) => product * length, 1);
    for (const region of declaration.regions ?? policy.regions)
      counts.set(region, (counts.get(region) ?? 0) + combinations * declaration.models.length);
  }
  return counts;
}

function checkKeys(policy: DeclaringPolicy, declaration: Declaration, index: number, found: Problems): void {
  const known = [...Object.keys(policy.tags.required), ...Object.keys(policy.tags.optional)];
  const path = ['declaredProfiles', index];
  for (const part of ['for', 'tags'] as const)
    for (const key of Object.keys(declaration[part]))
      if (!known.includes(key))
        found.add([...path, part, key], `unknown tag; expected a tag key of this policy, one of ${known.join(', ')}`);
  for (const key of Object.keys(declaration.tags))
    if (Object.hasOwn(declaration.for, key)) found.add([...path, 'tags', key], 'is also a tag of "for"; name it once');
  declaration.regions?.forEach((region, at) => {
    if (!policy.regions.includes(region))
      found.add([...path, 'regions', at], `expected a Region of this policy, one of ${policy.regions.join(', ')}`);
  });
  const names = ['model', 'region', ...Object.keys(declaration.for), ...Object.keys(declaration.tags)];
  for (const placeholder of placeholdersOf(declaration.name ?? ''))
    if (!names.includes(placeholder))
      found.add([...path, 'name'], `unknown {${placeholder}}; expected one of {${names.join('}, {')}}`);
}

const ANY_ACCOUNT = '000000000000';

function checkTags(policy: DeclaringPolicy, { tags }: DeclaredProfile, index: number, found: Problems): void {
  const path = ['declaredProfiles', index];
  if (Object.keys(tags).length > MAX_TAGS - GOVERNOR_TAGS)
    found.add(
      path,
      `expected at most ${MAX_TAGS - GOVERNOR_TAGS} tags: AWS allows ${MAX_TAGS} on a profile, and the governor needs ${GOVERNOR_TAGS}`,
    );
  // Which account makes no difference: tags that comply need no default that is derived from it.
  const compliance = assess(policy, tags, ANY_ACCOUNT);
  if (compliance.kind === 'violating')
    for (const violation of compliance.violations) {
      const { for: varied = {}, tags: fixed = {} } = policy.declaredProfiles[index] ?? {};
      const at = Object.hasOwn(varied, violation.key)
        ? ['for', violation.key, varied[violation.key]?.indexOf(tags[violation.key] ?? '') ?? 0]
        : Object.hasOwn(fixed, violation.key)
          ? ['tags', violation.key]
          : [];
      found.add([...path, ...at], describeViolation(violation));
    }
  else if (compliance.kind === 'remediable')
    found.add(
      path,
      `expected tags as they are to be; each profile would be mended: ${describeMending(compliance).join(', ')}`,
    );
}

/** What AWS lets nobody change afterwards has to be right at once. */
function checkRules(policy: DeclaringPolicy, { name, model }: DeclaredProfile, index: number, found: Problems): void {
  const declaration = policy.declaredProfiles[index];
  for (const { what, value, expected } of mismatchesOf(policy, { name, baseModelId: baseModelOf(model) })) {
    const path = ['declaredProfiles', index];
    if (what === 'model')
      found.add(
        [...path, 'models', declaration?.models.indexOf(model) ?? 0],
        `is of ${value}; expected ${expected} (profiles.models)`,
      );
    else
      found.add(
        [...path, ...(declaration?.name === undefined ? [] : ['name'])],
        `would be named "${value}"; expected ${expected} (profiles.names)`,
      );
  }
}

function expand(policy: DeclaringPolicy, declaration: Declaration): DeclaredProfile[] {
  let combinations: Tags[] = [declaration.tags];
  for (const [key, values] of Object.entries(declaration.for))
    combinations = combinations.flatMap((tags) => values.map((value) => ({ ...tags, [key]: value })));
  const template = declaration.name ?? `{${policy.tenantTag}}-{model}`;
  return (declaration.regions ?? policy.regions).flatMap((region) =>
    combinations.flatMap((tags) =>
      declaration.models.map((model) => {
        const values = new Map([...Object.entries(tags), ['model', model], ['region', region]] as const);
        return { name: nameOf(template, values), region, model, tags };
      }),
    ),
  );
}
