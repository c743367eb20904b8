import { AwsFault } from '../service.ts';

export interface FunctionName {
  readonly name: string;
  /** Version or alias; undefined: the function itself. */
  readonly qualifier: string | undefined;
}

const NAME =
  /^(?:(?<arn>arn:aws:lambda:(?<region>[\w-]+):)?(?<account>\d{12}):function:)?(?<name>[\w-]+)(?::(?<qualifier>\$LATEST|[\w-]+))?$/;

/**
 * Reads a name, a partial ARN (`123456789012:function:name`) or a full one, each perhaps with a qualifier.
 *
 * @throws {AwsFault} for a malformed name, for two qualifiers that differ, and for another Region or account
 */
export function readFunctionName(
  text: string,
  asked: string | undefined,
  here: { readonly region: string; readonly accountId: string },
): FunctionName {
  const groups = NAME.exec(text)?.groups;
  if (groups?.['name'] === undefined) {
    throw new AwsFault(
      'ValidationException',
      `1 validation error detected: Value '${text}' at 'functionName' failed to satisfy constraint: Member must satisfy regular expression pattern: (arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}(-gov)?-[a-z]+-\\d{1}:)?(\\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\\$LATEST|[a-zA-Z0-9-_]+))?`,
    );
  }
  const { name, region, account, qualifier } = groups;
  if (region !== undefined && region !== here.region) {
    throw new AwsFault(
      'ResourceNotFoundException',
      `Functions from '${region}' are not reachable in this region ('${here.region}')`,
      404,
    );
  }
  if (account !== undefined && account !== here.accountId) throw functionNotFound(text);
  if (qualifier !== undefined && asked !== undefined && qualifier !== asked) {
    throw new AwsFault(
      'InvalidParameterValueException',
      'The derived qualifier from the function name does not match the specified qualifier.',
    );
  }
  return { name, qualifier: qualifier ?? asked };
}

export function functionNotFound(arn: string): AwsFault {
  return new AwsFault('ResourceNotFoundException', `Function not found: ${arn}`, 404, { Type: 'User' });
}
