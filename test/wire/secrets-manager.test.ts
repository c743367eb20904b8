import { randomUUID } from 'node:crypto';
import {
  CreateSecretCommand,
  DeleteSecretCommand,
  GetSecretValueCommand,
  type GetSecretValueCommandInput,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';

describe('Secrets Manager over the wire', () => {
  let aws: EmbeddedAws;
  let client: SecretsManagerClient;
  const clientIn = (region: string) =>
    new SecretsManagerClient({
      endpoint: aws.endpoint,
      region,
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      maxAttempts: 1,
    });
  beforeEach(async () => {
    aws = await startEmbeddedAws();
    client = clientIn('us-east-1');
  });
  afterEach(() => aws.close());

  const create = async (SecretString: string | undefined, ClientRequestToken: string = randomUUID()) =>
    client.send(new CreateSecretCommand({ Name: 'governor/index', SecretString, ClientRequestToken }));
  const put = async (SecretString: string, VersionStages?: string[], ClientRequestToken: string = randomUUID()) =>
    client.send(
      new PutSecretValueCommand({ SecretId: 'governor/index', SecretString, VersionStages, ClientRequestToken }),
    );
  const get = async (input: Partial<GetSecretValueCommandInput> = {}) =>
    client.send(new GetSecretValueCommand({ SecretId: 'governor/index', ...input }));

  it('gives back the current version by name, ARN, and ARN without its suffix', async () => {
    const { ARN = '', VersionId } = await create('one');
    expect(ARN).toMatch(/^arn:aws:secretsmanager:us-east-1:123456789012:secret:governor\/index-[a-z0-9]{6}$/);
    for (const SecretId of ['governor/index', ARN, ARN.slice(0, -7)]) {
      expect(await get({ SecretId })).toMatchObject({
        ARN,
        Name: 'governor/index',
        SecretString: 'one',
        VersionId,
        VersionStages: ['AWSCURRENT'],
      });
    }
    await expect(clientIn('eu-west-1').send(new GetSecretValueCommand({ SecretId: ARN }))).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
  });

  it('keeps bytes', async () => {
    const SecretBinary = Uint8Array.from([0, 255, 7]);
    await client.send(new CreateSecretCommand({ Name: 'bytes', SecretBinary }));
    expect((await get({ SecretId: 'bytes' })).SecretBinary).toEqual(SecretBinary);
  });

  it('moves the labels when a value is put', async () => {
    const first = await create('one');
    const second = await put('two');
    expect(second.VersionStages).toEqual(['AWSCURRENT']);
    expect(await get()).toMatchObject({ SecretString: 'two', VersionId: second.VersionId });
    expect(await get({ VersionStage: 'AWSPREVIOUS' })).toMatchObject({
      SecretString: 'one',
      VersionId: first.VersionId,
    });
    const pending = await put('three', ['AWSPENDING']);
    expect(await get()).toMatchObject({ SecretString: 'two' });
    expect(await get({ VersionStage: 'AWSPENDING' })).toMatchObject({ SecretString: 'three' });
    expect(await get({ VersionId: pending.VersionId })).toMatchObject({ VersionStages: ['AWSPENDING'] });
    await put('four');
    expect(await get({ VersionStage: 'AWSPREVIOUS' })).toMatchObject({ SecretString: 'two' });
    const unlabelled = await get({ VersionId: first.VersionId });
    expect(unlabelled.SecretString).toBe('one');
    expect(unlabelled.VersionStages).toBeUndefined();
    expect(await get({ VersionId: first.VersionId })).toMatchObject({ SecretString: 'one' });
  });

  it('takes the same version twice as once, and no other value for it', async () => {
    const token = randomUUID();
    await create('zero');
    await put('one', undefined, token);
    await put('one', undefined, token);
    expect(await get({ VersionStage: 'AWSPREVIOUS' })).toMatchObject({ SecretString: 'zero' });
    await expect(put('two', undefined, token)).rejects.toMatchObject({ name: 'ResourceExistsException' });
  });

  it('is created once', async () => {
    const token = randomUUID();
    const { ARN } = await create('one', token);
    expect(await create('one', token)).toMatchObject({ ARN });
    await expect(create('one')).rejects.toMatchObject({ name: 'ResourceExistsException' });
  });

  it('says what is not there', async () => {
    await expect(get()).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
      message: 'Secrets Manager can’t find the specified secret.',
      $metadata: { httpStatusCode: 400 },
    });
    await expect(put('x')).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    await create(undefined);
    await expect(get()).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
      message: 'Secrets Manager can’t find the specified secret value for staging label: AWSCURRENT',
    });
    const { VersionId } = await put('one');
    await expect(get({ VersionId: randomUUID() })).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    await expect(get({ VersionId, VersionStage: 'AWSPREVIOUS' })).rejects.toMatchObject({
      name: 'InvalidRequestException',
    });
    await client.send(new DeleteSecretCommand({ SecretId: 'governor/index', ForceDeleteWithoutRecovery: true }));
    await expect(get()).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  });

  it.each([
    ['a name with a space', { Name: 'a b', SecretString: 'x' }],
    ['two values', { Name: 'two', SecretString: 'x', SecretBinary: Uint8Array.from([1]) }],
    ['more than 64 KB', { Name: 'big', SecretString: 'x'.repeat(65_537) }],
  ])('refuses %s', async (_name, input) => {
    await expect(client.send(new CreateSecretCommand(input))).rejects.toMatchObject({ name: 'ValidationException' });
  });
});
