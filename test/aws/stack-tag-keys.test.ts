import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stackTagKeys, tagKeysParameter } from '../../aws/stack-tag-keys.ts';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';
import { AwsFault } from '../../local/service.ts';
import { clientConfig } from './client-config.ts';

describe('the tag keys of the deployed stack', () => {
  let aws: EmbeddedAws;
  let ssm: SSMClient;
  beforeAll(async () => {
    aws = await startEmbeddedAws();
    ssm = new SSMClient({ ...clientConfig(aws), maxAttempts: 1 });
  });
  afterAll(() => aws.close());
  const put = (Value: string) =>
    ssm.send(new PutParameterCommand({ Name: tagKeysParameter('governor'), Value, Type: 'String', Overwrite: true }));

  it('are not known where there is no stack, or one that does not say', async () => {
    expect(await stackTagKeys(ssm, 'governor')).toMatchObject({
      kind: 'unknown',
      because: expect.stringContaining('there is no parameter /governor/mended-tag-keys'),
    });
    await put('team, environment');
    expect(await stackTagKeys(ssm, 'governor')).toMatchObject({ kind: 'unknown' });
    await put('{"team":1}');
    expect(await stackTagKeys(ssm, 'governor')).toMatchObject({
      kind: 'unknown',
      because: 'the parameter /governor/mended-tag-keys holds no list of tag keys',
    });
  });

  it('are what the stack says', async () => {
    await put('["team","cost centre"]');
    expect(await stackTagKeys(ssm, 'governor')).toEqual({ kind: 'known', keys: ['team', 'cost centre'] });
    await put('[]');
    expect(await stackTagKeys(ssm, 'governor')).toEqual({ kind: 'known', keys: [] });
  });

  it('are not known, rather than none, where they may not be read', async () => {
    const stop = aws.intercept(({ service }) =>
      service === 'ssm' ? new AwsFault('AccessDeniedException', 'no', 400) : undefined,
    );
    expect(await stackTagKeys(ssm, 'governor')).toEqual({
      kind: 'unknown',
      because: 'the parameter /governor/mended-tag-keys could not be read (AccessDeniedException)',
    });
    stop();
  });
});
