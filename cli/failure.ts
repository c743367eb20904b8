import { type AwsTrouble, errorName, isWithoutRegion, troubleIn } from '../aws/asking.ts';
import { Fault } from '../domain/fault.ts';
import { EXIT_FAILED, EXIT_USER_ERROR, UserError } from './user-error.ts';

/** What went wrong, in words for whoever is woken by it, and the exit code. */
export interface Failure {
  /** `Mistake` for what was typed, in the environment or in a file; else the fault's. */
  readonly code: string;
  readonly lines: readonly string[];
  readonly exitCode: number;
}

export const MISTAKE = 'Mistake';

const mistake = (lines: readonly string[]): Failure => ({ code: MISTAKE, lines, exitCode: EXIT_USER_ERROR });

/** @returns undefined for an error of the program, which is thrown on with its stack */
export function failureOf(error: unknown): Failure | undefined {
  if (error instanceof UserError) return mistake(error.problems);
  if (!(error instanceof Fault)) return undefined;
  const cause = rootOf(error);
  const environment = explainEnvironment(cause);
  if (environment !== undefined) return mistake([environment]);
  const unreachable = unreachableBy(cause);
  if (unreachable !== undefined)
    return {
      code: 'Unreachable',
      lines: [
        `AWS cannot be reached (${unreachable}), while ${error.doing}. Check the network, --region and --endpoint-url (AWS_ENDPOINT_URL).`,
      ],
      exitCode: EXIT_FAILED,
    };
  const trouble = troubleIn(error);
  const lines =
    trouble === undefined
      ? [`${error.code}: ${error.message}`]
      : [`${error.code}: ${withoutAdvice(error)}`, `  ${ADVICE[trouble]}`];
  return { code: error.code, lines, exitCode: EXIT_FAILED };
}

/** For functions a fault's message names the code and the advice; here the one is said before it, the other otherwise. */
const withoutAdvice = ({ message, next, doing, code }: Fault): string =>
  message.slice(0, -next.length).trimEnd().replace(`${doing}: ${code}: `, `${doing}: `);

const rootOf = (fault: Fault): unknown => (fault.cause instanceof Fault ? rootOf(fault.cause) : fault.cause);

/** The SDK tells in these ways that the environment says too little. */
function explainEnvironment(cause: unknown): string | undefined {
  if (!(cause instanceof Error)) return undefined;
  if (isWithoutRegion(cause))
    return 'expected a Region: give --region us-east-1, set AWS_REGION, or name a profile that has one (--profile, AWS_PROFILE)';
  return /^(CredentialsProviderError|TokenProviderError)$/.test(errorName(cause))
    ? `expected AWS credentials, as any AWS client takes them (--profile, AWS_PROFILE, or keys in the environment): ${cause.message}`
    : undefined;
}

/** The system's word for why nobody answers; undefined where somebody did. */
function unreachableBy(cause: unknown): string | undefined {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  return /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ECONNRESET|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT)$/.test(code)
    ? code
    : undefined;
}

/** For a person at a terminal: nobody else tries again. */
const ADVICE: Readonly<Record<AwsTrouble, string>> = {
  expired: 'The credentials have expired: sign in again, for instance with `aws sso login`.',
  credentials:
    "AWS does not know these credentials: check AWS_PROFILE or --profile, the Region, and this machine's clock.",
  denied:
    'These credentials may not do this: `aws sts get-caller-identity` tells whose they are, docs/commands.md what the command needs of IAM.',
  throttled: 'AWS asks for a slower pace: wait a minute, then run it again.',
  quota: 'A quota of the account is used up: make room, or ask AWS for a higher one (Service Quotas).',
  absent: 'Is it the right account, Region and table? `aws sts get-caller-identity` tells the account.',
  refused: 'AWS takes no such request, and trying again does not help: look at what it says, and at what was typed.',
  passing: 'Try again in a moment.',
  foreign:
    'Something in between has answered: try again; if it stays, look at proxies and at the endpoint (--endpoint-url, AWS_ENDPOINT_URL).',
  unknown: 'Try again in a moment; if it stays, look the error up in docs/errors.md.',
};
