import { describe, expect, it } from 'vitest';
import { allowsService } from '../../local/resource-policy.ts';
import type { JsonObject } from '../../local/service.ts';

const TOPIC = 'arn:aws:sns:us-east-1:123456789012:alerts';
const REQUEST = {
  service: 'budgets.amazonaws.com',
  action: 'sns:Publish',
  resource: TOPIC,
  sourceArn: 'arn:aws:budgets::123456789012:budget/bcg/acme',
  sourceAccount: '123456789012',
};
const ALLOW: JsonObject = {
  Effect: 'Allow',
  Principal: { Service: 'budgets.amazonaws.com' },
  Action: 'SNS:Publish',
  Resource: TOPIC,
};
const allowed = (...statements: JsonObject[]): boolean => allowsService({ Statement: statements }, REQUEST);
const when = (Condition: JsonObject): boolean => allowed({ ...ALLOW, Condition });

describe('a resource policy and an AWS service', () => {
  it.each<[string, JsonObject, boolean]>([
    ['the service by name', {}, true],
    ['one of several services', { Principal: { Service: ['events.amazonaws.com', 'budgets.amazonaws.com'] } }, true],
    ['another service', { Principal: { Service: 'costalerts.amazonaws.com' } }, false],
    ['an account', { Principal: { AWS: 'arn:aws:iam::123456789012:root' } }, false],
    ['everybody', { Principal: '*' }, true],
    ['nobody', { Principal: undefined }, false],
    ['all actions of the service', { Action: 'sns:*' }, true],
    ['another action', { Action: ['sns:Subscribe'] }, false],
    ['resources by pattern', { Resource: 'arn:aws:sns:*:123456789012:al?rts' }, true],
    ['another resource', { Resource: `${TOPIC}-2` }, false],
  ])('allows or not: %s', (_, change, expected) => {
    expect(allowed({ ...ALLOW, ...change })).toBe(expected);
  });

  it.each<[string, JsonObject, boolean]>([
    ['its own account', { StringEquals: { 'aws:SourceAccount': '123456789012' } }, true],
    ['another account', { StringEquals: { 'AWS:SourceAccount': ['1', '2'] } }, false],
    ['a pattern of sources', { ArnLike: { 'aws:SourceArn': 'arn:aws:budgets::123456789012:*' } }, true],
    ['another source', { ArnEquals: { 'aws:SourceArn': 'arn:aws:budgets::123456789012:budget/other' } }, false],
    [
      'two conditions of which one fails',
      { StringEquals: { 'aws:SourceAccount': '123456789012' }, ArnLike: { 'aws:SourceArn': 'x' } },
      false,
    ],
    ['a key that services do not carry', { StringEquals: { 'AWS:SourceOwner': '123456789012' } }, false],
    ['the same, if it exists', { StringEqualsIfExists: { 'AWS:SourceOwner': '1' } }, true],
    ['its absence', { Null: { 'aws:PrincipalOrgID': 'true' } }, true],
    ['a negated match', { StringNotEquals: { 'aws:SourceAccount': '123456789012' } }, false],
    ['transport', { Bool: { 'aws:SecureTransport': 'false' } }, false],
  ])('on the condition of %s', (_, condition, expected) => {
    expect(when(condition)).toBe(expected);
  });

  it('lets a denial win', () => {
    expect(allowed(ALLOW, { ...ALLOW, Effect: 'Deny' })).toBe(false);
    expect(allowed(ALLOW, { ...ALLOW, Effect: 'Deny', Principal: { Service: 'events.amazonaws.com' } })).toBe(true);
  });

  it('allows nothing without a policy', () => {
    expect(allowsService(undefined, REQUEST)).toBe(false);
  });

  it('does not guess at what it does not know', () => {
    expect(() => when({ IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } })).toThrow(/IpAddress is not modelled/);
    expect(() => when({ StringEquals: { 'aws:Odd': '1' } })).toThrow(/aws:Odd is not modelled/);
  });
});
