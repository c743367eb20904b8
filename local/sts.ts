import type { Service } from './service.ts';

/** AWS Security Token Service: who am I. Roles are assumed by the functions' runtime, not over the wire. */
export function createSts(): Service {
  return {
    signingName: 'sts',
    protocol: { kind: 'query', xmlNamespace: 'https://sts.amazonaws.com/doc/2011-06-15/', version: '2011-06-15' },
    operations: {
      GetCallerIdentity: (_input, { principal }) => ({
        Arn: principal.arn,
        UserId: principal.userId,
        Account: principal.accountId,
      }),
    },
  };
}
