import {
  GetRolePolicyCommand,
  type IAMClient,
  paginateGetAccountAuthorizationDetails,
  paginateListRolePolicies,
} from '@aws-sdk/client-iam';
import type { AttachedPolicy, PolicyStatement } from '../../domain/doctor/account.ts';
import { Fault } from '../../domain/fault.ts';
import { asking } from '../asking.ts';

/** The account's own managed policies that are attached to somebody, or are somebody's boundary. */
export async function attachedPolicies(client: IAMClient): Promise<readonly AttachedPolicy[]> {
  return await asking("reading the account's policies", async () => {
    const found: AttachedPolicy[] = [];
    const pages = paginateGetAccountAuthorizationDetails({ client }, { Filter: ['LocalManagedPolicy'] });
    for await (const { Policies = [] } of pages)
      for (const policy of Policies) {
        const {
          AttachmentCount = 0,
          PermissionsBoundaryUsageCount = 0,
          PolicyName = '',
          PolicyVersionList = [],
        } = policy;
        const version = PolicyVersionList.find(({ IsDefaultVersion }) => IsDefaultVersion === true);
        if (AttachmentCount + PermissionsBoundaryUsageCount > 0 && version?.Document !== undefined)
          found.push({ name: PolicyName, document: documentOf(PolicyName, version.Document) });
      }
    return found;
  });
}

/** The statements of a role's inline policies: the stack gives its roles no others. */
export async function roleStatements(client: IAMClient, RoleName: string): Promise<readonly PolicyStatement[]> {
  return await asking(`reading the policies of role ${RoleName}`, async () => {
    const statements: PolicyStatement[] = [];
    for await (const { PolicyNames = [] } of paginateListRolePolicies({ client }, { RoleName }))
      for (const PolicyName of PolicyNames) {
        const { PolicyDocument = '' } = await client.send(new GetRolePolicyCommand({ RoleName, PolicyName }));
        const document = documentOf(PolicyName, PolicyDocument);
        const stated: unknown =
          typeof document === 'object' && document !== null && 'Statement' in document ? document.Statement : [];
        for (const statement of Array.isArray(stated) ? (stated as unknown[]) : [stated])
          if (typeof statement === 'object' && statement !== null) statements.push(statement);
      }
    return statements;
  });
}

/** IAM encodes documents as in a URL (API reference, GetRolePolicy). */
function documentOf(name: string, text: string): unknown {
  try {
    return JSON.parse(decodeURIComponent(text));
  } catch (cause) {
    throw new Fault('PolicyUnreadable', {
      doing: `reading the IAM policy ${name}`,
      problem: 'its document is no JSON in the encoding of URLs',
      next: 'Report it with the text of the document.',
      cause,
    });
  }
}
