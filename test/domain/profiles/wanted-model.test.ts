import { describe, expect, it } from 'vitest';
import { GEOGRAPHIES } from '../../../domain/profiles/geography.ts';
import { readModelId } from '../../../domain/profiles/wanted-model.ts';
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

  it.each(GEOGRAPHIES)('names the system profile of the geography %s', (geography) => {
    const wanted = readModelId(`${geography}.${NOVA}`);
    expect(wanted).toEqual({ kind: 'model', baseModelId: NOVA, source: 'geo', geography });
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
