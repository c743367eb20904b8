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

/** What of a profile can never be mended, because AWS lets nobody change it. A profile that is otherwise is told of. */
export const ProfileRules = section('the profile rules', {
  models: z
    .array(AllowedModel, expected('a list of base model ids'))
    .min(1, 'expected at least one base model id')
    .optional(),
  names: Pattern.optional(),
});

export type ProfileRules = z.output<typeof ProfileRules>;

export const allowsModel = ({ models }: ProfileRules, baseModelId: string): boolean =>
  models === undefined ||
  models.some((model) => (model.endsWith('*') ? baseModelId.startsWith(model.slice(0, -1)) : baseModelId === model));
