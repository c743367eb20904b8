/**
 * A fault: something that should not have happened and that the caller cannot decide about (an outcome that can be
 * expected is a value instead). It carries a stable code, what was being done, and what to do next.
 */
export class Fault extends Error {
  override readonly name: string = 'Fault';
  /** Stable, in PascalCase; documented in docs/errors.md. */
  readonly code: string;
  /** What was being done, as in "reading the tags of arn:…". */
  readonly doing: string;
  /** What a person can do about it. */
  readonly next: string;

  constructor(code: string, parts: { doing: string; problem: string; next: string; cause?: unknown }) {
    super(
      `${parts.doing}: ${parts.problem}. ${parts.next}`,
      parts.cause === undefined ? undefined : { cause: parts.cause },
    );
    this.code = code;
    this.doing = parts.doing;
    this.next = parts.next;
  }
}

/** Whether a fault's code, or the name of an AWS error, asks for a slower pace: as Bedrock, Budgets, Tagging and the SDK name it. */
export const isThrottle = (code: string): boolean => /^(Throttl|TooManyRequests)/.test(code);
