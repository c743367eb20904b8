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

function adviceFor(code: string): string {
  if (/AccessDenied|NotAuthorized|UnrecognizedClient|InvalidClientToken/.test(code))
    return 'Check the permissions of the role that made this call.';
  if (/Throttl|TooManyRequests|LimitExceeded|ProvisionedThroughput/.test(code))
    return 'AWS asks for a slower pace; the sweep tries again.';
  if (code === 'ResourceNotFoundException') return 'Check that the stack is deployed in this account and Region.';
  return 'It is tried again by the next event or sweep.';
}
