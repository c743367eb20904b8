import {
  DeleteParameterCommand,
  GetParameterCommand,
  GetParametersCommand,
  PutParameterCommand,
  type PutParameterCommandInput,
  SSMClient,
} from '@aws-sdk/client-ssm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';

const START = Date.UTC(2026, 10, 23, 10);

describe('Parameter Store over the wire', () => {
  let aws: EmbeddedAws;
  let ssm: SSMClient;
  const clientIn = (region: string) =>
    new SSMClient({
      endpoint: aws.endpoint,
      region,
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      maxAttempts: 1,
    });
  beforeEach(async () => {
    aws = await startEmbeddedAws({ startAt: START });
    ssm = clientIn('eu-west-1');
  });
  afterEach(() => aws.close());

  const put = async (input: Partial<PutParameterCommandInput> = {}) =>
    ssm.send(new PutParameterCommand({ Name: '/governor/index', Value: 'one', Type: 'String', ...input }));
  const get = async (Name = '/governor/index', WithDecryption = false) =>
    (await ssm.send(new GetParameterCommand({ Name, WithDecryption }))).Parameter;

  it('keeps what it is given, and every version of it', async () => {
    expect(await put()).toMatchObject({ Version: 1, Tier: 'Standard' });
    await aws.clock.advance(60_000);
    expect(await put({ Value: 'two', Overwrite: true })).toMatchObject({ Version: 2 });
    const latest = await get();
    expect(latest).toMatchObject({
      Name: '/governor/index',
      Type: 'String',
      Value: 'two',
      Version: 2,
      ARN: 'arn:aws:ssm:eu-west-1:123456789012:parameter/governor/index',
      DataType: 'text',
    });
    expect(latest?.LastModifiedDate?.getTime()).toBeGreaterThanOrEqual(START + 60_000);
    expect(await get('/governor/index:1')).toMatchObject({ Value: 'one', Version: 1, Selector: ':1' });
    expect(await get(latest?.ARN)).toEqual(latest);
    await expect(get('/governor/index:3')).rejects.toMatchObject({ name: 'ParameterVersionNotFound' });
  });

  it('forgets the oldest of more than a hundred versions', async () => {
    await put();
    for (let version = 2; version <= 101; version += 1) await put({ Value: `v${version}`, Overwrite: true });
    await expect(get('/governor/index:1')).rejects.toMatchObject({ name: 'ParameterVersionNotFound' });
    expect(await get('/governor/index:2')).toMatchObject({ Value: 'v2' });
  });

  it('overwrites only when told to', async () => {
    await put();
    await expect(put({ Value: 'two' })).rejects.toMatchObject({
      name: 'ParameterAlreadyExists',
      $metadata: { httpStatusCode: 400 },
    });
    expect(await get()).toMatchObject({ Value: 'one' });
    await expect(put({ Overwrite: true, Type: 'SecureString' })).rejects.toMatchObject({
      name: 'HierarchyTypeMismatchException',
    });
    expect(await put({ Overwrite: true, Type: undefined, Value: 'two' })).toMatchObject({ Version: 2 });
  });

  it('answers several at once, and names those that are not there', async () => {
    await put();
    await put({ Name: 'plain', Value: 'p' });
    const { Parameters, InvalidParameters } = await ssm.send(
      new GetParametersCommand({ Names: ['/governor/index', 'missing', 'plain'] }),
    );
    expect(Parameters?.map(({ Value }) => Value)).toEqual(['one', 'p']);
    expect(InvalidParameters).toEqual(['missing']);
    expect(await get('arn:aws:ssm:eu-west-1:123456789012:parameter/plain')).toMatchObject({ Value: 'p' });
    const eleven = Array.from({ length: 11 }, (_, index) => `n${index}`);
    await expect(ssm.send(new GetParametersCommand({ Names: eleven }))).rejects.toMatchObject({
      name: 'ValidationException',
      message: expect.stringContaining('less than or equal to 10'),
    });
  });

  it('shows a secure string only to who asks to decrypt it', async () => {
    await put({ Type: 'SecureString', Value: 'secret' });
    expect((await get())?.Value).not.toContain('secret');
    expect((await get('/governor/index', true))?.Value).toBe('secret');
  });

  it('is deleted for good, in its Region alone', async () => {
    await put();
    const remove = new DeleteParameterCommand({ Name: '/governor/index' });
    await expect(clientIn('us-east-1').send(remove)).rejects.toMatchObject({ name: 'ParameterNotFound' });
    await ssm.send(remove);
    await expect(get()).rejects.toMatchObject({ name: 'ParameterNotFound', $metadata: { httpStatusCode: 400 } });
    expect(await put()).toMatchObject({ Version: 1 });
  });

  describe('limits', () => {
    const bytes = (count: number) => 'x'.repeat(count);

    it('are 4 KB in the standard tier and 8 KB in the advanced', async () => {
      await put({ Value: bytes(4096) });
      await expect(put({ Value: bytes(4097), Overwrite: true })).rejects.toMatchObject({
        name: 'ValidationException',
        message: expect.stringContaining('Standard tier parameters support a maximum parameter value of 4096'),
      });
      expect(await put({ Value: bytes(8192), Overwrite: true, Tier: 'Advanced' })).toMatchObject({ Tier: 'Advanced' });
      await expect(put({ Value: bytes(8193), Overwrite: true, Tier: 'Advanced' })).rejects.toMatchObject({
        message: expect.stringContaining('Advanced tier parameters support a maximum parameter value of 8192'),
      });
      await expect(put({ Overwrite: true, Tier: 'Standard' })).rejects.toMatchObject({
        message: expect.stringContaining('can’t downgrade'),
      });
      expect(await put({ Overwrite: true })).toMatchObject({ Tier: 'Advanced' });
    });

    it('choose the tier when that is asked', async () => {
      expect(await put({ Tier: 'Intelligent-Tiering' })).toMatchObject({ Tier: 'Standard' });
      expect(await put({ Tier: 'Intelligent-Tiering', Value: bytes(5000), Overwrite: true })).toMatchObject({
        Tier: 'Advanced',
      });
    });

    it.each([
      ['no type for a new parameter', { Type: undefined }, 'ValidationException', /type is required/],
      ['an unknown type', { Type: 'Number' as 'String' }, 'ValidationException', /'type' failed to satisfy/],
      ['a relative path', { Name: 'a/b' }, 'ValidationException', /fully qualified/],
      ['a forbidden sign', { Name: 'a b' }, 'ValidationException', /Parameter name/],
      ['the prefix aws', { Name: '/aws/x' }, 'AccessDeniedException', /reserved parameter name/],
      ['the prefix ssm', { Name: 'ssm-x' }, 'ValidationException', /can’t be prefixed/],
      ['too many levels', { Name: '/a'.repeat(16) }, 'HierarchyLevelLimitExceededException', /15 levels/],
      ['tags for an overwrite', { Overwrite: true, Tags: [{ Key: 'a', Value: 'b' }] }, 'ValidationException', /tags/],
    ] satisfies [string, Partial<PutParameterCommandInput>, string, RegExp][])(
      'exclude %s',
      async (_name, input, name, message) => {
        await expect(put(input)).rejects.toMatchObject({ name, message: expect.stringMatching(message) });
      },
    );
  });
});
