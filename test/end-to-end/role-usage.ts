/** What the roles of the packaged stack allow, held against what their functions have asked IAM for. */
import { GetRolePolicyCommand, type IAMClient, ListRolePoliciesCommand } from '@aws-sdk/client-iam';
import * as z from 'zod';
import type { EmbeddedAws } from '../../local/embedded-aws.ts';
import type { AuthorizationRequest } from '../../local/iam/context.ts';
import { arnLike, like } from '../../local/iam/pattern.ts';
import { denialIn, readPolicy } from '../../local/iam/policy.ts';

const list = z.union([z.string(), z.array(z.string())]).transform((value) => [value].flat());
const statement = z.strictObject({
  Sid: z.string(),
  Effect: z.literal('Allow'),
  Action: list,
  Resource: list,
  Condition: z.record(z.string(), z.record(z.string(), list)).optional(),
});
const document = z.object({ Version: z.literal('2012-10-17'), Statement: z.array(statement) });
export type RoleStatement = z.output<typeof statement>;

export interface RecordedRequest extends AuthorizationRequest {
  readonly allowed: boolean;
}

/** Keeps what every role asks for, from now on. @returns what was asked, by the role's name */
export function recordRoles(aws: EmbeddedAws): ReadonlyMap<string, readonly RecordedRequest[]> {
  const recorded = new Map<string, RecordedRequest[]>();
  aws.observe((observation) => {
    if (observation.kind !== 'authorization') return;
    const role = observation.principalArn.split('/').at(-1) ?? '';
    const requests = recorded.get(role) ?? [];
    requests.push({ ...observation.request, allowed: observation.allowed });
    recorded.set(role, requests);
  });
  return recorded;
}

/** The statements of a deployed role, read as anybody would read them from IAM. */
export async function statementsOfRole(iam: IAMClient, RoleName: string): Promise<readonly RoleStatement[]> {
  const { PolicyNames = [] } = await iam.send(new ListRolePoliciesCommand({ RoleName }));
  const documents = await Promise.all(
    PolicyNames.map((PolicyName) => iam.send(new GetRolePolicyCommand({ RoleName, PolicyName }))),
  );
  return documents.flatMap(
    ({ PolicyDocument = '' }) => document.parse(JSON.parse(decodeURIComponent(PolicyDocument))).Statement,
  );
}

/**
 * Everything that a statement allows and nobody has asked for: each of its actions with each of its resources, and each of
 * its actions with each value that a condition admits. `ReadItems: dynamodb:GetItem on …`, `ReadItems: dynamodb:GetItem with TAGS`.
 */
export function unusedParts(allowed: RoleStatement, requests: readonly AuthorizationRequest[]): string[] {
  const policy = [readPolicy({ Version: '2012-10-17', Statement: [{ ...allowed }] })];
  const layers = { identity: policy, boundary: undefined, serviceControl: undefined };
  const applying = requests.filter((request) => denialIn(layers, request) === undefined);
  return allowed.Action.flatMap((action) => {
    const asked = applying.filter((request) => request.action === action);
    const resources = allowed.Resource.filter(
      (resource) => !asked.some((request) => arnLike(resource, request.resource, request.context)),
    );
    const values = Object.values(allowed.Condition ?? {}).flatMap((keys) =>
      Object.entries(keys).flatMap(([key, admitted]) =>
        admitted.filter(
          (value) =>
            !asked.some((request) =>
              (request.context.get(key.toLowerCase()) ?? []).some((actual) => like(value, actual, request.context)),
            ),
        ),
      ),
    );
    return [
      ...resources.map((resource) => `${allowed.Sid}: ${action} on ${resource}`),
      ...values.map((value) => `${allowed.Sid}: ${action} with ${value}`),
    ];
  });
}
