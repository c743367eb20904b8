/**
 * The contract between the HTTP front of the embedded AWS and the services behind it.
 *
 * A service is a table of operations. Each takes the decoded input of one API call and returns the output members;
 * the wire format around them (AWS JSON, REST JSON, Query) belongs to the front. An operation refuses with an
 * {@link AwsFault}, which the front writes in the error shape of the service's protocol.
 */
import type { AuthorizationRequest } from './iam/context.ts';
import type { ByteStream } from './protocols/wire.ts';

export type Json = null | boolean | number | string | Json[] | { [member: string]: Json | undefined };
export type JsonObject = { [member: string]: Json | undefined };

/** Who signed a request, derived from the access key in its signature. Signatures themselves are not verified. */
export interface Principal {
  readonly accountId: string;
  readonly accessKeyId: string;
  /** For example `arn:aws:sts::123456789012:assumed-role/governor-sweep/sweep`. */
  readonly arn: string;
  readonly userId: string;
  /** Session or principal tags: `aws:PrincipalTag/…`. */
  readonly tags?: Readonly<Record<string, string>>;
  /**
   * Identity policies: every request of this access key is evaluated against them. A principal that has none may do
   * everything, one with an empty list nothing.
   */
  readonly policies?: readonly JsonObject[];
  /** The permissions boundary: what it does not allow is denied, whatever the identity policies allow. */
  readonly boundary?: JsonObject;
  /** Those of the principal's account, taken as one level: one of them has to allow, as `FullAWSAccess` does. */
  readonly serviceControlPolicies?: readonly JsonObject[];
}

/** What an operation may know about the call besides its input. */
export interface Call {
  readonly service: string;
  readonly operation: string;
  readonly region: string;
  readonly principal: Principal;
  readonly requestId: string;
  /** Lower-case header names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly userAgent: string;
}

/** An error that AWS would answer with: `code` is its name on the wire, `status` the HTTP status. */
export class AwsFault extends Error {
  override readonly name = 'AwsFault';
  readonly code: string;
  readonly status: number;
  /** Further modelled members of the error, such as `resourceName`. */
  readonly members: JsonObject;

  constructor(code: string, message: string, status = 400, members: JsonObject = {}) {
    super(message);
    this.code = code;
    this.status = status;
    this.members = members;
  }
}

/** The result of an operation whose body is not a JSON object of members but what it says itself. */
export class RawOutput {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | ByteStream;

  constructor(headers: Readonly<Record<string, string>>, body: string | ByteStream) {
    this.headers = headers;
    this.body = body;
  }
}

export type Operation = (input: JsonObject, call: Call) => JsonObject | Promise<JsonObject>;

/** An operation of a model-native or streaming API. Operations that only return members are {@link Operation}s. */
export type RawOperation = (input: JsonObject, call: Call) => RawOutput | Promise<RawOutput>;

/** Something worth telling an observer (the timeline of `npm start -- --verbose`, a test). Never contains prompts. */
export type Observation =
  /** `status` 0: the connection was broken on purpose. `cause`: the exception behind an internal error. */
  | {
      readonly kind: 'request';
      readonly call: Call;
      readonly status: number;
      readonly errorCode?: string;
      readonly cause?: unknown;
    }
  /** One thing that a principal with policies, or AWS on behalf of a role, asked IAM for. A call may ask for several. */
  | {
      readonly kind: 'authorization';
      /** A session of a role counts as the role. */
      readonly principalArn: string;
      readonly request: AuthorizationRequest;
      readonly allowed: boolean;
    }
  | {
      readonly kind: 'event';
      readonly region: string;
      readonly bus: string;
      readonly event: JsonObject;
      readonly matchedRules: readonly string[];
    }
  | {
      readonly kind: 'publish';
      readonly topicArn: string;
      readonly messageId: string;
      readonly subject?: string;
      readonly message: string;
    }
  | {
      readonly kind: 'invocation';
      readonly functionName: string;
      readonly requestId: string;
      readonly error?: string;
      readonly durationMs: number;
    }
  /** A model call that had begun to run has ended; `left`: its client had gone. */
  | {
      readonly kind: 'model-call';
      readonly operation: string;
      readonly requestId: string;
      readonly end: 'answered' | 'broken' | 'left';
      readonly outputTokens: number;
    }
  | { readonly kind: 'log'; readonly functionName: string; readonly line: string }
  | { readonly kind: 'dead-letter'; readonly queueArn: string; readonly reason: string }
  /** A message that AWS would drop without a word: no permission, nobody there, no dead-letter queue. */
  | { readonly kind: 'lost'; readonly from: string; readonly to: string; readonly reason: string };

export type Observer = (observation: Observation) => void;

/** One billed model invocation, as the runtime records it and the billing services read it. */
export interface BilledUsage {
  readonly at: number;
  readonly region: string;
  readonly accountId: string;
  /** Full ARN of the application inference profile, or undefined for a call without one. */
  readonly profileArn: string | undefined;
  readonly foundationModelId: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadInputTokens: number;
  readonly cacheWriteInputTokens: number;
  /** Nano-US-dollars, from the embedded AWS's own price list. */
  readonly costNanoUsd: bigint;
  /** The tier that served the call. */
  readonly serviceTier: 'default' | 'flex' | 'priority';
  /** `cacheWriteInputTokens` by how long they are kept; a time to live for which nothing was written is left out. */
  readonly cacheDetails: readonly { readonly ttl: '5m' | '1h'; readonly inputTokens: number }[];
  /** The profile's tags at the time of the call: AWS puts them on the billing record of each request. */
  readonly tags: Readonly<Record<string, string>>;
}

/**
 * Counts work in flight, so that a test or the main job can wait until an event and all that it causes has ended.
 */
export interface Activity {
  /** Registers work; {@link settled} waits for it and for whatever it starts in turn. Never rejects. */
  track<T>(work: Promise<T>): Promise<T>;
  settled(): Promise<void>;
}

/** How a service is reached on the wire, and what it can do. */
export interface Service {
  /** The name in the signature's credential scope, such as `bedrock`, `sns`, `budgets`, `events`. */
  readonly signingName: string;
  readonly protocol: Protocol;
  readonly operations: Readonly<Record<string, Operation>>;
  /** Further operations, of protocol `rest-json`. */
  readonly rawOperations?: Readonly<Record<string, RawOperation>>;
}

export type Protocol =
  /**
   * `X-Amz-Target: <targetPrefix>.<Operation>`, JSON in and out. A service that spoke the Query protocol before tells
   * the codes that its errors had there, in a header of their own.
   */
  | {
      readonly kind: 'json';
      readonly targetPrefix: string;
      readonly version: '1.0' | '1.1';
      readonly queryErrorCodes?: Readonly<Record<string, string>>;
    }
  /**
   * Form-encoded `Action=<Operation>`, XML out. Lists arrive as arrays and maps as objects, whatever their wire form
   * (`X.member.1`, `X.entry.1.key`). On the way out an array becomes `<member>` elements; `mapMembers` names the
   * output members, at any depth, that are maps and become `<entry><key/><value/></entry>`.
   */
  | {
      readonly kind: 'query';
      readonly xmlNamespace: string;
      readonly version: string;
      readonly mapMembers?: readonly string[];
    }
  /** One route for each operation; path labels and query parameters are merged into the input. */
  | { readonly kind: 'rest-json'; readonly routes: readonly RestRoute[] };

export interface RestRoute {
  readonly operation: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** For example `/inference-profiles/{inferenceProfileIdentifier}`; a label is one percent-encoded segment. */
  readonly path: string;
  /** Query parameter → input member, where the names differ (`type` → `typeEquals`). */
  readonly query?: Readonly<Record<string, string>>;
  readonly successStatus?: number;
  /**
   * For a route whose body is one opaque value: the member of input and output that holds it, as text. The status is
   * then the output's `StatusCode`, and the members named in `responseHeaders` become headers.
   */
  readonly payload?: string;
  /** Output member → header, for a route with a `payload`. */
  readonly responseHeaders?: Readonly<Record<string, string>>;
}

/** What every service of the embedded AWS may use of its surroundings. */
export interface World {
  readonly accountId: string;
  readonly homeRegion: string;
  readonly clock: { now(): number; horizon(): number; at(at: number, ring: (at: number) => void): () => void };
  readonly activity: Activity;
  readonly observe: Observer;
  /** Base URL of the one endpoint, such as `http://127.0.0.1:4566`. Known once the server listens. */
  endpoint(): string;
  /**
   * Makes an access key stand for a principal from now on, as STS does when a role is assumed.
   *
   * @throws {RangeError} for a policy that is malformed or has something that is not modelled
   */
  registerPrincipal(principal: Principal): void;
  /** All billed usage so far, in order of time. */
  readonly billing: readonly BilledUsage[];
  /** Puts an event of an AWS service on the default bus of a Region. Delivery is asynchronous and tracked as activity. */
  putAwsEvent(region: string, event: AwsServiceEvent): void;
}

/** An event without what the bus itself adds (`version`, `id`, `account`, `region`). */
export interface AwsServiceEvent {
  readonly source: string;
  readonly 'detail-type': string;
  readonly time: number;
  readonly resources: readonly string[];
  readonly detail: JsonObject;
}
