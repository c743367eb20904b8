import { BedrockClient, CreateInferenceProfileCommand } from '@aws-sdk/client-bedrock';
import { CloudTrailClient } from '@aws-sdk/client-cloudtrail';
import { IAMClient } from '@aws-sdk/client-iam';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cloudTrailCreators, LOOKUP_EVENTS_PACE } from '../../aws/cloudtrail-creators.ts';
import { Pace } from '../../aws/pace.ts';
import { type ProfileArn, parseProfileArn } from '../../domain/profiles/profile-arn.ts';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';
import { AwsFault } from '../../local/service.ts';
import { profileArn } from '../domain/governed-account.ts';
import { clientConfig } from './client-config.ts';

const ROLE = { accessKeyId: 'ASIACI', accountId: '123456789012', userId: 'AROACI:run-7' };

let aws: EmbeddedAws;
let asked: string[];
beforeEach(async () => {
  aws = await startEmbeddedAws();
  asked = [];
  aws.observe((seen) => {
    if (seen.kind === 'request' && /LookupEvents|ListRoleTags/.test(seen.call.operation))
      asked.push(seen.call.operation);
  });
  aws.registerPrincipal({
    ...ROLE,
    arn: 'arn:aws:sts::123456789012:assumed-role/ci-deploy/run-7',
    tags: { Tenant: 'acme', 'cost center': '42' },
  });
});
afterEach(() => aws.close());

async function create(accessKeyId: string, name: string, region = 'us-east-1'): Promise<ProfileArn> {
  const config = { ...clientConfig(aws, region), credentials: { accessKeyId, secretAccessKey: 'any' } };
  const { inferenceProfileArn = '' } = await new BedrockClient(config).send(
    new CreateInferenceProfileCommand({
      inferenceProfileName: name,
      modelSource: { copyFrom: `arn:aws:bedrock:${region}::foundation-model/anthropic.claude-3-haiku-20240307-v1:0` },
    }),
  );
  const arn = parseProfileArn(inferenceProfileArn);
  if (arn === undefined) throw new Error(inferenceProfileArn);
  return arn;
}
const creators = () =>
  cloudTrailCreators({
    cloudTrailIn: (region) => new CloudTrailClient({ ...clientConfig(aws, region), maxAttempts: 1 }),
    paceIn: () => new Pace({ ...LOOKUP_EVENTS_PACE, wait: async () => {} }),
    iam: new IAMClient({ ...clientConfig(aws), maxAttempts: 1 }),
  });

describe('who created a profile', () => {
  it('is the role of the call, with its tags as IAM has them, each role read once', async () => {
    const finder = creators();
    const arn = await create('ASIACI', 'a', 'eu-central-1');
    const known = { kind: 'known', creator: { role: 'ci-deploy', tags: { Tenant: 'acme', 'cost center': '42' } } };
    expect(await finder.find(arn)).toEqual(known);
    expect(await finder.find(await create('ASIACI', 'b'))).toEqual(known);
    expect(asked).toEqual(['LookupEvents', 'ListRoleTags', 'LookupEvents']);
  });

  it('is found among the latest creations where CloudTrail does not know it by its name', async () => {
    const arn = await create('ASIACI', 'a');
    for (let i = 0; i < 60; i++) await create('someone', `other-${i}`);
    aws.intercept(({ operation }, input) =>
      operation === 'LookupEvents' && JSON.stringify(input).includes('ResourceName')
        ? { answer: { Events: [] } }
        : undefined,
    );
    expect(await creators().find(arn)).toMatchObject({ kind: 'known', creator: { role: 'ci-deploy' } });
    expect(asked).toEqual(['LookupEvents', 'LookupEvents', 'LookupEvents', 'ListRoleTags']);
  });

  it('is no role where a user created it, or a role of another account', async () => {
    aws.registerPrincipal({
      ...ROLE,
      accessKeyId: 'ASIAELSEWHERE',
      accountId: '999999999999',
      arn: 'arn:aws:sts::999999999999:assumed-role/ci-deploy/run-7',
    });
    for (const key of ['someone', 'ASIAELSEWHERE'])
      expect(await creators().find(await create(key, `of-${key}`))).toEqual({ kind: 'known', creator: 'no-role' });
    expect(asked).not.toContain('ListRoleTags');
  });

  it('is no role where the session has an empty issuer, as that of a user with MFA', async () => {
    const arn = await create('someone', 'a');
    const event = {
      eventName: 'CreateInferenceProfile',
      eventSource: 'bedrock.amazonaws.com',
      responseElements: { inferenceProfileArn: arn },
      userIdentity: {
        type: 'IAMUser',
        sessionContext: { sessionIssuer: {}, attributes: { mfaAuthenticated: 'true' } },
      },
    };
    aws.intercept(({ operation }) =>
      operation === 'LookupEvents' ? { answer: { Events: [{ CloudTrailEvent: JSON.stringify(event) }] } } : undefined,
    );
    expect(await creators().find(arn)).toEqual({ kind: 'known', creator: 'no-role' });
  });

  it.each([
    ['CloudTrail is throttled', 'LookupEvents', 'ThrottlingException'],
    ['CloudTrail is denied', 'LookupEvents', 'AccessDeniedException'],
    ['IAM is denied', 'ListRoleTags', 'AccessDenied'],
  ])('is not known while %s, and found when it is not any more', async (_, operation, code) => {
    const arn = await create('ASIACI', 'a');
    const finder = creators();
    const stop = aws.intercept((call) =>
      call.operation === operation ? new AwsFault(code, 'Not now.', 400) : undefined,
    );
    expect(await finder.find(arn)).toEqual({ kind: 'unknown', why: expect.stringContaining(code) });
    stop();
    expect(await finder.find(arn)).toMatchObject({ kind: 'known' });
  });

  it('is not looked for any longer once AWS takes too long, so that a sweep ends in its time', async () => {
    const arn = await create('ASIACI', 'a');
    aws.intercept(({ operation }) =>
      operation === 'LookupEvents' ? { answer: { Events: [], NextToken: 'more' } } : undefined,
    );
    let now = 0;
    const finder = cloudTrailCreators({
      cloudTrailIn: (region) => new CloudTrailClient({ ...clientConfig(aws, region), maxAttempts: 1 }),
      paceIn: () => new Pace({ ...LOOKUP_EVENTS_PACE, wait: async () => {} }),
      iam: new IAMClient({ ...clientConfig(aws), maxAttempts: 1 }),
      // Each request waits for its turn.
      now: () => (now += 12_000),
    });
    expect(await finder.find(arn)).toEqual({ kind: 'unknown', why: expect.stringContaining('too long') });
    expect(asked.length).toBeLessThanOrEqual(3);
  });

  it('insists on nothing where CloudTrail throttles: it is asked for again later', async () => {
    const arn = await create('ASIACI', 'a');
    aws.intercept(({ operation }) =>
      operation === 'LookupEvents' ? new AwsFault('ThrottlingException', 'Not now.', 400) : undefined,
    );
    await creators().find(arn);
    expect(asked).toEqual(['LookupEvents']);
  });

  it('is not known of a profile whose creation is not recorded, or failed', async () => {
    await expect(create('ASIACI', '-bad-')).rejects.toThrow();
    expect(await creators().find(profileArn('nobody'))).toEqual({
      kind: 'unknown',
      why: 'CloudTrail shows no creation of it',
    });
  });

  it('is asked for four profiles at a time, so that no function waits for minutes', async () => {
    const arn = await create('ASIACI', 'a');
    const finder = creators();
    const kinds = (await Promise.all(Array.from({ length: 9 }, () => finder.find(arn)))).map(({ kind }) => kind);
    expect(kinds).toEqual([...Array(4).fill('known'), ...Array(5).fill('busy')]);
    expect(await finder.find(arn)).toMatchObject({ kind: 'known' });
  });

  it('is not what somebody has put into the name or description of another profile', async () => {
    const arn = await create('someone', 'a');
    const event = {
      eventName: 'CreateInferenceProfile',
      eventSource: 'bedrock.amazonaws.com',
      requestParameters: { inferenceProfileArn: arn },
      responseElements: { inferenceProfileArn: profileArn('another') },
      userIdentity: {
        sessionContext: { sessionIssuer: { type: 'Role', userName: 'forged', accountId: '123456789012' } },
      },
    };
    aws.intercept(({ operation }, input) =>
      operation === 'LookupEvents' && JSON.stringify(input).includes('ResourceName')
        ? { answer: { Events: [{ CloudTrailEvent: JSON.stringify(event) }, { CloudTrailEvent: 'no JSON' }, {}] } }
        : undefined,
    );
    expect(await creators().find(arn)).toEqual({ kind: 'known', creator: 'no-role' });
  });
});
