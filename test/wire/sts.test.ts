import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';

describe('STS over the wire', () => {
  let aws: EmbeddedAws;
  beforeAll(async () => {
    aws = await startEmbeddedAws({ accountId: '210987654321' });
  });
  afterAll(() => aws.close());

  const clientOf = (accessKeyId: string) =>
    new STSClient({
      endpoint: aws.endpoint,
      region: 'eu-west-1',
      credentials: { accessKeyId, secretAccessKey: 'any' },
    });

  it('takes an unknown access key for an IAM user of the account', async () => {
    const identity = await clientOf('AKIAIOSFODNN7EXAMPLE').send(new GetCallerIdentityCommand({}));
    expect(identity).toMatchObject({
      Account: '210987654321',
      Arn: 'arn:aws:iam::210987654321:user/AKIAIOSFODNN7EXAMPLE',
      UserId: 'AKIAIOSFODNN7EXAMPLE',
    });
  });

  it('takes a registered access key for the principal that it was registered for', async () => {
    aws.registerPrincipal({
      accessKeyId: 'ASIASWEEP',
      accountId: '210987654321',
      arn: 'arn:aws:sts::210987654321:assumed-role/governor-sweep/sweep',
      userId: 'AROASWEEP:sweep',
    });
    const identity = await clientOf('ASIASWEEP').send(new GetCallerIdentityCommand({}));
    expect(identity.Arn).toBe('arn:aws:sts::210987654321:assumed-role/governor-sweep/sweep');
    expect(identity.UserId).toBe('AROASWEEP:sweep');
  });

  it('refuses an unsigned call', async () => {
    const response = await fetch(aws.endpoint, {
      method: 'POST',
      body: new URLSearchParams({ Action: 'GetCallerIdentity' }),
    });
    expect(response.status).toBe(403);
    expect(await response.text()).toContain('<Code>MissingAuthenticationToken');
  });
});
