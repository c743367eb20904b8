/** Source: IAM user guide, IAM identifiers; a role's name has at most 64 characters. */
const ROLE_ARN = /^arn:aws[a-z-]*:iam::(?<account>\d{12}):role\/(?:[\x21-\x7e]*\/)?(?<role>[\w+=,.@-]{1,64})$/;

/**
 * A role by its account and name. A session's ARN leaves out the path of its role, and names are unique in an account
 * without it. Undefined for anything but a role's ARN.
 */
export function roleOf(arn: string): string | undefined {
  const { account, role } = ROLE_ARN.exec(arn)?.groups ?? {};
  return account === undefined || role === undefined ? undefined : `${account}/${role}`;
}
