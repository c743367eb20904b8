import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { accountOf, parseProfileArn, regionOf } from '../../../domain/profiles/profile-arn.ts';
import { type ProfileEvent, readProfileEvent } from '../../../domain/profiles/profile-event.ts';
import { at, EVENTS, event, mutationsOf, replaced } from '../event-fixtures.ts';

const ACCOUNT = '123456789012';
const ORIGINS = { accountId: ACCOUNT, regions: ['us-east-1', 'eu-west-1'] };
const arn = (id: string) => `arn:aws:bedrock:us-east-1:${ACCOUNT}:application-inference-profile/${id}`;

const PROFILE: Readonly<Record<string, string>> = {
  'cloudtrail-CreateInferenceProfile': arn('06vsfs68yb4g'),
  'cloudtrail-CreateInferenceProfile-untagged': arn('3yh6w4d8j7j3'),
  'cloudtrail-DeleteInferenceProfile': arn('06vsfs68yb4g'),
  'cloudtrail-TagResource': arn('06vsfs68yb4g'),
  'cloudtrail-UntagResource': arn('06vsfs68yb4g'),
};
const DECOYS: Readonly<Record<string, string>> = {
  'cloudtrail-TagResource-guardrail-decoy': 'a resource of another type',
  'cloudtrail-Converse-failed': 'a call that failed',
  'aws.tag-TagChange-ec2-doc': 'a resource of another type',
  'aws.ce-AnomalyDetected-doc': 'aws.ce / Anomaly Detected',
  'aws.ce-AnomalyDetected-tag-monitor': 'aws.ce / Anomaly Detected',
  'aws.cloudwatch-AlarmStateChange': 'aws.cloudwatch / CloudWatch Alarm State Change',
};

const tagChange = {
  version: '0',
  id: 'e1',
  'detail-type': 'Tag Change on Resource',
  source: 'aws.tag',
  account: ACCOUNT,
  time: '2026-11-20T09:15:30Z',
  region: 'us-east-1',
  resources: [arn('06vsfs68yb4g')],
  detail: {
    'changed-tag-keys': ['team'],
    tags: { team: 'x' },
    service: 'bedrock',
    'resource-type': 'application-inference-profile',
    version: 3,
  },
};

describe('readProfileEvent', () => {
  it.each([...EVENTS.keys()])('gives the right verdict on %s', (name) => {
    const expected =
      PROFILE[name] !== undefined
        ? { kind: 'profile', arn: PROFILE[name] }
        : DECOYS[name] !== undefined
          ? { kind: 'not-ours', why: DECOYS[name] }
          : { kind: 'unreadable', why: 'not an EventBridge event' };
    expect(readProfileEvent(event(name), ORIGINS)).toEqual(expected);
  });

  it('reads a tag change of a profile', () => {
    expect(readProfileEvent(tagChange, ORIGINS)).toEqual({ kind: 'profile', arn: arn('06vsfs68yb4g') });
  });

  it.each<[string, string, readonly string[], unknown, ProfileEvent['kind']]>([
    [
      'a deletion by bare id',
      'cloudtrail-DeleteInferenceProfile',
      ['requestParameters', 'inferenceProfileIdentifier'],
      '06vsfs68yb4g',
      'profile',
    ],
    [
      'a deletion by an encoded ARN',
      'cloudtrail-DeleteInferenceProfile',
      ['requestParameters', 'inferenceProfileIdentifier'],
      encodeURIComponent(arn('06vsfs68yb4g')),
      'profile',
    ],
    ['a deletion of nothing', 'cloudtrail-DeleteInferenceProfile', ['requestParameters'], null, 'unreadable'],
    [
      'a deletion of a system profile',
      'cloudtrail-DeleteInferenceProfile',
      ['requestParameters', 'inferenceProfileIdentifier'],
      'us.amazon.nova-lite-v1:0',
      'unreadable',
    ],
    [
      'the other spelling of the resource',
      'cloudtrail-TagResource',
      ['requestParameters'],
      { resourceArn: arn('06vsfs68yb4g'), tags: { a: 'b' } },
      'profile',
    ],
    ['a tagging without parameters', 'cloudtrail-TagResource', ['requestParameters'], null, 'unreadable'],
    ['a creation without an answer', 'cloudtrail-CreateInferenceProfile', ['responseElements'], null, 'unreadable'],
    [
      'a creation that answers with a system profile',
      'cloudtrail-CreateInferenceProfile',
      ['responseElements', 'inferenceProfileArn'],
      arn('x').replace('application-', ''),
      'unreadable',
    ],
    ['a denied call', 'cloudtrail-TagResource', ['errorCode'], 'AccessDenied', 'not-ours'],
    ['a null error code', 'cloudtrail-TagResource', ['errorCode'], null, 'profile'],
    ['another API', 'cloudtrail-TagResource', ['eventSource'], 'bedrock-agent.amazonaws.com', 'not-ours'],
    ['another call', 'cloudtrail-TagResource', ['eventName'], 'CreateGuardrail', 'not-ours'],
    [
      'a profile of another account',
      'cloudtrail-TagResource',
      ['requestParameters', 'resourceARN'],
      arn('06vsfs68yb4g').replace(ACCOUNT, '999999999999'),
      'not-ours',
    ],
    ['a name that objects inherit', 'cloudtrail-TagResource', ['eventName'], 'constructor', 'not-ours'],
  ])('takes %s for what it is', (_, name, path, by, kind) => {
    const original = event(name);
    const detail = at(original, ['detail']);
    if (typeof detail !== 'object' || detail === null) throw new Error(`${name} has no detail`);
    // A member that is not there yet is added.
    const [first = ''] = path;
    const changed = first in detail ? replaced(detail, path, by) : { ...detail, [first]: by };
    expect(readProfileEvent(replaced(original, ['detail'], changed), ORIGINS).kind).toBe(kind);
  });

  describe.each([['a call', event('cloudtrail-TagResource')] as const, ['a tag change', tagChange] as const])(
    '%s',
    (_, original) => {
      const there = (change: object) => {
        const text = JSON.stringify(original).replaceAll('us-east-1', 'eu-west-1');
        return { ...(JSON.parse(text) as object), ...change };
      };

      it('that another governed Region forwarded is read as one of the home Region', () => {
        expect(readProfileEvent(there({}), ORIGINS)).toEqual({
          kind: 'profile',
          arn: arn('06vsfs68yb4g').replace('us-east-1', 'eu-west-1'),
        });
      });

      it.each<[string, object, string]>([
        ['another account', { account: '999999999999' }, 'an event of another account'],
        ['no account', { account: undefined }, 'an event of another account'],
        ['a Region that is not governed', { region: 'eu-north-1' }, 'an event of a Region that is not governed'],
        ['no Region', { region: undefined }, 'an event of a Region that is not governed'],
        [
          'a Region that is a name which objects inherit',
          { region: 'constructor' },
          'an event of a Region that is not governed',
        ],
        ['another Region than the profile', { region: 'us-east-1' }, 'a profile of another Region than the event'],
      ])('that says it comes from %s is not ours', (_place, change, why) => {
        expect(readProfileEvent(there(change), ORIGINS)).toEqual({ kind: 'not-ours', why });
      });
    },
  );

  it.each([
    ...Object.keys(PROFILE),
    'cloudtrail-TagResource-guardrail-decoy',
    'cloudtrail-Converse-failed',
    'tag change',
  ])('never throws on a damaged %s, and never names a profile of another account or no profile at all', (name) => {
    const original = name === 'tag change' ? tagChange : event(name);
    fc.assert(
      fc.property(mutationsOf(original), (mutant) => {
        const seen = readProfileEvent(mutant, ORIGINS);
        if (seen.kind === 'profile') {
          expect(parseProfileArn(seen.arn)).toBe(seen.arn);
          expect(accountOf(seen.arn)).toBe(ACCOUNT);
          expect(regionOf(seen.arn)).toBe('us-east-1');
          expect(mutant).toMatchObject({ account: ACCOUNT, region: 'us-east-1' });
        } else expect(seen.why.length).toBeLessThanOrEqual(450);
      }),
      { numRuns: 150 },
    );
  });

  it('never throws on anything else', () => {
    fc.assert(
      fc.property(fc.anything(), (anything) => {
        expect(readProfileEvent(anything, ORIGINS).kind).toBe('unreadable');
      }),
    );
  });
});
