/** How a tag violates the policy. */
export interface Violation {
  readonly key: string;
  readonly problem: 'missing' | 'not-allowed';
  readonly value?: string;
  /** A tag that is there instead of the missing one and differs from it in case only. */
  readonly writtenAs?: string;
  /** What the policy wants, for people: `one of claims, support`, `a value that matches ^cc-`. */
  readonly expected: string;
}

export function describeViolation({ key, problem, value, writtenAs, expected }: Violation): string {
  if (problem === 'not-allowed') return `tag "${key}" is "${value ?? ''}" (expected ${expected})`;
  const instead = writtenAs === undefined ? '' : `; "${writtenAs}" is another tag, since keys are case-sensitive`;
  return `tag "${key}" is missing (expected ${expected}${instead})`;
}
