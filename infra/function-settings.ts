import * as z from 'zod';
import { Fault } from '../domain/fault.ts';

/**
 * What the stack tells a function, see `provider.environment` in infra/serverless.yml.
 *
 * @throws {Fault} `NotConfigured` where a variable is missing or malformed
 */
export function functionSettings<Settings>(
  schema: z.ZodType<Settings>,
  environment: Readonly<Record<string, string | undefined>>,
): Settings {
  const settings = schema.safeParse(environment);
  if (settings.success) return settings.data;
  throw new Fault('NotConfigured', {
    doing: 'starting the function',
    problem: z.prettifyError(settings.error),
    next: 'Deploy the stack of infra/serverless.yml; it sets these variables.',
  });
}
