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
    const code = errorName(cause);
    const problem = cause instanceof Error && cause.message !== '' ? `${code}: ${cause.message}` : code;
    throw new Fault(code, { doing, problem, next: adviceFor(code), cause });
  }
}

/** What comes of it in a function, where somebody comes again. Nobody does so for a person at a terminal. */
const SLOWER = 'AWS asks for a slower pace; the sweep tries again.';
const TRIED_AGAIN = 'It is tried again by the next event or sweep.';

/** Whether a fault's advice is to wait for the governor's next try. */
export const isTriedAgain = ({ next }: Fault): boolean => next === SLOWER || next === TRIED_AGAIN;

function adviceFor(code: string): string {
  if (/AccessDenied|NotAuthorized|UnrecognizedClient|InvalidClientToken/.test(code))
    return 'Check the permissions of the role that made this call.';
  if (/Throttl|TooManyRequests|LimitExceeded|ProvisionedThroughput/.test(code)) return SLOWER;
  if (code === 'ResourceNotFoundException') return 'Check that the stack is deployed in this account and Region.';
  return TRIED_AGAIN;
}
