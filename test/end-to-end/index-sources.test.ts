import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { GetParameterCommand, PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { profileIndexTable } from '../../aws/dynamodb/profile-index-table.ts';
import { indexDocument } from '../../aws/index-document.ts';
import { epochMs } from '../../domain/clock.ts';
import { parameterIndex, resolverIndex, secretIndex } from '../../invoke/index.ts';
import type { IndexChoice } from '../../invoke/index-sources.ts';
import { AwsFault } from '../../local/service.ts';
import { refusalOf } from '../invoke/governed-aws.ts';
import { DeployedGovernor, NOVA_PRO, PREFIX } from './deployed-governor.ts';

const MODEL = `us.${NOVA_PRO}`;
const PARAMETER = `/${PREFIX}/index`;
const RESOLVER = `${PREFIX}-resolve-profile`;
const BUDGET = 'tenant-monthly/alpine-re';

let governor: DeployedGovernor;
let profileArn: string;
let ssm: SSMClient;
let secrets: SecretsManagerClient;
let lambda: LambdaClient;

/** While it works, the table can be reached by nobody. */
async function withoutTable<T>(work: () => Promise<T>): Promise<T> {
  const stop = governor.aws.intercept(({ service }) =>
    service === 'dynamodb' ? new AwsFault('InternalServerError', 'Away.', 500) : undefined,
  );
  try {
    return await work();
  } finally {
    stop();
  }
}

const ask = async (request: unknown): Promise<Record<string, unknown>> => {
  const { Payload, FunctionError } = await lambda.send(
    new InvokeCommand({ FunctionName: RESOLVER, Payload: JSON.stringify(request) }),
  );
  expect(FunctionError).toBeUndefined();
  return JSON.parse(new TextDecoder().decode(Payload)) as Record<string, unknown>;
};

beforeAll(async () => {
  governor = await DeployedGovernor.start('2026-11-20T10:01:00Z');
  const config = {
    endpoint: governor.aws.endpoint,
    region: governor.aws.homeRegion,
    credentials: { accessKeyId: 'tenant', secretAccessKey: 'not-verified' },
    maxAttempts: 1,
  };
  ssm = new SSMClient(config);
  secrets = new SecretsManagerClient(config);
  lambda = new LambdaClient(config);
  await governor.stopSweeping();
  const tags = { tenant: 'alpine-re', dept: 'claims', team: 'claims', app: 'triage' };
  profileArn = await governor.createProfile('alpine-claims', governor.systemProfile(MODEL), tags);
  await governor.aws.settled();
  await governor.sweep();
});
afterAll(() => governor.close());

describe('the sweep', () => {
  it('publishes the index in Parameter Store, and writes it again only where it says something new', async () => {
    const { Parameter } = await ssm.send(new GetParameterCommand({ Name: `${PARAMETER}/0` }));
    expect(JSON.parse(Parameter?.Value ?? '')).toMatchObject({ schema: 1, parts: 1 });
    await governor.sweep();
    const again = await ssm.send(new GetParameterCommand({ Name: `${PARAMETER}/0` }));
    expect(again.Parameter?.Version).toBe(Parameter?.Version);
    await ssm.send(new PutParameterCommand({ Name: `${PARAMETER}/0`, Value: 'spoilt', Overwrite: true }));
    await governor.sweep();
    const mended = await ssm.send(new GetParameterCommand({ Name: `${PARAMETER}/0` }));
    expect(JSON.parse(mended.Parameter?.Value ?? '')).toMatchObject({ schema: 1, parts: 1 });
  });
});

describe('the function resolve-profile', () => {
  it('answers from the published index when it starts while the table is away, and from the table after that', async () => {
    const request = { version: 1, modelId: MODEL, tags: { tenant: 'alpine-re' } };
    await withoutTable(async () => expect(await ask(request)).toMatchObject({ kind: 'profile', profileArn }));
    const later = await governor.createProfile('later', governor.systemProfile(MODEL), {
      tenant: 'later',
      dept: 'sales',
      team: 'sales',
      app: 'chat',
    });
    await governor.aws.settled();
    await governor.aws.clock.advance(2_000);
    expect(await ask({ ...request, tags: { tenant: 'later' } })).toMatchObject({ profileArn: later });
  });
});

describe.each<[string, () => Promise<IndexChoice>]>([
  ['the parameter that the sweep writes', async () => parameterIndex({ name: PARAMETER, client: ssm })],
  [
    'a secret with a copy of the index',
    async () => {
      const entries = await profileIndexTable(governor.dynamodb, governor.table).list();
      const SecretString = indexDocument({ entries, withheld: [], writtenAt: epochMs(governor.aws.clock.now()) });
      await secrets.send(new CreateSecretCommand({ Name: 'governor-index', SecretString }));
      return secretIndex({ secretId: 'governor-index', client: secrets });
    },
  ],
  ['the function resolve-profile', async () => resolverIndex({ functionName: RESOLVER, client: lambda })],
])('a tenant whose index is %s', (_, choose) => {
  it('calls through its profile, and its budgets count it', async () => {
    await governor.sweep();
    const index = await choose();
    const before = (await governor.ledger(BUDGET, '2026-11'))?.settled ?? 0n;
    const tenant = governor.tenant({ tenant: 'alpine-re' }, { index });
    await tenant.call(MODEL, 'Is the roof insured?');
    const foreign = await refusalOf(governor.tenant({ tenant: 'nobody' }, { index }).call(profileArn, 'Hello'));
    expect(['TenantMismatch', 'ProfileNotFound']).toContain(foreign.code);
    await tenant.close();
    const after = (await governor.ledger(BUDGET, '2026-11'))?.settled ?? 0n;
    expect(after).toBeGreaterThan(before);
    expect(governor.billed(profileArn)).toBe(after);
  });
});
