import { BedrockClient, CreateInferenceProfileCommand, ListInferenceProfilesCommand } from '@aws-sdk/client-bedrock';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { policyTable } from '../../aws/dynamodb/policy-table.ts';
import { readPolicy } from '../../domain/policy/policy.ts';
import { DeployedGovernor, NOVA_PRO } from './deployed-governor.ts';

const DAY_MS = 86_400_000;
const POLICY = {
  version: 1,
  regions: ['us-east-1'],
  tenantTag: 'tenant',
  tags: {
    required: {
      tenant: { default: { from: 'creator-tag', key: 'Tenant' } },
      team: { default: { from: 'creator-role', map: { 'ci-deploy': 'platform' } } },
    },
  },
  profiles: { names: '^good-', mismatched: 'delete', allowDelete: true, deleteAfterUnusedDays: 7 },
  budgets: [{ name: 'tenant-monthly', per: 'tenant', limit: '20 USD' }],
};

describe('rules for profiles on the deployed stack', () => {
  let governor: DeployedGovernor;
  beforeAll(async () => {
    governor = await DeployedGovernor.start('2026-11-02T09:01:00Z', {}, ['team', 'tenant']);
    await governor.stopSweeping();
    expect(readPolicy(POLICY).kind).toBe('valid');
    await policyTable(governor.dynamodb, governor.table).apply(POLICY);
  });
  afterAll(() => governor.close());

  it('derive missing tags from the role that created the profile, as CloudTrail and IAM have it', async () => {
    governor.aws.registerPrincipal({
      accessKeyId: 'ASIACI',
      accountId: governor.aws.accountId,
      arn: `arn:aws:sts::${governor.aws.accountId}:assumed-role/ci-deploy/run-7`,
      userId: 'AROACI:run-7',
      tags: { Tenant: 'acme' },
    });
    const { inferenceProfileArn: arn = '' } = await new BedrockClient({
      endpoint: governor.aws.endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'ASIACI', secretAccessKey: 'any' },
    }).send(
      new CreateInferenceProfileCommand({
        inferenceProfileName: 'good-by-ci',
        modelSource: { copyFrom: governor.foundationModel(NOVA_PRO) },
      }),
    );
    await governor.aws.settled();
    expect(await governor.tagsOf(arn)).toEqual({ tenant: 'acme', team: 'platform' });
    expect(await governor.indexEntry(arn)).toMatchObject({ standing: { state: 'open' }, compliance: 'compliant' });
  });

  it('delete a profile of another name once nobody has invoked it for as long as the policy says', async () => {
    const tags = { tenant: 'acme', team: 'platform' };
    const unused = await governor.createProfile('bad-unused', governor.foundationModel(NOVA_PRO), tags);
    const used = await governor.createProfile('bad-used', governor.foundationModel(NOVA_PRO), { ...tags, app: 'desk' });
    await governor.aws.settled();
    await governor.aws.clock.advance(8 * DAY_MS);
    const tenant = governor.tenant({ tenant: 'acme', app: 'desk' });
    await tenant.call(NOVA_PRO, 'Is anybody there?');
    await tenant.close();
    await governor.aws.clock.advance(DAY_MS / 24);
    await governor.newNotices();
    await governor.sweep();
    await governor.sweep();
    const { inferenceProfileSummaries = [] } = await governor.bedrock.send(
      new ListInferenceProfilesCommand({ typeEquals: 'APPLICATION' }),
    );
    expect(inferenceProfileSummaries.map(({ inferenceProfileName }) => inferenceProfileName).sort()).toEqual([
      'bad-used',
      'good-by-ci',
    ]);
    expect((await governor.indexEntry(unused))?.endedAt).toBeTypeOf('number');
    expect((await governor.indexEntry(used))?.endedAt).toBeUndefined();
    expect(await governor.newNotices()).toEqual(['profile-deleted: Bedrock profile bad-unused was deleted']);
  });
});
