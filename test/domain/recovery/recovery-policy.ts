import { type Policy, readPolicy } from '../../../domain/policy/policy.ts';
import { policyDocument } from '../example-policy.ts';

/** One budget a month for each tenant, in one Region. */
export function examplePolicyOf(): Policy {
  const reading = readPolicy(
    policyDocument({
      timeZone: 'UTC',
      regions: ['us-east-1'],
      budgets: [
        {
          name: 'tenant-monthly',
          per: 'tenant',
          limit: '1 USD',
          thresholds: [{ at: '100%', action: 'disable' }],
        },
      ],
    }),
  );
  if (reading.kind !== 'valid') throw new Error(JSON.stringify(reading.problems));
  return reading.policy;
}
