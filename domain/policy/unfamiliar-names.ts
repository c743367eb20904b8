import { nearest } from '../nearest.ts';
import { baseModelOf } from '../profiles/wanted-model.ts';
import { isSameModel } from '../spending/model-id.ts';
import type { Policy } from './policy.ts';

/** A name of a valid policy that may be a slip: AWS may know it all the same, as Regions and models come every month. */
export interface Doubt {
  /** Where it is in the policy, such as `regions[1]`. */
  readonly place: string;
  /** A sentence for people. */
  readonly text: string;
}

/** What this version knows. */
export interface KnownNames {
  readonly regions: readonly string[];
  /** Base model ids, as a price list has them. */
  readonly models: readonly string[];
}

/**
 * The Regions and models of a policy that are not known. A model whose price the policy states is one that lists do not
 * have yet: it is doubted only where it looks like a known one that was mistyped, and not like the next version of it.
 */
export function unfamiliarNames(policy: Policy, known: KnownNames): readonly Doubt[] {
  const doubts: Doubt[] = [];
  const region = (place: string, name: string): void => {
    if (known.regions.includes(name)) return;
    doubts.push({ place, text: `this version knows no Region ${name}${nearTo(name, known.regions)}` });
  };
  const model = (place: string, typed: string, models: readonly string[]): void => {
    const name = baseModelOf(typed);
    const isKnown = name.endsWith('*')
      ? models.some((each) => each.startsWith(name.slice(0, -1)))
      : models.some((each) => isSameModel(each, name));
    if (isKnown) return;
    doubts.push({ place, text: `the price list has no model ${typed}${nearTo(name.replace(/\*$/, ''), models)}` });
  };
  for (const [at, name] of policy.regions.entries()) region(`regions[${at}]`, name);
  for (const [at, price] of policy.prices.entries()) {
    if (price.region !== undefined) region(`prices[${at}].region`, price.region);
    const near = nearest(price.model, known.models);
    if (near.some((each) => withoutDigits(each) !== withoutDigits(price.model)))
      model(`prices[${at}].model`, price.model, known.models);
  }
  const models = [...known.models, ...policy.prices.map((price) => price.model)];
  for (const [from, to] of Object.entries(policy.fallbacks))
    for (const name of [from, to]) model(`fallbacks.${from}`, name, models);
  for (const [at, name] of (policy.profiles.models ?? []).entries()) model(`profiles.models[${at}]`, name, models);
  for (const [at, declaration] of policy.declaredProfiles.entries())
    for (const [place, name] of declaration.models.entries())
      model(`declaredProfiles[${at}].models[${place}]`, name, models);
  return doubts;
}

const withoutDigits = (name: string): string => name.replaceAll(/\d/g, '');

function nearTo(name: string, known: readonly string[]): string {
  const near = nearest(name, known);
  return `${near.length === 0 ? '' : `; near: ${near.join(', ')}`}. If it is new, that is no matter.`;
}
