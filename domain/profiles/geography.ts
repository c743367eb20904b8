/** Prefixes of geographic system profiles' ids (Amazon Bedrock user guide, inference profiles; `in` by a price list's note on OpenAI models). */
export const GEOGRAPHIES = ['us', 'us-gov', 'eu', 'apac', 'jp', 'au', 'ca', 'in'] as const;
export type Geography = (typeof GEOGRAPHIES)[number];

export const isGeography = (prefix: string): prefix is Geography => (GEOGRAPHIES as readonly string[]).includes(prefix);

/** Regions that a geography routes to. Those of a country come before the one that holds them too. */
const DESTINATIONS: readonly (readonly [Geography, RegExp])[] = [
  ['us-gov', /^us-gov-/],
  ['ca', /^ca-/],
  // US profiles take requests from Canada and may answer them there.
  ['us', /^(?:us-(?!gov-)|ca-)/],
  ['eu', /^eu-/],
  ['jp', /^ap-northeast-[13]$/],
  ['au', /^ap-southeast-[24]$/],
  ['in', /^ap-south-[12]$/],
  ['apac', /^ap-/],
];

/**
 * The geography whose system profile routes to exactly such Regions: the narrowest that holds them all. Undefined where
 * none does. AWS does not say what a profile was copied from; that its Regions tell is UNVERIFIED.
 */
export const geographyOf = (regions: readonly string[]): Geography | undefined =>
  regions.length === 0
    ? undefined
    : DESTINATIONS.find(([, destinations]) => regions.every((region) => destinations.test(region)))?.[0];

/** Whether a profile in this Region can have been copied from a system profile of the geography: all that can be said where its destinations are not known. */
export const couldBeOf = (geography: Geography, region: string): boolean =>
  DESTINATIONS.some(([name, destinations]) => name === geography && destinations.test(region));
