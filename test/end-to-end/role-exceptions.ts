/**
 * What the roles allow and `roles.test.ts` does not see asked for, each with its reason: `<function>: <Sid>: <action> on|with <what>`.
 * An entry that is asked for after all fails the test, as one that is missing does.
 */
export const EXCEPTIONS: Readonly<Record<string, string>> = {};
