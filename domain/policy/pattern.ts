import * as z from 'zod';
import { expected } from './schema.ts';

/** A regular expression (JavaScript, flag `u`); not anchored unless it says so. */
export const Pattern = z
  .string(expected('a regular expression such as "^cc-[0-9]{4}$"'))
  .transform((source, context): RegExp => {
    try {
      return new RegExp(source, 'u');
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      context.addIssue({ code: 'custom', message: `expected a regular expression: ${reason}` });
      return z.NEVER;
    }
  });
