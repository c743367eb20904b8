/** The user's mistake: told in their words, without a stack trace, with exit code 2. */
export class UserError extends Error {
  override readonly name = 'UserError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

export const EXIT_FAILED = 1;
export const EXIT_USER_ERROR = 2;
