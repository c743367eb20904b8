import * as z from 'zod';
import { Pattern } from './pattern.ts';
import { expected, section } from './schema.ts';
import { TagKey, TagValue } from './tag-text.ts';
import { type ValueRule, whyNotAllowed } from './tag-values.ts';

/** The rule of one tag: which values it may have, which values are mended into which, and what stands in for a missing one. */

const valueMap = (from: string) =>
  z.record(TagValue, TagValue, expected(`${from} with the values they become, such as { Prod: prod }`));

const DefaultOfAccount = section('a default from the account', {
  from: z.literal('account'),
  map: valueMap('account ids').optional(),
});
const DefaultOfTag = section('a default from another tag', {
  from: z.literal('tag'),
  key: TagKey,
  map: valueMap('values of that tag').optional(),
});

/** The name of the IAM role that created the profile. */
const DefaultOfCreatorRole = section('a default from the role that created the profile', {
  from: z.literal('creator-role'),
  map: valueMap('role names').optional(),
});

/** A tag of that role. Any key: it is none of the policy's. */
const DefaultOfCreatorTag = section('a default from a tag of the role that created the profile', {
  from: z.literal('creator-tag'),
  key: z
    .string(expected('the key of a tag of the role'))
    .regex(/^.{1,128}$/, 'expected the key of a tag of the role: 1 to 128 characters'),
  map: valueMap('values of that tag').optional(),
});

const DERIVED = {
  account: DefaultOfAccount,
  tag: DefaultOfTag,
  'creator-role': DefaultOfCreatorRole,
  'creator-tag': DefaultOfCreatorTag,
} as const;

/** A default that is taken from what is known of the profile: see docs/policy.md. */
export type DerivedDefault = z.output<(typeof DERIVED)[keyof typeof DERIVED]>;

const Default = z.unknown().transform((value, context): string | DerivedDefault => {
  const refuse = (message: string, path: PropertyKey[] = []) => {
    context.addIssue({ code: 'custom', message, path });
    return z.NEVER;
  };
  let schema: z.ZodType<string | DerivedDefault> = TagValue;
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    const from: unknown = 'from' in value ? value.from : undefined;
    if (typeof from !== 'string' || !Object.hasOwn(DERIVED, from))
      return refuse('expected "account", "tag", "creator-role" or "creator-tag"', ['from']);
    schema = DERIVED[from as keyof typeof DERIVED];
  }
  const reading = schema.safeParse(value);
  if (reading.success) return reading.data;
  for (const { message, path } of reading.error.issues) refuse(message, path);
  return z.NEVER;
});

export const TagRule = section('a tag rule', {
  values: z
    .array(TagValue, expected('a list of allowed values'))
    .min(1, 'expected at least one allowed value')
    .optional(),
  pattern: Pattern.optional(),
  /** `lower` and `upper` mend a value that is not written so. */
  case: z.enum(['exact', 'lower', 'upper'], expected('"exact", "lower" or "upper"')).optional(),
  /** A value that is a key of it is mended to what it maps to. */
  map: valueMap('values').optional(),
  default: Default.optional(),
}).superRefine((rule, context) => {
  const check = (value: string, path: PropertyKey[], under: ValueRule = rule) => {
    // What is no tag value is told already.
    const message = value === '' ? undefined : whyNotAllowed(under, value);
    if (message !== undefined) context.addIssue({ code: 'custom', path, message });
  };
  rule.values?.forEach((value, index) => {
    check(value, ['values', index], { case: rule.case, map: rule.map });
  });
  for (const [from, to] of Object.entries(rule.map ?? {})) check(to, ['map', from]);
  if (typeof rule.default === 'string') check(rule.default, ['default']);
  else for (const [from, to] of Object.entries(rule.default?.map ?? {})) check(to, ['default', 'map', from]);
});

export type TagRule = z.output<typeof TagRule>;
