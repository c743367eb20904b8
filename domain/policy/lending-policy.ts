import * as z from 'zod';
import { roleOf } from './role-arn.ts';
import { expected, section } from './schema.ts';
import { TagValue } from './tag-text.ts';

/**
 * Who may lease through the `lease` function, and which tags their profiles carry. Tenants are known by what AWS asserts
 * of an invocation: the alias that it named, or the role that signed it.
 */

const ALIAS = 'the alias of a function such as "tenant-acme": letters, digits, - and _, not digits alone';
/** Source: Lambda API reference, CreateAlias, `Name`. */
const isAlias = (name: string): boolean => /^(?!\d+$)[A-Za-z0-9_-]{1,128}$/.test(name);

const ROLE = 'the ARN of a role such as "arn:aws:iam::123456789012:role/acme-app"';

/** Without a tag they would be everybody's profiles. */
const LentTags = z
  .record(z.string(), TagValue, expected('the tags that the profiles of this caller carry, such as { tenant: acme }'))
  .refine((tags) => Object.keys(tags).length > 0, 'expected at least one tag, such as { tenant: acme }');

export const Lending = section('the lending settings', {
  aliases: z
    .record(z.string(expected(ALIAS)).refine(isAlias, `expected ${ALIAS}`), LentTags, expected('aliases with tags'))
    .default({}),
  roles: z
    .record(
      z.string(expected(ROLE)).refine((arn) => roleOf(arn) !== undefined, `expected ${ROLE}`),
      LentTags,
      expected('ARNs of roles with tags'),
    )
    .default({}),
  /** The alias that the function URL belongs to: only what arrives by it is believed to come from there. */
  urlAlias: z.string(expected(ALIAS)).refine(isAlias, `expected ${ALIAS}`).default('url'),
}).superRefine(({ aliases, roles, urlAlias }, context) => {
  if (Object.hasOwn(aliases, urlAlias))
    context.addIssue({
      code: 'custom',
      path: ['aliases', urlAlias],
      message: 'is the alias of the function URL (urlAlias); give this tenant an alias of its own',
    });
  const seen = new Map<string, string>();
  for (const arn of Object.keys(roles)) {
    const role = roleOf(arn);
    if (role === undefined) continue;
    const first = seen.get(role);
    if (first === undefined) seen.set(role, arn);
    else
      context.addIssue({
        code: 'custom',
        path: ['roles', arn],
        message: `is the same role as ${first}: a session does not tell the path of its role`,
      });
  }
});

export type Lending = z.output<typeof Lending>;
