/** A tenant's principal whose requests are evaluated against identity policies. */
import type { EmbeddedAws } from '../../local/embedded-aws.ts';
import type { JsonObject } from '../../local/service.ts';

export const ACME = 'arn:aws:sts::123456789012:assumed-role/acme/session';

export function clientConfig(aws: EmbeddedAws, accessKeyId: string) {
  return {
    endpoint: aws.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId, secretAccessKey: 'any' },
    maxAttempts: 1,
  };
}

/** Registers it under the access key `ACME`, or anew with other statements. */
export function registerAcme(aws: EmbeddedAws, ...Statement: JsonObject[]): void {
  aws.registerPrincipal({
    accountId: '123456789012',
    accessKeyId: 'ACME',
    arn: ACME,
    userId: 'AROAACME:session',
    tags: { tenant: 'acme' },
    policies: [{ Version: '2012-10-17', Statement }],
  });
}

/** How a refusal reads. */
export function denied(action: string, resource: string, why: 'implicit' | 'explicit' = 'implicit') {
  const reason =
    why === 'explicit'
      ? 'with an explicit deny in an identity-based policy'
      : `because no identity-based policy allows the ${action} action`;
  return {
    name: 'AccessDeniedException',
    message: `User: ${ACME} is not authorized to perform: ${action} on resource: ${resource} ${reason}`,
  };
}
