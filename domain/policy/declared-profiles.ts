import * as z from 'zod';
import { expected, section } from './schema.ts';
import { TagKey, TagValue } from './tag-text.ts';

/**
 * Profiles that the policy wants to exist. What they come to, one by one, and what is wrong with them together:
 * domain/profiles/declared-profiles.ts.
 */

const MODEL =
  'the id of a foundation model such as "amazon.nova-pro-v1:0", or of a system profile such as "us.amazon.nova-pro-v1:0"';
const NAME =
  'a name of letters, digits, spaces, - and _ with tags, the model or the Region in it, such as "{tenant}-{model}"';
const QUOTA = 'a whole number of profiles from 1 to 100000';

const Values = z.array(TagValue, expected('a list of tag values')).min(1, 'expected at least one tag value');

const Declaration = section('declared profiles', {
  /** One profile for each combination of these tag values, and for each model and Region. */
  for: z
    .record(TagKey, Values, expected('tag keys with lists of values, such as { tenant: [acme, globex] }'))
    .default({}),
  /** The tags that all of them carry. */
  tags: z.record(TagKey, TagValue, expected('tags, such as { environment: prod }')).default({}),
  models: z
    .array(
      // Source of the characters: Bedrock API model, CreateInferenceProfile, `copyFrom`.
      z.string(expected(MODEL)).regex(/^[a-z][a-z0-9-]*\.[a-zA-Z0-9.:-]{1,200}$/, `expected ${MODEL}`),
      expected('a list of models'),
    )
    .min(1, 'expected at least one model'),
  /** All Regions of the policy where it is left out. */
  regions: z
    .array(z.string(expected('a Region of this policy')), expected('a list of Regions'))
    .min(1, 'expected at least one Region')
    .optional(),
  /** What stands outside of the braces is taken as it is. */
  name: z
    .string(expected(NAME))
    .regex(/^(?:[0-9a-zA-Z _-]|\{[^{}]+\})+$/, `expected ${NAME}`)
    .optional(),
});

export const DeclaredProfiles = z
  .array(Declaration, expected('a list of declared profiles'))
  .max(1_000, 'expected at most 1000 declarations');

/** Profiles for each Region and account; 1,000 until AWS raises it (Service Quotas, L-40EC9882). */
export const ProfileQuota = z.int(expected(QUOTA)).min(1, `expected ${QUOTA}`).max(100_000, `expected ${QUOTA}`);

export type Declaration = z.output<typeof Declaration>;
