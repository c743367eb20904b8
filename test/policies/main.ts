/**
 * `npm run check:policies`: evaluates the table of table.ts for the roles of the packaged stack and for the guard policies, by a
 * simulator of IAM that is not ours, and by the evaluator of the embedded AWS. Ends with 1 where either differs from the table.
 */
import { GetRolePolicyCommand, IAMClient, ListRolePoliciesCommand } from '@aws-sdk/client-iam';
import { packageStack } from '../../infra/package.ts';
import { startEmbeddedAws } from '../../local/embedded-aws.ts';
import { contextOf } from '../../local/iam/context.ts';
import { denialIn, readPolicy } from '../../local/iam/policy.ts';
import type { JsonObject } from '../../local/service.ts';
import { ATTACHED } from '../infra/guarded-principals.ts';
import { openSimulator } from './simulator.ts';
import { FUNCTIONS, GUARD_TABLE, ROLE_TABLE, type Wish } from './table.ts';

const ROLE = (name: string): string => `arn:aws:iam::123456789012:role/bedrock-cost-governor-dev-us-east-1-${name}`;

interface Holder {
  readonly policies: readonly JsonObject[];
  readonly boundary?: JsonObject;
  readonly serviceControlPolicies?: readonly JsonObject[];
}

/** What the deployed roles hold, as anybody would read it from IAM. */
async function rolePolicies(): Promise<ReadonlyMap<string, readonly JsonObject[]>> {
  const aws = await startEmbeddedAws();
  try {
    await aws.deploy(await packageStack());
    const credentials = { accessKeyId: 'auditor', secretAccessKey: 'not-verified' };
    const iam = new IAMClient({ endpoint: aws.endpoint, region: 'us-east-1', credentials });
    const found = new Map<string, readonly JsonObject[]>();
    for (const name of FUNCTIONS) {
      const RoleName = ROLE(name).split('/').at(-1) ?? '';
      const { PolicyNames = [] } = await iam.send(new ListRolePoliciesCommand({ RoleName }));
      const documents: JsonObject[] = [];
      for (const PolicyName of PolicyNames) {
        const { PolicyDocument = '' } = await iam.send(new GetRolePolicyCommand({ RoleName, PolicyName }));
        documents.push(JSON.parse(decodeURIComponent(PolicyDocument)) as JsonObject);
      }
      found.set(name, documents);
    }
    return found;
  } finally {
    await aws.close();
  }
}

function evaluate(holder: Holder, principal: string, { action, resource, context }: Wish): 'allowed' | 'denied' {
  const layers = {
    identity: holder.policies.map(readPolicy),
    boundary: holder.boundary === undefined ? undefined : [readPolicy(holder.boundary)],
    serviceControl: holder.serviceControlPolicies?.map(readPolicy),
  };
  const request = { action, resource, context: contextOf({ 'aws:PrincipalArn': principal, ...context }) };
  return denialIn(layers, request) === undefined ? 'allowed' : 'denied';
}

const simulate = await openSimulator();
let checked = 0;
const different: string[] = [];

async function compare(
  what: string,
  holder: Holder,
  principal: string,
  wish: Wish,
  expected: 'allowed' | 'denied',
): Promise<void> {
  checked++;
  const simulated = await simulate({
    principal,
    action: wish.action,
    resource: wish.resource,
    context: { 'aws:PrincipalArn': principal, ...wish.context },
    identity: holder.policies,
    boundary: holder.boundary,
    serviceControl: holder.serviceControlPolicies,
  });
  const ours = evaluate(holder, principal, wish);
  if (simulated !== expected || ours !== expected)
    different.push(
      `${what}: ${wish.action} on ${wish.resource} ${JSON.stringify(wish.context ?? {})} should be ${expected}; the simulator says ${simulated}, the embedded AWS ${ours}`,
    );
}

const roles = await rolePolicies();
for (const [wish, allowed] of ROLE_TABLE)
  for (const name of FUNCTIONS)
    await compare(
      name,
      { policies: roles.get(name) ?? [] },
      ROLE(name),
      wish,
      allowed.includes(name) ? 'allowed' : 'denied',
    );
for (const [what, ways, wish, expected] of GUARD_TABLE)
  for (const way of ways)
    await compare(`${what}, under ${way}`, ATTACHED[way], 'arn:aws:iam::123456789012:role/acme-app', wish, expected);
// The governor alone is excepted from the protection of its tags.
const standing: Wish = {
  action: 'bedrock:TagResource',
  resource: 'arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/06vsfs68yb4g',
  context: { 'aws:TagKeys': ['governor:standing'] },
};
await compare('the sweep', ATTACHED['service control policies'], ROLE('sweep'), standing, 'allowed');
await compare('nearly the sweep', ATTACHED['service control policies'], ROLE('sweeper'), standing, 'denied');

for (const line of different) console.log(line);
console.log(`${checked} decisions, ${different.length} of them not as the table says`);
process.exitCode = different.length === 0 ? 0 : 1;
