import { type CloudTrailClient, LookupEventsCommand } from '@aws-sdk/client-cloudtrail';
import { type IAMClient, ListRoleTagsCommand } from '@aws-sdk/client-iam';
import * as z from 'zod';
import type { Creator } from '../domain/policy/tag-defaults.ts';
import { accountOf, type ProfileArn, parseProfileArn, regionOf } from '../domain/profiles/profile-arn.ts';
import type { CreatorReading, ProfileCreators } from '../domain/profiles/profile-creators.ts';
import { asking } from './asking.ts';
import { thisMachine } from './machine.ts';
import type { Pace } from './pace.ts';

/**
 * LookupEvents: two requests a second in an account and Region (API reference), of which others need some. Who is throttled
 * does not insist: the question is asked again minutes later.
 */
export const LOOKUP_EVENTS_PACE = { perSecond: 1.5, burst: 1, repeats: 0 } as const;

/** Questions at a time, of up to five requests: so few that a sweep still ends in its time. Others are asked later. */
const MAX_WAITING = 4;
/** Pages of 50 creations that are looked through where CloudTrail does not find the profile by its name. */
const MAX_PAGES = 4;
/** No further page is asked for then. */
const LONGEST_MS = 30_000;

/** What CloudTrail says of a creation, as far as it is read (CloudTrail user guide, userIdentity element). */
const creationSchema = z.lazy(() =>
  z.object({
    eventName: z.literal('CreateInferenceProfile'),
    eventSource: z.literal('bedrock.amazonaws.com'),
    errorCode: z.undefined().optional(),
    responseElements: z.object({ inferenceProfileArn: z.string() }),
    userIdentity: z.object({
      sessionContext: z
        // Of a session that is no role's, the issuer is empty or says less (UNVERIFIED for this call).
        .object({
          sessionIssuer: z
            .object({ type: z.string(), userName: z.string(), accountId: z.string() })
            .partial()
            .optional(),
        })
        .optional(),
    }),
  }),
);
type Creation = z.output<typeof creationSchema>;

export interface CreatorClients {
  readonly cloudTrailIn: (region: string) => CloudTrailClient;
  readonly paceIn: (region: string) => Pace;
  readonly iam: IAMClient;
  /** Milliseconds; the process's own clock unless a test says otherwise. */
  readonly now?: () => number;
}

/**
 * Who created a profile: the call in CloudTrail's event history, which keeps 90 days, and the tags of the role that made
 * it. It is found by the name of the resource (UNVERIFIED that the event bears the profile's ARN as one), else among the
 * latest creations. Only what an event says in its answer counts: the ARN that this call returned.
 */
export function cloudTrailCreators({
  cloudTrailIn,
  paceIn,
  iam,
  now = thisMachine.monotonic,
}: CreatorClients): ProfileCreators {
  let waiting = 0;
  const roles = new Map<string, Promise<Creator>>();
  const tagsOf = (role: string): Promise<Creator> => {
    const known = roles.get(role);
    if (known !== undefined) return known;
    const reading = readRole(iam, role);
    roles.set(role, reading);
    // What could not be read now may be later.
    reading.catch(() => roles.delete(role));
    return reading;
  };
  return {
    async find(arn) {
      if (waiting >= MAX_WAITING) return { kind: 'busy' };
      waiting++;
      const until = now() + LONGEST_MS;
      const region = regionOf(arn);
      const source = { client: cloudTrailIn(region), pace: paceIn(region), isTimeUp: () => now() >= until };
      try {
        const creation = await findCreation(source, arn);
        if (creation === undefined) return { kind: 'unknown', why: 'CloudTrail shows no creation of it' };
        return await creatorOf(creation, arn, tagsOf);
      } catch (error) {
        return { kind: 'unknown', why: error instanceof Error ? error.message : String(error) };
      } finally {
        waiting--;
      }
    },
  };
}

async function creatorOf(
  { userIdentity }: Creation,
  arn: ProfileArn,
  tagsOf: (role: string) => Promise<Creator>,
): Promise<CreatorReading> {
  const issuer = userIdentity.sessionContext?.sessionIssuer;
  if (issuer?.type !== 'Role' || issuer.userName === undefined || issuer.accountId !== accountOf(arn))
    return { kind: 'known', creator: 'no-role' };
  return { kind: 'known', creator: await tagsOf(issuer.userName) };
}

interface CreationSource {
  readonly client: CloudTrailClient;
  readonly pace: Pace;
  readonly isTimeUp: () => boolean;
}

async function findCreation(source: CreationSource, arn: ProfileArn): Promise<Creation | undefined> {
  const byName = await lookUp(source, arn, { AttributeKey: 'ResourceName', AttributeValue: arn });
  return byName ?? (await lookUp(source, arn, { AttributeKey: 'EventName', AttributeValue: 'CreateInferenceProfile' }));
}

async function lookUp(
  { client, pace, isTimeUp }: CreationSource,
  arn: ProfileArn,
  attribute: { readonly AttributeKey: 'ResourceName' | 'EventName'; readonly AttributeValue: string },
): Promise<Creation | undefined> {
  let token: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    if (isTimeUp()) throw new Error('looking through CloudTrail takes too long');
    const NextToken = token;
    const { Events = [], NextToken: next } = await asking(`looking up who created ${arn}`, () =>
      pace.keep(() =>
        client.send(
          new LookupEventsCommand({
            // It takes one attribute at a time (API reference).
            LookupAttributes: [attribute],
            MaxResults: 50,
            ...(NextToken === undefined ? {} : { NextToken }),
          }),
        ),
      ),
    );
    for (const { CloudTrailEvent = '' } of Events) {
      const creation = creationSchema.safeParse(parsed(CloudTrailEvent));
      if (creation.success && parseProfileArn(creation.data.responseElements.inferenceProfileArn) === arn)
        return creation.data;
    }
    if (next === undefined) return undefined;
    token = next;
  }
  return undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function readRole(iam: IAMClient, role: string): Promise<Creator> {
  const tags: [string, string][] = [];
  let marker: string | undefined;
  do {
    const Marker = marker;
    const page = await asking(`reading the tags of role ${role}`, () =>
      iam.send(new ListRoleTagsCommand({ RoleName: role, ...(Marker === undefined ? {} : { Marker }) })),
    );
    for (const { Key, Value } of page.Tags ?? []) if (Key !== undefined && Value !== undefined) tags.push([Key, Value]);
    marker = page.IsTruncated === true ? page.Marker : undefined;
  } while (marker !== undefined);
  return { role, tags: Object.fromEntries(tags) };
}
