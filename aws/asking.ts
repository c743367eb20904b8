import { Fault } from '../domain/fault.ts';

/** The name that AWS gives an error (`ThrottlingException`, `AccessDeniedException`), or the class of another one. */
export const errorName = (error: unknown): string => (error instanceof Error ? error.name : typeof error);

/**
 * Runs a request to AWS and turns what it throws into a {@link Fault} that says what was being done. The name of the
 * AWS error becomes the fault's code, so that callers and alarms can tell a denial from a throttle. A fault stays as it is.
 */
export async function asking<T>(doing: string, request: () => Promise<T>): Promise<T> {
  try {
    return await request();
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    const status = foreignStatus(cause);
    if (status !== undefined) throw foreignAnswer(doing, status, cause);
    const code = errorName(cause);
    const problem = cause instanceof Error && cause.message !== '' ? `${code}: ${withoutStop(cause.message)}` : code;
    const next = isWithoutRegion(cause) ? 'Set AWS_REGION, or name a Region.' : ADVICE[troubleOf(code)];
    throw new Fault(code, { doing, problem, next, cause });
  }
}

/** Something else than the service has answered: what was asked for may not have been done. */
export function foreignAnswer(doing: string, status: number | undefined, cause?: unknown): Fault {
  const what = `HTTP status ${status ?? 'unknown'}, not in the form in which the service answers`;
  // What the SDK's parser says of the first characters helps nobody, where only the cause is shown.
  const told = new Error(what, { cause });
  return new Fault(FOREIGN, { doing, problem: `${FOREIGN}: ${what}`, next: ADVICE.foreign, cause: told });
}

const FOREIGN = 'ForeignAnswer';

/** The HTTP status of an answer that is not in AWS's form, as proxies and load balancers give; undefined for any other error. */
function foreignStatus(cause: unknown): number | undefined {
  // How the SDK tells it: by the error of its parser, or by a name for what has none.
  if (!(cause instanceof Error) || !/^(SyntaxError|Error|Unknown)$/.test(cause.name)) return undefined;
  const { $metadata: answered } = cause as { readonly $metadata?: { readonly httpStatusCode?: number } };
  return answered?.httpStatusCode;
}

/** The SDK has no name for it. */
export const isWithoutRegion = (error: unknown): boolean =>
  error instanceof Error && error.message === 'Region is missing';

const withoutStop = (text: string): string => text.replace(/\.\s*$/, '');

/** What kind of trouble an AWS error is: what helps depends on it. */
export type AwsTrouble =
  | 'expired'
  | 'credentials'
  | 'denied'
  | 'throttled'
  | 'quota'
  | 'absent'
  | 'refused'
  | 'passing'
  | 'foreign'
  | 'unknown';

/** The first that matches. Sources: "Common error types" of the services' API references, and the errors of their operations. */
const TROUBLES: readonly (readonly [trouble: AwsTrouble, names: RegExp])[] = [
  ['expired', /^(ExpiredToken|RequestExpired|TokenRefreshRequired)/],
  [
    'credentials',
    /^(UnrecognizedClient|InvalidClientToken|InvalidAccessKeyId|InvalidSignature|SignatureDoesNotMatch|IncompleteSignature|MissingAuthenticationToken|RequestTimeTooSkewed|CredentialsProviderError|TokenProviderError)/,
  ],
  ['denied', /AccessDenied|NotAuthorized|UnauthorizedOperation|AuthorizationError|OptInRequired|SubscriptionRequired/],
  ['quota', /QuotaExceeded|CreationLimitExceeded|TooManyTags/],
  ['throttled', /Throttl|TooManyRequests|LimitExceeded|ProvisionedThroughput|SlowDown/],
  ['absent', /NotFound|NoSuchEntity|NonExistentQueue|QueueDoesNotExist/],
  [
    'refused',
    /Validation|InvalidParameter|InvalidNextToken|InvalidInput|Serialization|MalformedQuery|UnknownOperation/,
  ],
  ['foreign', /^ForeignAnswer$/],
  ['passing', /Internal|Unavailable|Timeout|Conflict|InUse|ConcurrentModification|ServiceException|ServerException/],
];

export const troubleOf = (code: string): AwsTrouble => TROUBLES.find(([, names]) => names.test(code))?.[0] ?? 'unknown';

const TRIED_AGAIN = 'It is tried again.';

/** For whoever reads the log of a function or of a tenant's program, where a later event, sweep or call comes again. A person at a terminal is told otherwise. */
const ADVICE: Readonly<Record<AwsTrouble, string>> = {
  expired: 'The credentials have expired: see where the process has them from.',
  credentials: 'Check the credentials that this call was made with, and the clock of the machine.',
  denied: 'Check the permissions of the role that made this call.',
  throttled: 'AWS asks for a slower pace; it is tried again.',
  quota: 'A quota of the account is used up: make room, or ask AWS for a higher one.',
  absent: 'Check that the stack is deployed in this account and Region.',
  refused: 'AWS takes no such request, and trying again does not help: look at what it says.',
  passing: TRIED_AGAIN,
  foreign: `Something in between has answered: if it stays, look at proxies and at the endpoint (AWS_ENDPOINT_URL). ${TRIED_AGAIN}`,
  unknown: TRIED_AGAIN,
};

/** What kind of trouble a fault is whose advice was written for the log of a function; undefined where the advice is for anyone. */
export const troubleIn = ({ code, next }: Fault): AwsTrouble | undefined =>
  next === ADVICE[troubleOf(code)] ? troubleOf(code) : undefined;
