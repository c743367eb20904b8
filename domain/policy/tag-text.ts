import * as z from 'zod';
import { GOVERNOR_TAG_PREFIX, isTagKey, isTagValue } from '../tags.ts';
import { expected } from './schema.ts';

export const TagKey = z
  .string(expected('a tag key'))
  .refine(
    isTagKey,
    'expected a tag key of 1 to 128 letters, digits, spaces or . _ : / = + @ - that does not begin with "aws:"',
  )
  .refine(
    (key) => !key.startsWith(GOVERNOR_TAG_PREFIX),
    `tags that begin with "${GOVERNOR_TAG_PREFIX}" belong to the governor`,
  );

export const TagValue = z.string(expected('a tag value in quotes, such as "prod"')).refine(
  // An empty value complies with no rule: a default of that kind would quarantine the profile that it mends.
  (value) => value !== '' && isTagValue(value),
  'expected a tag value of 1 to 256 letters, digits, spaces or . _ : / = + @ -',
);
