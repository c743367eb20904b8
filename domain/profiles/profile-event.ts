import * as z from 'zod';
import { type EpochMs, epochMs } from '../clock.ts';
import type { Origins } from '../events/origin.ts';
import { accountOf, type ProfileArn, parseProfileArn, profileArnOf, regionOf } from './profile-arn.ts';

/**
 * What an EventBridge event says about profiles: which one to look at, and nothing else. `not-ours` is an event about
 * something else that a broad rule let through; `unreadable` is one that claims to be ours and is not as AWS writes it.
 */
export type ProfileEvent =
  | { readonly kind: 'profile'; readonly arn: ProfileArn }
  | { readonly kind: 'not-ours'; readonly why: string }
  | { readonly kind: 'unreadable'; readonly why: string };

const text = z.string().max(2_048).optional().catch(undefined);

type ProfileOrigins = Pick<Origins, 'accountId' | 'regions'>;

const Envelope = z.object({
  source: z.string(),
  'detail-type': z.string(),
  account: text,
  region: text,
  resources: z.array(z.unknown()).optional(),
  detail: z.unknown(),
});

/** Every member may be absent or null: on failed calls AWS leaves them out, and no capture is official. */
const CloudTrailDetail = z.object({
  eventSource: z.string(),
  eventName: z.string(),
  awsRegion: text,
  recipientAccountId: text,
  errorCode: z.unknown().optional(),
  requestParameters: z
    .object({ resourceARN: text, resourceArn: text, inferenceProfileIdentifier: text })
    .nullish()
    .catch(null),
  responseElements: z.object({ inferenceProfileArn: text }).nullish().catch(null),
});

const TagChangeDetail = z.object({ service: z.string(), 'resource-type': z.string() });

const unreadable = (why: string): ProfileEvent => ({ kind: 'unreadable', why });
const notOurs = (why: string): ProfileEvent => ({ kind: 'not-ours', why });

/**
 * Reads an event, whatever it is. Never throws. Events of an account or Region that is not listed are not ours, whoever
 * forwarded them, nor are those about a profile that is elsewhere than the event says that it comes from.
 */
export function readProfileEvent(event: unknown, origins: ProfileOrigins): ProfileEvent {
  const envelope = Envelope.safeParse(event);
  if (!envelope.success) return unreadable('not an EventBridge event');
  const { source, detail, resources } = envelope.data;
  const type = envelope.data['detail-type'];
  if (source === 'aws.bedrock' && type === 'AWS API Call via CloudTrail')
    return listed(readApiCall(detail), envelope.data, origins);
  if (source === 'aws.tag' && type === 'Tag Change on Resource')
    return listed(readTagChange(detail, resources ?? []), envelope.data, origins);
  return notOurs(`${source} / ${type}`.slice(0, 200));
}

const Timed = z.object({ time: z.iso.datetime() });

/** When that of which an event tells happened, as it says; undefined where it does not. */
export function timeOfEvent(event: unknown): EpochMs | undefined {
  const timed = Timed.safeParse(event);
  return timed.success ? epochMs(Date.parse(timed.data.time)) : undefined;
}

function readApiCall(detail: unknown): ProfileEvent {
  const parsed = CloudTrailDetail.safeParse(detail);
  if (!parsed.success) return unreadable('not a CloudTrail record');
  const { eventSource, eventName, errorCode, requestParameters, responseElements, awsRegion, recipientAccountId } =
    parsed.data;
  if (eventSource !== 'bedrock.amazonaws.com')
    return notOurs(`a call of ${eventSource.slice(0, 200) || 'a service without a name'}`);
  if (errorCode !== undefined && errorCode !== null) return notOurs('a call that failed');
  switch (eventName) {
    case 'CreateInferenceProfile':
      return profile(responseElements?.inferenceProfileArn);
    case 'DeleteInferenceProfile': {
      const identifier = requestParameters?.inferenceProfileIdentifier;
      if (identifier === undefined || parseProfileArn(identifier) !== undefined) return profile(identifier);
      const arn = profileArnOf({ region: awsRegion ?? '', accountId: recipientAccountId ?? '', id: identifier });
      return arn === undefined ? unreadable('neither the ARN nor the id of a profile') : { kind: 'profile', arn };
    }
    case 'TagResource':
    case 'UntagResource': {
      const resource = requestParameters?.resourceARN ?? requestParameters?.resourceArn;
      if (resource === undefined) return unreadable('no resource is named');
      const arn = parseProfileArn(resource);
      return arn === undefined ? notOurs('a resource of another type') : { kind: 'profile', arn };
    }
    default:
      return notOurs(`a call of ${eventName.slice(0, 200) || 'an API without a name'}`);
  }
}

function readTagChange(detail: unknown, resources: readonly unknown[]): ProfileEvent {
  const parsed = TagChangeDetail.safeParse(detail);
  if (!parsed.success) return unreadable('not a tag change');
  if (parsed.data.service !== 'bedrock' || parsed.data['resource-type'] !== 'application-inference-profile')
    return notOurs('a resource of another type');
  const [resource] = resources;
  return profile(typeof resource === 'string' ? resource : undefined);
}

function profile(text: string | undefined): ProfileEvent {
  const arn = text === undefined ? undefined : parseProfileArn(text);
  return arn === undefined ? unreadable('it names no application inference profile') : { kind: 'profile', arn };
}

function listed(
  event: ProfileEvent,
  { account, region }: { readonly account?: string | undefined; readonly region?: string | undefined },
  { accountId, regions }: ProfileOrigins,
): ProfileEvent {
  if (event.kind !== 'profile') return event;
  if (account !== accountId) return notOurs('an event of another account');
  if (region === undefined || !regions.includes(region)) return notOurs('an event of a Region that is not governed');
  if (accountOf(event.arn) !== accountId) return notOurs('a profile of another account');
  return regionOf(event.arn) === region ? event : notOurs('a profile of another Region than the event');
}
