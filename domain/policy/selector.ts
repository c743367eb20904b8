import * as z from 'zod';
import { expected } from './schema.ts';
import { TagValue } from './tag-text.ts';

/** Tag keys with the values they select; one value may be written without its list. */
export const Selector = z
  .record(
    z.string(),
    z.union(
      [TagValue, z.array(TagValue).min(1, 'expected at least one value')],
      expected('a tag value or a list of tag values'),
    ),
    expected('tag keys with the values they select, such as { team: support }'),
  )
  .transform((selector) =>
    Object.fromEntries(
      Object.entries(selector).map(([key, value]) => [key, typeof value === 'string' ? [value] : value]),
    ),
  );
