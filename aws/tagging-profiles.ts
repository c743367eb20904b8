import type { ResourceGroupsTaggingAPIClient } from '@aws-sdk/client-resource-groups-tagging-api';
import type { BulkTags } from '../domain/profiles/clearing.ts';
import type { IndexReading, IndexSource, WithheldProfile } from '../domain/profiles/index-source.ts';
import { type ProfileArn, parseProfileArn } from '../domain/profiles/profile-arn.ts';
import type { IndexEntry } from '../domain/profiles/profile-index.ts';
import { GOVERNOR_TAG_PREFIX, type Tags, tagValue } from '../domain/tags.ts';
import { asking, errorName } from './asking.ts';
import type { Pace } from './pace.ts';
import { taggingSdk } from './sdk-packages.ts';

/** The most that a page of GetResources holds, so that few of the 15 requests a second are used (AWS General Reference). */
const PAGE = 100;
/** How often a list is begun anew whose token expired between two pages. */
const RESTARTS = 3;

export interface TaggingOptions {
  /** A client for each Region: the tagging API tells the resources of its own Region. */
  readonly clientFor: (region: string) => ResourceGroupsTaggingAPIClient;
  readonly regions: readonly string[];
  /** Only profiles that carry these tags are listed. */
  readonly tags: Tags;
  /** What the governor knows of these profiles. */
  readonly known: (arns: readonly ProfileArn[]) => Promise<IndexReading>;
}

/**
 * Which profiles there are, and their tags as AWS has them now, from Resource Groups Tagging; what the governor has
 * decided about each, from its own entry. Where the two do not say the same tags, it is not known whose money the
 * profile spends, and it is withheld until the governor has looked at it. A profile without an entry is withheld too:
 * unknown budgets are not no budgets.
 *
 * The tagging API shows no profile that was never tagged, and follows a change after a delay.
 */
export function taggingSource(options: TaggingOptions): IndexSource {
  return {
    name: `the tagging API in ${options.regions.join(', ')}`,
    async read() {
      const tagged = new Map<ProfileArn, Tags>();
      for (const region of options.regions)
        for (const [arn, tags] of await listRegion(options, region)) tagged.set(arn, tags);
      const known = await options.known([...tagged.keys()]);
      const unreadable = new Map(known.withheld.map((profile) => [profile.arn, profile]));
      const byArn = new Map(known.entries.map((entry) => [entry.arn, entry]));
      const entries: IndexEntry[] = [];
      const withheld: WithheldProfile[] = [];
      for (const [arn, tags] of tagged) {
        const entry = byArn.get(arn);
        if (entry !== undefined && isSame(entry.tags, tags)) entries.push(entry);
        else withheld.push({ ...(unreadable.get(arn) ?? { arn, why: 'unsettled' }), tags });
      }
      return { entries, withheld };
    },
  };
}

/** The tags of all profiles of a Region that were ever tagged, a hundred with each request. */
export const bulkTags = (options: Pick<TaggingOptions, 'clientFor'> & { readonly pace?: Pace }): BulkTags => ({
  read: (region) => listRegion({ ...options, tags: {} }, region),
});

type Listing = Pick<TaggingOptions, 'clientFor' | 'tags'> & { readonly pace?: Pace };

async function listRegion(options: Listing, region: string): Promise<Map<ProfileArn, Tags>> {
  const client = options.clientFor(region);
  const TagFilters = Object.entries(options.tags).map(([Key, value]) => ({ Key, Values: [value] }));
  return await asking(`reading the tags of the profiles of ${region}`, async () => {
    for (let begun = 0; ; begun++) {
      try {
        return await listPages(client, TagFilters, options.pace);
      } catch (error) {
        if (errorName(error) !== 'PaginationTokenExpiredException' || begun === RESTARTS) throw error;
      }
    }
  });
}

async function listPages(
  client: ResourceGroupsTaggingAPIClient,
  TagFilters: { Key: string; Values: string[] }[],
  pace: Pace | undefined,
): Promise<Map<ProfileArn, Tags>> {
  const { GetResourcesCommand } = await taggingSdk();
  const tagged = new Map<ProfileArn, Tags>();
  let token: string | undefined;
  // A page may be short, or empty, while a token follows.
  do {
    const page = new GetResourcesCommand({
      ResourceTypeFilters: ['bedrock:application-inference-profile'],
      ResourcesPerPage: PAGE,
      ...(TagFilters.length === 0 ? {} : { TagFilters }),
      ...(token === undefined ? {} : { PaginationToken: token }),
    });
    const ask = () => client.send(page);
    const { ResourceTagMappingList = [], PaginationToken } = await (pace === undefined ? ask() : pace.keep(ask));
    for (const { ResourceARN = '', Tags: tags = [] } of ResourceTagMappingList) {
      const arn = parseProfileArn(ResourceARN);
      if (arn !== undefined) tagged.set(arn, Object.fromEntries(tags.map(({ Key = '', Value = '' }) => [Key, Value])));
    }
    token = PaginationToken === '' ? undefined : PaginationToken;
  } while (token !== undefined);
  return tagged;
}

/** The governor's own tags and those of AWS choose no budget, and entries leave out the former. */
function isSame(seen: Tags, now: Tags): boolean {
  const keys = (tags: Tags) =>
    Object.keys(tags).filter((key) => !key.startsWith(GOVERNOR_TAG_PREFIX) && !/^aws:/i.test(key));
  return keys(seen).length === keys(now).length && keys(now).every((key) => tagValue(seen, key) === tagValue(now, key));
}
