/**
 * Resource Groups Tagging: the tags of all resources of a Region, whichever API wrote them. Here that is
 * application inference profiles, and other resources of which nothing is there but an ARN and tags.
 *
 * A resource shows from its first tag on. No tag policy is in effect, so everything complies. Changes show at once
 * (on AWS after a delay), and tags written here make no CloudTrail event of the tagged service (on AWS UNVERIFIED).
 */
import type { ApplicationProfile, ApplicationProfiles } from './bedrock/application-profiles.ts';
import { Violations } from './bedrock/constraints.ts';
import { readTags, refuseForbiddenTags, refuseReservedKeys, tagProfile, untagProfile } from './bedrock/tags.ts';
import { isObject, membersOf } from './members.ts';
import { AwsFault, type Call, type Json, type JsonObject, type Service } from './service.ts';

/** A resource of any service and type that a test has put there. Its tags change by {@link TaggedElsewhere.put} alone. */
export class TaggedElsewhere {
  readonly #byArn = new Map<string, Listed>();

  put(arn: string, tags: Readonly<Record<string, string>>): void {
    const sequence = this.#byArn.get(arn)?.sequence ?? FIRST_ELSEWHERE + this.#byArn.size;
    this.#byArn.set(arn, { arn, sequence, tags: new Map(Object.entries(tags)) });
  }

  in(region: string): Listed[] {
    return [...this.#byArn.values()].filter(({ arn }) => arn.split(':')[3] === region);
  }
}

/** Listed after all profiles, of which there are never so many. */
const FIRST_ELSEWHERE = 1_000_000_000;

type Listed = Pick<ApplicationProfile, 'arn' | 'tags' | 'sequence'>;

/** `bedrock:agent`, of `arn:aws:bedrock:us-east-1:123456789012:agent/ABCDEF`. */
function typeOf(arn: string): string {
  const [, , service = '', , , resource = ''] = arn.split(':');
  return `${service}:${resource.split('/')[0]}`;
}

const isOfType = (arn: string, wanted: string): boolean =>
  typeOf(arn) === wanted || typeOf(arn).startsWith(`${wanted}:`);

export function createTagging(profiles: ApplicationProfiles, elsewhere: TaggedElsewhere): Service {
  const shown = (call: Call): Listed[] => [
    ...profiles.in(call.region).filter((profile) => profile.everTagged),
    ...elsewhere.in(call.region),
  ];

  return {
    signingName: 'tagging',
    protocol: { kind: 'json', targetPrefix: 'ResourceGroupsTaggingAPI_20170126', version: '1.1' },
    operations: {
      GetResources(input, call) {
        const request = readRequest(input);
        const matching = shown(call)
          .filter((resource) => request.arns.size === 0 || request.arns.has(resource.arn))
          .filter(({ arn }) => request.types.length === 0 || request.types.some((type) => isOfType(arn, type)))
          .filter((resource) => request.filters.every((filter) => filter(resource)))
          .filter(() => !request.excludeCompliant)
          .sort((a, b) => a.sequence - b.sequence);
        const rest = matching.filter((resource) => resource.sequence > request.after);
        const page = takePage(rest, request.resourcesPerPage, request.tagsPerPage);
        const last = page.at(-1);
        return {
          PaginationToken: last !== undefined && page.length < rest.length ? pageToken(last.sequence) : '',
          ResourceTagMappingList: page.map((resource) => ({
            ResourceARN: resource.arn,
            Tags: [...resource.tags].map(([Key, Value]) => ({ Key, Value })),
            ...(request.withCompliance ? { ComplianceDetails: COMPLIANT } : {}),
          })),
        };
      },

      GetTagKeys(input, call) {
        refusePaging(input);
        return { PaginationToken: '', TagKeys: distinct(shown(call).flatMap((profile) => [...profile.tags.keys()])) };
      },

      GetTagValues(input, call) {
        refusePaging(input);
        const key = membersOf(input, invalid).string('Key');
        return {
          PaginationToken: '',
          TagValues: distinct(shown(call).flatMap((profile) => profile.tags.get(key) ?? [])),
        };
      },

      TagResources(input, call) {
        const arns = readArns(input);
        const tags = Object.entries(membersOf(input, invalid).object('Tags')).map(([key, value]) => ({
          key,
          value: value ?? '',
        }));
        if (tags.length === 0 || tags.length > 50) throw invalid('Tags must have between 1 and 50 entries');
        return forEachResource(profiles, arns, call, (profile) => {
          const violations = new Violations();
          const read = readTags({ tags }, violations);
          violations.refuse();
          refuseForbiddenTags(read);
          tagProfile(profile, read);
        });
      },

      UntagResources(input, call) {
        const arns = readArns(input);
        const keys = membersOf(input, invalid).strings('TagKeys');
        if (keys.length === 0 || keys.length > 50) throw invalid('TagKeys must have between 1 and 50 entries');
        return forEachResource(profiles, arns, call, (profile) => {
          refuseReservedKeys(keys);
          untagProfile(profile, keys);
        });
      },
    },
  };
}

const COMPLIANT: JsonObject = { ComplianceStatus: true, NoncompliantKeys: [], KeysWithNoncompliantValues: [] };

interface ResourceRequest {
  readonly arns: ReadonlySet<string>;
  readonly types: readonly string[];
  readonly filters: readonly ((resource: Listed) => boolean)[];
  readonly resourcesPerPage: number;
  readonly tagsPerPage: number | undefined;
  /** Resources up to this one have been on earlier pages. */
  readonly after: number;
  readonly withCompliance: boolean;
  readonly excludeCompliant: boolean;
}

function readRequest(input: JsonObject): ResourceRequest {
  const members = membersOf(input, invalid);
  const arns = members.strings('ResourceARNList');
  const types = members.strings('ResourceTypeFilters');
  const tagFilters = members.objects('TagFilters');
  const resourcesPerPage = members.optionalNumber('ResourcesPerPage');
  const tagsPerPage = members.optionalNumber('TagsPerPage');
  const token = members.optionalString('PaginationToken') ?? '';
  const withCompliance = members.optionalBoolean('IncludeComplianceDetails') ?? false;
  const excludeCompliant = members.optionalBoolean('ExcludeCompliantResources') ?? false;
  if (arns.length > 100) throw invalid('ResourceARNList must have at most 100 entries');
  if (
    arns.length > 0 &&
    (types.length > 0 ||
      tagFilters.length > 0 ||
      resourcesPerPage !== undefined ||
      tagsPerPage !== undefined ||
      token !== '')
  ) {
    throw invalid('ResourceARNList cannot be combined with filters or paging');
  }
  if (types.length > 100) throw invalid('ResourceTypeFilters must have at most 100 entries');
  const malformed = types.find((type) => !/^[a-z0-9-]+(:[a-zA-Z0-9-/]+)?$/.test(type));
  if (malformed !== undefined) throw invalid(`${malformed} is not a resource type`);
  if (resourcesPerPage !== undefined && !isWithin(resourcesPerPage, 1, 100))
    throw invalid('ResourcesPerPage must be between 1 and 100');
  if (tagsPerPage !== undefined && (!isWithin(tagsPerPage, 100, 500) || tagsPerPage % 100 !== 0)) {
    throw invalid('TagsPerPage must be 100, 200, 300, 400 or 500');
  }
  if (resourcesPerPage !== undefined && tagsPerPage !== undefined)
    throw invalid('ResourcesPerPage and TagsPerPage cannot be combined');
  if (excludeCompliant && !withCompliance) throw invalid('ExcludeCompliantResources needs IncludeComplianceDetails');
  if (tagFilters.length > 50) throw invalid('TagFilters must have at most 50 entries');
  return {
    arns: new Set(arns),
    types,
    filters: tagFilters.map(readFilter),
    resourcesPerPage: resourcesPerPage ?? 100,
    tagsPerPage,
    after: readPageToken(token),
    withCompliance,
    excludeCompliant,
  };
}

/** A key without values matches every value; several values match any of them. Filters on several keys must all match. */
function readFilter(filter: JsonObject): (resource: Listed) => boolean {
  const key = membersOf(filter, invalid).string('Key');
  const values = membersOf(filter, invalid).strings('Values');
  if (values.length > 20) throw invalid('Values must have at most 20 entries');
  return ({ tags }) => {
    const value = tags.get(key);
    return value !== undefined && (values.length === 0 || values.includes(value));
  };
}

/** A resource is never split over two pages, so one with more tags than a page holds fills a page of its own. */
function takePage(resources: readonly Listed[], most: number, tags: number | undefined): Listed[] {
  if (tags === undefined) return resources.slice(0, most);
  let room = tags;
  let length = 0;
  for (const resource of resources) {
    room -= resource.tags.size;
    if (room < 0 && length > 0) break;
    length += 1;
  }
  return resources.slice(0, length);
}

function readArns(input: JsonObject): string[] {
  const arns = membersOf(input, invalid).strings('ResourceARNList');
  if (arns.length === 0 || arns.length > 20) throw invalid('ResourceARNList must have between 1 and 20 entries');
  return arns;
}

/** Answers 200 whatever happens to each resource; what failed is listed. */
function forEachResource(
  profiles: ApplicationProfiles,
  arns: readonly string[],
  call: Call,
  change: (profile: ApplicationProfile) => void,
): JsonObject {
  const failed = arns.flatMap((arn): [string, Json][] => {
    try {
      const profile = profiles.find(call.region, arn);
      if (profile === undefined) throw invalid(`${arn} was not found in ${call.region}`);
      change(profile);
      return [];
    } catch (error) {
      if (!(error instanceof AwsFault)) throw error;
      return [[arn, { StatusCode: 400, ErrorCode: 'InvalidParameterException', ErrorMessage: error.message }]];
    }
  });
  return { FailedResourcesMap: Object.fromEntries(failed) };
}

/** All keys and values fit on one page here, so no token is ever given out. */
function refusePaging(input: JsonObject): void {
  if ((membersOf(input, invalid).optionalString('PaginationToken') ?? '') !== '') throw expired();
}

function distinct(values: readonly string[]): string[] {
  return [...new Set(values)].sort();
}

function isWithin(value: number, min: number, max: number): boolean {
  return Number.isInteger(value) && value >= min && value <= max;
}

function pageToken(sequence: number): string {
  return Buffer.from(JSON.stringify({ after: sequence })).toString('base64');
}

function readPageToken(token: string): number {
  if (token === '') return 0;
  try {
    const parsed: Json = JSON.parse(Buffer.from(token, 'base64').toString('utf8'));
    if (isObject(parsed) && typeof parsed['after'] === 'number') return parsed['after'];
  } catch {
    // Not a token of ours: refused like one that is too old.
  }
  throw expired();
}

function invalid(message: string): AwsFault {
  return new AwsFault('InvalidParameterException', message);
}

function expired(): AwsFault {
  return new AwsFault('PaginationTokenExpiredException', 'The pagination token has expired or is not valid.');
}
