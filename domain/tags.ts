/** Cost allocation tags of a resource: key → value. Keys and values are case-sensitive, as in AWS billing. */
export type Tags = Readonly<Record<string, string>>;

/** What Bedrock accepts in a tag (API model of TagResource: key 1..128, value 0..256, one character class for both). */
const TAG_TEXT = /^[a-zA-Z0-9\s._:/=+@-]*$/;
export const MAX_TAGS = 50;

export const isTagKey = (key: string): boolean =>
  key.length >= 1 && key.length <= 128 && TAG_TEXT.test(key) && !/^aws:/i.test(key);
export const isTagValue = (value: string): boolean => value.length <= 256 && TAG_TEXT.test(value);

/** The tag by which the governor shows a profile's standing to AWS: the second lock, read by IAM guard policies. */
export const STANDING_TAG = 'governor:standing';
/** Only the governor writes tags under this prefix. */
export const GOVERNOR_TAG_PREFIX = 'governor:';

/** A selector names, for each tag key, the values it accepts; all keys must match. */
export type TagSelector = Readonly<Record<string, readonly string[]>>;

export const matches = (selector: TagSelector, tags: Tags): boolean =>
  Object.entries(selector).every(([key, values]) => {
    const value = tagValue(tags, key);
    return value !== undefined && values.includes(value);
  });

/** Own properties only: a tag named `constructor` is absent unless somebody set it. */
export const tagValue = (tags: Tags, key: string): string | undefined =>
  Object.hasOwn(tags, key) ? tags[key] : undefined;

export const describeTags = (tags: Tags): string =>
  Object.entries(tags)
    .map(([key, value]) => `${key}=${value}`)
    .join(', ');
