import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contextOf } from '../../local/iam/context.ts';
import { type Decision, decide, denialIn, readPolicy } from '../../local/iam/policy.ts';
import type { JsonObject } from '../../local/service.ts';

const TABLE = 'arn:aws:dynamodb:us-east-1:123456789012:table/ledger';
const policy = (...Statement: JsonObject[]): JsonObject => ({ Version: '2012-10-17', Statement });
const allow = (rest: JsonObject = {}): JsonObject => ({ Effect: 'Allow', Action: '*', Resource: '*', ...rest });
const decisionOn = (
  documents: JsonObject[],
  values: Record<string, string | string[]> = {},
  action = 'dynamodb:GetItem',
  resource = TABLE,
): Decision => decide(documents.map(readPolicy), { action, resource, context: contextOf(values) });
const under = (Condition: JsonObject, values: Record<string, string | string[]>): boolean =>
  decisionOn([policy(allow({ Condition }))], values) === 'allowed';

describe('an identity policy', () => {
  it('allows what a statement allows, denies what one denies, and denies the rest', () => {
    expect(decisionOn([])).toBe('implicitly-denied');
    expect(decisionOn([policy(allow())])).toBe('allowed');
    expect(decisionOn([policy(allow()), policy({ ...allow(), Effect: 'Deny' })])).toBe('explicitly-denied');
    expect(decisionOn([policy({ ...allow(), Effect: 'Deny', Action: 's3:*' }, allow())])).toBe('allowed');
  });

  it.each([
    ['dynamodb:GetItem', true],
    ['DynamoDB:getitem', true],
    ['dynamodb:Get*', true],
    ['dynamodb:?etItem', true],
    ['dynamodb:Get', false],
    ['dynamodb:BatchGetItem', false],
  ])('of the action %s', (Action, allowed) => {
    expect(decisionOn([policy(allow({ Action }))]) === 'allowed').toBe(allowed);
    expect(decisionOn([policy(allow({ Action: undefined, NotAction: Action }))]) === 'allowed').toBe(!allowed);
  });

  it.each([
    [TABLE, true],
    ['arn:aws:dynamodb:*:123456789012:table/*', true],
    ['arn:aws:dynamodb:*:*:table/ledge?', true],
    ['arn:aws:dynamodb:us-east-1:123456789012:table/led', false],
    ['arn:aws:*:table/ledger:x:y:z', false],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: IAM does the substitution
    ['arn:aws:dynamodb:us-east-1:123456789012:table/${aws:PrincipalTag/table}', true],
  ])('of the resource %s', (Resource, allowed) => {
    const values = { 'aws:PrincipalTag/table': 'ledger' };
    expect(decisionOn([policy(allow({ Resource }))], values) === 'allowed').toBe(allowed);
    const not = policy(allow({ Resource: undefined, NotResource: Resource }));
    expect(decisionOn([not], values) === 'allowed').toBe(!allowed);
  });

  // biome-ignore-start lint/suspicious/noTemplateCurlyInString: IAM does the substitution
  it.each([
    [{ StringEquals: { 'aws:ResourceTag/tenant': ['a', 'b'] } }, { 'aws:ResourceTag/tenant': 'b' }, true],
    [{ StringEquals: { 'aws:resourcetag/TENANT': 'b' } }, { 'aws:ResourceTag/tenant': 'b' }, true],
    [{ StringEquals: { 'aws:ResourceTag/tenant': 'a*' } }, { 'aws:ResourceTag/tenant': 'ab' }, false],
    [{ StringEquals: { 'aws:ResourceTag/tenant': 'a' } }, {}, false],
    [{ StringEqualsIfExists: { 'aws:ResourceTag/tenant': 'a' } }, {}, true],
    [{ StringNotEquals: { 'aws:ResourceTag/tenant': ['a', 'b'] } }, { 'aws:ResourceTag/tenant': 'b' }, false],
    [{ StringNotEquals: { 'aws:ResourceTag/tenant': 'a' } }, {}, true],
    [{ StringLike: { 'aws:ResourceTag/tenant': 'a*' } }, { 'aws:ResourceTag/tenant': 'ab' }, true],
    [{ StringEquals: { 'aws:ResourceTag/t': '${aws:PrincipalTag/t}' } }, { 'aws:ResourceTag/t': 'x' }, false],
    [
      { StringEquals: { 'aws:ResourceTag/t': '${aws:PrincipalTag/t}' } },
      { 'aws:ResourceTag/t': 'x', 'aws:PrincipalTag/t': 'x' },
      true,
    ],
    // A wildcard in a tag is no wildcard.
    [
      { StringLike: { 'aws:ResourceTag/t': '${aws:PrincipalTag/t}' } },
      { 'aws:ResourceTag/t': 'other', 'aws:PrincipalTag/t': '*' },
      false,
    ],
    [{ StringLike: { 'aws:ResourceTag/t': '${*}' } }, { 'aws:ResourceTag/t': 'other' }, false],
    [{ Null: { 'bedrock:InferenceProfileArn': 'true' } }, {}, true],
    [{ Null: { 'bedrock:InferenceProfileArn': 'false' } }, {}, false],
    [{ Bool: { 'aws:SecureTransport': 'false' } }, { 'aws:SecureTransport': 'true' }, false],
    [
      { ArnLike: { 'aws:PrincipalArn': 'arn:aws:iam::*:role/bcg-*' } },
      { 'aws:PrincipalArn': 'arn:aws:iam::1:role/bcg-a' },
      true,
    ],
    [{ ArnLike: { 'aws:PrincipalArn': 'arn:aws:iam:*' } }, { 'aws:PrincipalArn': 'arn:aws:iam::1:role/a' }, false],
    [
      { 'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': ['a', 'b'] } },
      { 'dynamodb:LeadingKeys': ['b', 'a'] },
      true,
    ],
    [{ 'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': 'a' } }, { 'dynamodb:LeadingKeys': ['a', 'c'] }, false],
    [{ 'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': 'a' } }, {}, true],
    [{ 'ForAnyValue:StringLike': { 'aws:TagKeys': 'gov*' } }, { 'aws:TagKeys': ['x', 'governor'] }, true],
    [{ 'ForAnyValue:StringLike': { 'aws:TagKeys': 'gov*' } }, {}, false],
    [
      { Null: { 'dynamodb:LeadingKeys': 'false' }, 'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': 'a' } },
      {},
      false,
    ],
  ] satisfies [JsonObject, Record<string, string | string[]>, boolean][])(
    'under %j with %j: %s',
    (condition, values, holds) => {
      expect(under(condition, values)).toBe(holds);
    },
  );

  it.each([
    ['an operator', { NumericLessThan: { 'aws:PrincipalArn': '5' } }],
    ['an operator that everything has', { toString: { 'aws:PrincipalArn': '5' } }],
    ['a set of nulls', { 'ForAllValues:Null': { 'aws:TagKeys': 'true' } }],
    ['a key', { StringEquals: { 'aws:SourceIp': '127.0.0.1' } }],
    ['a variable', { StringEquals: { 'aws:ResourceTag/t': '${aws:SourceIp}' } }],
    ['a variable of several values', { StringEquals: { 'aws:ResourceTag/t': '${aws:TagKeys}' } }],
    ['several values without a set', { StringEquals: { 'dynamodb:LeadingKeys': 'a' } }],
    ['a truth', { Null: { 'aws:PrincipalArn': 'maybe' } }],
    ['no value', { StringEquals: { 'aws:PrincipalArn': [] } }],
  ])('is refused for %s that is not modelled', (_name, Condition) => {
    expect(() => readPolicy(policy(allow({ Condition })))).toThrow(RangeError);
  });
  // biome-ignore-end lint/suspicious/noTemplateCurlyInString: IAM does the substitution

  it.each([
    ['an older version', { Version: '2008-10-17', Statement: [allow()] }],
    ['no statement', { Version: '2012-10-17' }],
    ['a principal', policy(allow({ Principal: '*' }))],
    ['an unknown effect', policy(allow({ Effect: 'allow' }))],
    ['both Action and NotAction', policy(allow({ NotAction: 's3:*' }))],
    ['no resource', policy(allow({ Resource: undefined }))],
    ['something that is no ARN', policy(allow({ Resource: 'ledger' }))],
    ['something that is no action', policy(allow({ Action: 'GetItem' }))],
  ])('is refused for %s', (_name, document) => {
    expect(() => readPolicy(document)).toThrow(RangeError);
  });

  it('lets no tag value reach beyond itself, whatever it contains', () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: IAM does the substitution
    const Condition = { StringLike: { 'aws:ResourceTag/t': 'x-${aws:PrincipalTag/t}' } };
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('*', '?', '.', '$', '{', 'a') }), fc.string(), (mine, other) => {
        const values = { 'aws:PrincipalTag/t': mine, 'aws:ResourceTag/t': `x-${other}` };
        expect(under(Condition, values)).toBe(mine === other);
      }),
    );
  });
});

describe('a boundary, service control policies and identity policies together', () => {
  const request = { action: 'dynamodb:GetItem', resource: TABLE, context: contextOf({}) };
  const allows = readPolicy(policy(allow()));
  const denies = readPolicy(policy({ ...allow(), Effect: 'Deny' }));
  const silent = readPolicy(policy(allow({ Action: 's3:*' })));
  const layers = { identity: [allows], boundary: [allows], serviceControl: [allows] };

  it('allow what each of them allows, where those that are not there have no say', () => {
    expect(denialIn(layers, request)).toBeUndefined();
    expect(denialIn({ ...layers, boundary: undefined, serviceControl: undefined }, request)).toBeUndefined();
  });

  it.each(['identity', 'boundary', 'serviceControl'] as const)(
    'deny what %s alone denies or does not allow',
    (layer) => {
      const denial = (policies: (typeof allows)[]) => denialIn({ ...layers, [layer]: policies }, request);
      expect(denial([allows, denies])).toEqual({ decision: 'explicitly-denied', layer });
      expect(denial([silent])).toEqual({ decision: 'implicitly-denied', layer });
      expect(denial([])).toEqual({ decision: 'implicitly-denied', layer });
    },
  );

  it('tell an explicit deny before what nobody allows', () => {
    expect(denialIn({ identity: [denies], boundary: [silent], serviceControl: [] }, request)).toEqual({
      decision: 'explicitly-denied',
      layer: 'identity',
    });
  });
});
