/** What is known about a request when it is authorised: the condition keys that are modelled, in lower case. */

/** Values by condition key in lower case; a key without values is absent. */
export type RequestContext = ReadonlyMap<string, readonly string[]>;

/** One thing that a call wants to do; a call may want several, of which each must be allowed. */
export interface AuthorizationRequest {
  /** For example `dynamodb:GetItem`. */
  readonly action: string;
  /** An ARN, or `*` where the action has no resource or it is not modelled. */
  readonly resource: string;
  readonly context: RequestContext;
}

const SINGLE_VALUED = new Set([
  'aws:principalaccount',
  'aws:principalarn',
  'aws:requestedregion',
  'aws:securetransport',
  'aws:userid',
  'bedrock:inferenceprofilearn',
  // One event at a time is looked at, though a request may put several.
  'events:detail-type',
  'events:source',
  'bedrock:servicetier',
]);
const TAG_PREFIXES = ['aws:principaltag/', 'aws:requesttag/', 'aws:resourcetag/'];
const MULTI_VALUED = new Set(['aws:tagkeys', 'dynamodb:leadingkeys']);

export type KeyKind = 'single' | 'multi';

/** @throws {RangeError} for a key that no request here carries, rather than take it for absent */
export function kindOf(key: string): KeyKind {
  const name = key.toLowerCase();
  if (MULTI_VALUED.has(name)) return 'multi';
  const isTag = TAG_PREFIXES.some((prefix) => name.startsWith(prefix) && name.length > prefix.length);
  if (SINGLE_VALUED.has(name) || isTag) return 'single';
  throw new RangeError(`condition key ${key} is not modelled`);
}

export function contextOf(
  values: Readonly<Record<string, string | readonly string[] | undefined>>,
): Map<string, readonly string[]> {
  return new Map(
    Object.entries(values).flatMap(([key, value]): [string, readonly string[]][] => {
      const list = value === undefined ? [] : typeof value === 'string' ? [value] : value;
      return list.length === 0 ? [] : [[key.toLowerCase(), list]];
    }),
  );
}
