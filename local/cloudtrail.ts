/**
 * The CloudTrail events of Bedrock's write operations, as EventBridge delivers them where a trail logs management
 * events. Read operations and model calls do not reach an ordinary rule and are left out.
 *
 * The shape is reconstructed from documentation and API models; what in it is UNVERIFIED: the redaction of the
 * description, and that TagResource and UntagResource have no response elements.
 */
import type { Outcome } from './dispatch.ts';
import { EventHistory } from './event-history.ts';
import type { Call, Json, JsonObject, Principal, Service, World } from './service.ts';

const RECORDED = new Set(['CreateInferenceProfile', 'DeleteInferenceProfile', 'TagResource', 'UntagResource']);

export interface CloudTrail {
  /** Event history: what `record` was told, to be looked up. */
  readonly service: Service;
  /** Puts the event of a call that has ended on the default bus of its Region; calls of other kinds pass unnoticed. */
  record(call: Call, input: JsonObject, outcome: Outcome): void;
}

/** @param uuid makes event ids, unique for each event */
export function createCloudTrail(world: World, uuid: () => string, delayMs = 0): CloudTrail {
  const history = new EventHistory(world, delayMs);
  return {
    service: history.service,
    record(call, input, outcome) {
      if (call.service !== 'bedrock' || !RECORDED.has(call.operation)) return;
      const now = world.clock.now();
      const detail: JsonObject = {
        eventVersion: '1.11',
        userIdentity: identityOf(call.principal, now),
        eventTime: toSecond(now),
        eventSource: 'bedrock.amazonaws.com',
        eventName: call.operation,
        awsRegion: call.region,
        sourceIPAddress: '127.0.0.1',
        userAgent: call.userAgent,
        ...resultOf(input, outcome),
        requestID: call.requestId,
        eventID: uuid(),
        readOnly: false,
        eventType: 'AwsApiCall',
        managementEvent: true,
        recipientAccountId: world.accountId,
        eventCategory: 'Management',
        tlsDetails: {
          tlsVersion: 'TLSv1.3',
          cipherSuite: 'TLS_AES_128_GCM_SHA256',
          clientProvidedHostHeader: `bedrock.${call.region}.amazonaws.com`,
        },
      };
      history.add(call.region, now, detail);
      world.putAwsEvent(call.region, {
        source: 'aws.bedrock',
        'detail-type': 'AWS API Call via CloudTrail',
        time: now,
        resources: [],
        detail,
      });
    },
  };
}

function resultOf(input: JsonObject, outcome: Outcome): JsonObject {
  if ('output' in outcome) {
    const responseElements = Object.keys(outcome.output).length > 0 ? outcome.output : null;
    return { requestParameters: redact(input), responseElements };
  }
  const { code, message } = outcome.fault;
  const denied = code.startsWith('AccessDenied');
  return {
    errorCode: denied ? 'AccessDenied' : code,
    errorMessage: message,
    requestParameters: denied ? null : redact(input),
    responseElements: null,
  };
}

function redact(input: JsonObject): JsonObject {
  return input['description'] === undefined ? input : { ...input, description: 'HIDDEN_DUE_TO_SECURITY_REASONS' };
}

function identityOf({ accountId, accessKeyId, arn, userId }: Principal, now: number): Json {
  const role = /:assumed-role\/([^/]+)\//.exec(arn)?.[1];
  if (role === undefined) {
    return {
      type: 'IAMUser',
      principalId: userId,
      arn,
      accountId,
      accessKeyId,
      userName: arn.slice(arn.lastIndexOf('/') + 1),
    };
  }
  return {
    type: 'AssumedRole',
    principalId: userId,
    arn,
    accountId,
    accessKeyId,
    sessionContext: {
      sessionIssuer: {
        type: 'Role',
        principalId: userId.split(':')[0] ?? userId,
        arn: `arn:aws:iam::${accountId}:role/${role}`,
        accountId,
        userName: role,
      },
      attributes: { creationDate: toSecond(now), mfaAuthenticated: 'false' },
    },
  };
}

function toSecond(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}
