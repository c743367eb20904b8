import { errorName, isTriedAgain } from '../aws/asking.ts';
import { Fault } from '../domain/fault.ts';
import { EXIT_FAILED, EXIT_USER_ERROR, UserError } from './user-error.ts';

/** What went wrong, in words for whoever is woken by it, and the exit code. */
export interface Failure {
  readonly lines: readonly string[];
  readonly exitCode: number;
}

/** @returns undefined for an error of the program, which is thrown on with its stack */
export function failureOf(error: unknown): Failure | undefined {
  if (error instanceof UserError) return { lines: error.problems, exitCode: EXIT_USER_ERROR };
  if (!(error instanceof Fault)) return undefined;
  const cause = rootOf(error);
  const environment = explainEnvironment(cause);
  if (environment !== undefined) return { lines: [environment], exitCode: EXIT_USER_ERROR };
  const unreachable = unreachableBy(cause);
  if (unreachable !== undefined)
    return {
      lines: [
        `AWS cannot be reached (${unreachable}), while ${error.doing}. Check the network, --region and --endpoint-url (AWS_ENDPOINT_URL).`,
      ],
      exitCode: EXIT_FAILED,
    };
  return {
    lines: [`${error.code}: ${messageOf(error)}`, ...adviceOn(cause).map((line) => `  ${line}`)],
    exitCode: EXIT_FAILED,
  };
}

/** Without the comfort that somebody else tries again: here nobody does. */
const messageOf = (fault: Fault): string =>
  isTriedAgain(fault) ? `${fault.message.slice(0, -fault.next.length)}Try again in a moment.` : fault.message;

const rootOf = (fault: Fault): unknown => (fault.cause instanceof Fault ? rootOf(fault.cause) : fault.cause);

/** The SDK tells in these ways that the environment says too little. */
function explainEnvironment(cause: unknown): string | undefined {
  if (!(cause instanceof Error)) return undefined;
  const isUnsaid = errorName(cause) === 'CredentialsProviderError' || cause.message === 'Region is missing';
  return isUnsaid
    ? `expected AWS credentials and a Region in the environment, as any AWS client takes them (AWS_PROFILE, AWS_REGION): ${cause.message}. --profile and --region name them too.`
    : undefined;
}

/** The system's word for why nobody answers; undefined where somebody did. */
function unreachableBy(cause: unknown): string | undefined {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  return /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ECONNRESET|EHOSTUNREACH|ETIMEDOUT)$/.test(code) ? code : undefined;
}

function adviceOn(cause: unknown): readonly string[] {
  if (!(cause instanceof Error)) return [];
  const name = errorName(cause);
  if (/^(ExpiredToken|ExpiredTokenException|TokenRefreshRequired)$/.test(name))
    return ['The credentials have expired: sign in again, for instance with `aws sso login`.'];
  if (/^(UnrecognizedClientException|InvalidClientTokenId|InvalidSignatureException|SignatureDoesNotMatch)$/.test(name))
    return ['AWS does not know these credentials: check AWS_PROFILE or --profile, and the Region.'];
  if (name === 'ResourceNotFoundException')
    return ['Is it the right account, Region and table? `aws sts get-caller-identity` tells the account.'];
  return [];
}
