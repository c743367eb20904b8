import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import { packageStack } from '../../infra/package.ts';
import type { JsonObject } from '../../local/service.ts';
import { PREFIX } from './deployed-governor.ts';

const GUIDE = new URL('../../docs/security.md', import.meta.url);
const statements = z.union([z.array(z.record(z.string(), z.json())), z.record(z.string(), z.json())]);

/** The statements that docs/security.md gives a role, as they stand there, for the tenant of this name. */
export function statementsOfSecurityGuide(
  setup: 'table' | 'alias' | 'recovery',
  tenant: string,
  tableArn: string,
): readonly JsonObject[] {
  const blocks = [...readFileSync(GUIDE, 'utf8').matchAll(/```json\n([\s\S]*?)```/g)].map(([, json = '']) => json);
  const block =
    setup === 'recovery' ? blocks.find((json) => json.includes('"LEDGER#*"')) : blocks[setup === 'table' ? 0 : 1];
  if (block === undefined) throw new Error(`docs/security.md says nothing of ${setup}`);
  const text = block
    .replaceAll(setup === 'recovery' ? '"TABLE-ARN"' : '"TABLE"', JSON.stringify(tableArn))
    .replaceAll('bedrock-cost-governor-prod', PREFIX)
    .replaceAll('acme', tenant);
  return [statements.parse(JSON.parse(text))].flat();
}

const role = z.object({
  Properties: z.object({ Policies: z.array(z.object({ PolicyDocument: z.json() })) }),
});
const template = z.object({ Resources: z.object({ LeaseRole: role, BillingRole: role }) });

/** What the packaged template allows a function, with its references resolved. */
export async function functionRolePolicy(
  governor: { readonly table: string; readonly aws: { readonly accountId: string } },
  name: 'LeaseRole' | 'BillingRole',
) {
  const { templatePath } = await packageStack();
  const { Properties } = template.parse(JSON.parse(await readFile(templatePath, 'utf8'))).Resources[name];
  const tableArn = `arn:aws:dynamodb:us-east-1:${governor.aws.accountId}:table/${governor.table}`;
  const text = JSON.stringify(Properties.Policies[0]?.PolicyDocument)
    .replaceAll('{"Fn::GetAtt":["GovernorTable","Arn"]}', JSON.stringify(tableArn))
    .replaceAll(/\{"Fn::Sub":("[^"]*")\}/g, (_, sub: string) =>
      sub
        .replaceAll(`\${GovernorTable.Arn}`, tableArn)
        .replaceAll(`\${AWS::Partition}`, 'aws')
        .replaceAll(`\${AWS::Region}`, 'us-east-1')
        .replaceAll(`\${AWS::AccountId}`, governor.aws.accountId),
    )
    .replaceAll('{"Ref":"NoticesTopic"}', `"arn:aws:sns:us-east-1:${governor.aws.accountId}:${PREFIX}-notices"`)
    .replaceAll(
      '{"Ref":"ChatNoticesTopic"}',
      `"arn:aws:sns:us-east-1:${governor.aws.accountId}:${PREFIX}-chat-notices"`,
    )
    .replaceAll(
      '{"Fn::GetAtt":["GovernorBus","Arn"]}',
      `"arn:aws:events:us-east-1:${governor.aws.accountId}:event-bus/${PREFIX}"`,
    )
    .replaceAll(
      '{"Fn::GetAtt":["FailedInvocationsQueue","Arn"]}',
      `"arn:aws:sqs:us-east-1:${governor.aws.accountId}:${PREFIX}-failed-invocations"`,
    );
  return z.record(z.string(), z.json()).parse(JSON.parse(text));
}

/** What the packaged template allows the function `lease`, with its references resolved. */
export const leaseRolePolicy = (governor: Parameters<typeof functionRolePolicy>[0]) =>
  functionRolePolicy(governor, 'LeaseRole');
