import * as z from 'zod';
import { type EpochMs, epochMs, isoTime } from '../clock.ts';
import type { Tags } from '../tags.ts';
import type { IndexView } from './index-cache.ts';
import { isTags, serialiseIndexEntry } from './index-entry-document.ts';
import type { IndexReading, WithheldProfile } from './index-source.ts';
import type { IndexEntry } from './profile-index.ts';
import { mayCarry, type ResolutionCode, resolveProfile } from './resolution.ts';
import { entryForHelpers } from './shared-entry.ts';

/**
 * What the function `resolve-profile` is asked and what it answers: JSON, with a version, for callers in any language.
 * See docs/index-sources.md. The tags come from the caller, so an answer proves nothing about who asks and permits nothing:
 * it says which profile carries these tags, and no amounts of money.
 */

const version = z.literal(1).default(1);
const tags = z.custom<Tags>(isTags, 'expected an object of tags, such as {"tenant":"acme"}');
const oneProfile = z.strictObject({
  version,
  /** A base model id, a system profile id, the ARN of either, or the ARN of an application inference profile. */
  modelId: z.string().min(1).max(2_048),
  tags,
  region: z.string().max(64).exactOptional(),
});
/** All profiles that carry these tags, a page at a time, for helpers. */
const allProfiles = z.strictObject({
  version,
  list: z.strictObject({ tags, after: z.string().max(2_048).exactOptional() }),
});
export type ResolverRequest = z.infer<typeof oneProfile> | z.infer<typeof allProfiles>;

const withheldProfile = z.object({
  arn: z.string(),
  why: z.enum(['unreadable', 'unsettled']),
  tags: tags.exactOptional(),
});
const listed = z.object({
  version: z.literal(1),
  kind: z.literal('profiles'),
  profiles: z.array(z.looseObject({ arn: z.string() })),
  withheld: z.array(withheldProfile),
  writtenAt: z.number(),
  after: z.string().exactOptional(),
});
const refused = z.object({ version: z.literal(1), kind: z.literal('refused'), code: z.string(), message: z.string() });

export type ResolverAnswer =
  | {
      readonly version: 1;
      readonly kind: 'profile';
      readonly profileArn: string;
      readonly region: string;
      readonly name: string;
      readonly baseModelId: string;
      readonly source: IndexEntry['source'];
      readonly tags: Tags;
      readonly standing: 'open' | 'throttled' | 'closed';
      /** When the governor last compared the profile with AWS, ISO 8601. */
      readonly verifiedAt: string;
    }
  | {
      readonly version: 1;
      readonly kind: 'profiles';
      /** Index entries in the form in which the table holds them. */
      readonly profiles: readonly unknown[];
      readonly withheld: readonly WithheldProfile[];
      /** Milliseconds since the epoch: when what is said here was true. */
      readonly writtenAt: number;
      /** There are more: ask for those after this ARN. */
      readonly after?: string;
    }
  | {
      readonly version: 1;
      readonly kind: 'refused';
      readonly code: ResolutionCode | 'RequestInvalid' | 'IndexUnavailable';
      readonly message: string;
    };

/** An answer of Lambda holds 6 MB (AWS Lambda quotas); an entry is about half a kilobyte, and at most about 30. */
const PAGE_CHARACTERS = 2_000_000;

export const refusedAnswer = (
  code: Extract<ResolverAnswer, { kind: 'refused' }>['code'],
  message: string,
): ResolverAnswer => ({ version: 1, kind: 'refused', code, message });

/** Undefined where it is no request of this version; `problem` says where and what was expected. */
export function readResolverRequest(payload: unknown): { request: ResolverRequest } | { problem: string } {
  // Not a union of both: zod does not say which member of a union is wrong, and callers write this by hand.
  const isList = typeof payload === 'object' && payload !== null && 'list' in payload;
  const read = (isList ? allProfiles : oneProfile).safeParse(payload);
  return read.success ? { request: read.data } : { problem: z.prettifyError(read.error) };
}

export function answerRequest(view: IndexView, asked: ResolverRequest, writtenAt: EpochMs): ResolverAnswer {
  if ('list' in asked) return page(view, asked.list, writtenAt);
  const { version: _, ...rest } = asked;
  const resolution = resolveProfile(view, rest);
  if (resolution.kind === 'refused') return refusedAnswer(resolution.code, resolution.message);
  const { arn, region, name, baseModelId, source, standing, verifiedAt, tags: carried } = resolution.entry;
  return {
    version: 1,
    kind: 'profile',
    profileArn: arn,
    region,
    name,
    baseModelId,
    source,
    tags: carried,
    standing: standing.state,
    verifiedAt: isoTime(verifiedAt),
  };
}

function page(view: IndexView, asked: { tags: Tags; after?: string }, writtenAt: EpochMs): ResolverAnswer {
  const { after = '' } = asked;
  const matching = view.lookup
    .carrying(asked.tags)
    .filter(({ arn }) => arn > after)
    .sort((one, other) => (one.arn < other.arn ? -1 : 1));
  const profiles: unknown[] = [];
  let last: string | undefined;
  let characters = 0;
  for (const entry of matching) {
    if (characters > PAGE_CHARACTERS) break;
    const text = serialiseIndexEntry(entryForHelpers(entry));
    characters += text.length;
    profiles.push(JSON.parse(text));
    last = entry.arn;
  }
  const withheld = after === '' ? view.withheld.filter((profile) => mayCarry(profile.tags, asked.tags)) : [];
  return {
    version: 1,
    kind: 'profiles',
    profiles,
    withheld,
    writtenAt,
    ...(last === undefined || profiles.length === matching.length ? {} : { after: last }),
  };
}

/** What a page of the list says; a text where the function said no, or answered what this version does not read. */
export function readProfilesAnswer(
  payload: unknown,
): { readonly documents: readonly { arn: string; document: string }[]; readonly rest: Rest } | string {
  const read = z.union([listed, refused]).safeParse(payload);
  if (!read.success) return `its answer is not of this version: ${z.prettifyError(read.error)}`;
  if (read.data.kind === 'refused') return `${read.data.code}: ${read.data.message}`;
  const { profiles, withheld, writtenAt, after } = read.data;
  return {
    documents: profiles.map((entry) => ({ arn: entry.arn, document: JSON.stringify(entry) })),
    rest: { withheld, writtenAt: epochMs(writtenAt), after },
  };
}

interface Rest extends Pick<IndexReading, 'withheld'> {
  readonly writtenAt: EpochMs;
  readonly after: string | undefined;
}
