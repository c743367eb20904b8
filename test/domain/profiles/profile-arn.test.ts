import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  accountOf,
  parseProfileArn,
  profileArnOf,
  profileIdOf,
  regionOf,
} from '../../../domain/profiles/profile-arn.ts';

const ARN = 'arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/06vsfs68yb4g';

describe('parseProfileArn', () => {
  it.each([
    ARN,
    ARN.replace('arn:aws:', 'arn:aws-us-gov:').replace('us-east-1', 'us-gov-west-1'),
    ARN.replace('us-east-1', 'ap-southeast-4'),
  ])('reads %s', (text) => {
    expect(parseProfileArn(text)).toBe(text);
  });

  it('undoes percent-encoding once', () => {
    expect(parseProfileArn(encodeURIComponent(ARN))).toBe(ARN);
    expect(parseProfileArn(encodeURIComponent(encodeURIComponent(ARN)))).toBeUndefined();
  });

  it('gives the parts', () => {
    const arn = parseProfileArn(ARN);
    expect(arn && [regionOf(arn), accountOf(arn), profileIdOf(arn)]).toEqual([
      'us-east-1',
      '123456789012',
      '06vsfs68yb4g',
    ]);
  });

  it.each([
    '',
    '06vsfs68yb4g',
    `${ARN}\n`,
    ` ${ARN}`,
    `${ARN}/x`,
    ARN.toUpperCase(),
    `${ARN}${ARN}`,
    ARN.replace('application-inference-profile', 'inference-profile'),
    ARN.replace('123456789012', ''),
    ARN.replace('123456789012', '12345678901'),
    ARN.replace('us-east-1', ''),
    ARN.replace('bedrock', 'bedrock-agent'),
    ARN.replace('06vsfs68yb4g', ''),
    ARN.replace('06vsfs68yb4g', 'x'.repeat(65)),
    'arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0',
    '%',
    '%E0%A4%A',
    `${ARN}%00`,
    `${ARN}%0A`,
  ])('refuses %j', (text) => {
    expect(parseProfileArn(text)).toBeUndefined();
  });

  it('answers any text and never throws, and what it reads it reads again', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.stringMatching(/^arn:aws:bedrock:[a-z0-9-]{0,12}:\d{10,13}:application-inference-profile\/.{0,14}$/),
        ),
        (text) => {
          const arn = parseProfileArn(text);
          if (arn !== undefined) expect(parseProfileArn(arn)).toBe(arn);
        },
      ),
    );
  });
});

describe('profileArnOf', () => {
  it.each([
    ['us-east-1', 'arn:aws:'],
    ['us-gov-west-1', 'arn:aws-us-gov:'],
    ['cn-north-1', 'arn:aws-cn:'],
  ])('makes the ARN of a bare id in the partition of %s', (region, prefix) => {
    const arn = profileArnOf({ region, accountId: '123456789012', id: '06vsfs68yb4g' });
    expect(arn).toBe(`${prefix}bedrock:${region}:123456789012:application-inference-profile/06vsfs68yb4g`);
  });

  it('makes none of parts that would shift the others', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (region, accountId, id) => {
        const arn = profileArnOf({ region, accountId, id });
        if (arn !== undefined)
          expect([regionOf(arn), accountOf(arn), profileIdOf(arn)]).toEqual([region, accountId, id]);
      }),
    );
    const whole = { region: 'us-east-1:123456789012:application-inference-profile/x', accountId: '', id: 'y' };
    expect(profileArnOf(whole)).toBeUndefined();
  });
});
