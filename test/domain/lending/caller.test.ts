import { describe, expect, it } from 'vitest';
import { readInvocation } from '../../../domain/lending/caller.ts';
import { policyOf } from '../example-policy.ts';
import { LENDING_POLICY } from './lending-account.ts';

const { lending } = policyOf(LENDING_POLICY);
const FUNCTION = 'arn:aws:lambda:us-east-1:123456789012:function:governor-lease';
const request = { protocol: 1, do: 'read' };

/** As Lambda makes it of a request to a function's URL. */
const urlEvent = (userArn: string, body: unknown = request) => ({
  version: '2.0',
  requestContext: { authorizer: { iam: { accountId: '123456789012', callerId: 'AROA:session', userArn } } },
  body: JSON.stringify(body),
  isBase64Encoded: false,
});
const SESSION = 'arn:aws:sts::123456789012:assumed-role/acme-app/session-1';

describe('who invoked the function', () => {
  it('is the tenant whose alias was invoked', () => {
    expect(readInvocation(lending, `${FUNCTION}:tenant-acme`, request)).toEqual({
      kind: 'known',
      identity: { name: 'alias tenant-acme', tags: { tenant: 'acme' } },
      request,
      by: 'alias',
    });
  });

  it('is the role whose session signed a request to the URL, whatever path the role has', () => {
    expect(readInvocation(lending, `${FUNCTION}:url`, urlEvent(SESSION))).toEqual({
      kind: 'known',
      identity: { name: 'role 123456789012/acme-app', tags: { tenant: 'acme' } },
      request,
      by: 'url',
    });
  });

  it.each([
    ['no alias', FUNCTION],
    ['the latest version', `${FUNCTION}:$LATEST`],
    ['a version', `${FUNCTION}:7`],
    ['an alias that the policy does not name', `${FUNCTION}:tenant-gamma`],
    ['the name of something that every object has', `${FUNCTION}:constructor`],
    ['another resource', 'arn:aws:lambda:us-east-1:123456789012:layer:x:tenant-acme'],
    ['nothing', ''],
  ])('is unknown under %s', (_, arn) => {
    expect(readInvocation(lending, arn, request).kind).toBe('unknown');
  });

  it.each([
    ['a role that the policy does not name', 'arn:aws:sts::123456789012:assumed-role/other/session'],
    ['a role of that name in another account', 'arn:aws:sts::999999999999:assumed-role/acme-app/session'],
    ['a session that is named like the role', 'arn:aws:sts::123456789012:assumed-role/other/acme-app'],
    ['a user of that name', 'arn:aws:iam::123456789012:user/acme-app'],
    ['a federated user', 'arn:aws:sts::123456789012:federated-user/acme-app'],
    ['the role itself, which signs nothing', 'arn:aws:iam::123456789012:role/apps/acme-app'],
    ['nobody', ''],
  ])('is unknown where the URL was called by %s', (_, userArn) => {
    expect(readInvocation(lending, `${FUNCTION}:url`, urlEvent(userArn)).kind).toBe('unknown');
  });

  it('is unknown where a request to the URL has no IAM authorisation', () => {
    for (const event of [{ body: '{}' }, { requestContext: { authorizer: {} }, body: '{}' }, undefined, 'text'])
      expect(readInvocation(lending, `${FUNCTION}:url`, event).kind).toBe('unknown');
  });

  it('is never who a forged event of the URL says, under the alias of a tenant or none', () => {
    const forged = urlEvent(SESSION);
    expect(readInvocation(lending, `${FUNCTION}:tenant-beta`, forged)).toMatchObject({
      identity: { tags: { tenant: 'beta' } },
      request: forged,
    });
    expect(readInvocation(lending, FUNCTION, forged).kind).toBe('unknown');
  });
});
