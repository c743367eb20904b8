import { describe, expect, it } from 'vitest';
import { geographiesOf, readModelId } from '../../../domain/profiles/wanted-model.ts';
import { profileArn } from '../governed-account.ts';

const NOVA = 'amazon.nova-lite-v1:0';

describe('a model id', () => {
  it('names a base model', () => {
    expect(readModelId(NOVA)).toEqual({ kind: 'model', baseModelId: NOVA });
    expect(readModelId(`arn:aws:bedrock:::foundation-model/${NOVA}`)).toEqual({ kind: 'model', baseModelId: NOVA });
    expect(readModelId(`arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/${NOVA}`)).toEqual({
      kind: 'model',
      baseModelId: NOVA,
      region: 'us-gov-west-1',
    });
  });

  it.each([
    ['us', 'us-east-1', 'us-gov-west-1'],
    ['us-gov', 'us-gov-west-1', 'us-east-1'],
    ['eu', 'eu-central-1', 'us-east-1'],
    ['apac', 'ap-south-1', 'eu-west-1'],
    ['jp', 'ap-northeast-1', 'ap-southeast-2'],
    ['au', 'ap-southeast-2', 'ap-northeast-1'],
    ['ca', 'ca-central-1', 'us-east-1'],
  ])('names the system profile of the geography %s', (prefix, inside, outside) => {
    const wanted = readModelId(`${prefix}.${NOVA}`);
    expect(wanted).toMatchObject({ kind: 'model', baseModelId: NOVA, source: 'geo', geography: prefix });
    expect(geographiesOf({ region: inside })).toContain(prefix);
    expect(geographiesOf({ region: outside })).not.toContain(prefix);
  });

  it('names a global profile, and a system profile by its ARN with its Region', () => {
    expect(readModelId(`global.${NOVA}`)).toEqual({ kind: 'model', baseModelId: NOVA, source: 'global' });
    expect(readModelId(`arn:aws:bedrock:us-east-1:123456789012:inference-profile/global.${NOVA}`)).toEqual({
      kind: 'model',
      baseModelId: NOVA,
      source: 'global',
      region: 'us-east-1',
    });
  });

  it('names an application profile by its ARN, percent-encoded too', () => {
    const arn = profileArn('abc');
    expect(readModelId(arn)).toEqual({ kind: 'profile', arn });
    expect(readModelId(encodeURIComponent(arn))).toEqual({ kind: 'profile', arn });
  });

  it.each([
    'arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abc',
    'arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/NOT-ONE',
    'arn:aws:s3:::bucket',
    `arn:aws:bedrock:us-east-1::foundation-model/${NOVA}/more`,
  ])('is foreign: %s', (modelId) => {
    expect(readModelId(modelId)).toEqual({ kind: 'foreign' });
  });

  it('is a word that objects inherit, and nothing more', () => {
    expect(readModelId('constructor.x')).toEqual({ kind: 'model', baseModelId: 'constructor.x' });
  });
});
