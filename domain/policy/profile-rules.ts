import * as z from 'zod';
import { Pattern } from './pattern.ts';
import { expected, section } from './schema.ts';

const MODEL = 'a base model id such as "amazon.nova-lite-v1:0", or the beginning of some such as "anthropic.*"';

const AllowedModel = z
  .string(expected(MODEL))
  .regex(/^[a-z0-9][a-z0-9-]*\.(?:[A-Za-z0-9._:-]+\*?|\*)$/, `expected ${MODEL}`)
  .refine(
    (model) => !/^(?:us|us-gov|eu|apac|jp|au|ca|in|global)\./.test(model),
    `expected ${MODEL}, without the prefix of a geography`,
  );

const DAYS = 'a whole number of days from 7 to 400';

/**
 * What of a profile can never be mended, because AWS lets nobody change it. A profile that is otherwise is told of; it is
 * deleted only where both `mismatched` and `allowDelete` say so, and when nobody has invoked it for some time.
 */
export const ProfileRules = section('the profile rules', {
  models: z
    .array(AllowedModel, expected('a list of base model ids'))
    .min(1, 'expected at least one base model id')
    .optional(),
  names: Pattern.optional(),
  mismatched: z.enum(['notify', 'delete'], expected('"notify" or "delete"')).default('notify'),
  allowDelete: z.boolean(expected('true or false')).default(false),
  /** CloudWatch keeps what tells of use for 455 days. */
  deleteAfterUnusedDays: z.int(expected(DAYS)).min(7, `expected ${DAYS}`).max(400, `expected ${DAYS}`).default(30),
}).superRefine(({ mismatched, allowDelete }, context) => {
  if (mismatched === 'delete' && !allowDelete)
    context.addIssue({
      code: 'custom',
      path: ['allowDelete'],
      message: 'expected true, because "mismatched: delete" deletes profiles for good',
    });
});
export type ProfileRules = z.output<typeof ProfileRules>;
