/** Who a request says it comes from. Signatures are not verified: the access key alone decides. */

import { type PolicyLayers, readPolicy } from './iam/policy.ts';
import type { WireRequest } from './protocols/wire.ts';
import type { Principal } from './service.ts';

/** The credential scope of a signature: what service and Region a request is meant for, and whose key signed it. */
export interface Signing {
  readonly accessKeyId: string;
  readonly region: string;
  readonly signingName: string;
}

/**
 * Reads Signature Version 4 from the Authorization header or from a presigned query. A bearer token is a Bedrock API
 * key: Bedrock alone takes them, and it carries no Region, so the home Region is taken. `undefined`: not signed.
 */
export function readSigning(request: WireRequest, homeRegion: string): Signing | undefined {
  const authorization = request.headers.authorization ?? '';
  if (/^Bearer \S/.test(authorization)) {
    return { accessKeyId: 'BedrockAPIKey', region: homeRegion, signingName: 'bedrock' };
  }
  const credential = /\bCredential=([^,\s]+)/.exec(authorization)?.[1] ?? request.query.get('X-Amz-Credential') ?? '';
  const parts = credential.split('/');
  const [signingName, region] = [parts.at(-2), parts.at(-3)];
  const accessKeyId = parts.slice(0, -4).join('/');
  if (parts.at(-1) !== 'aws4_request' || !accessKeyId || !region || !signingName) return undefined;
  return { accessKeyId, region, signingName };
}

/** Access keys and the principals they stand for; an unknown key is an IAM user of the account by that name. */
export class Principals {
  readonly #accountId: string;
  readonly #registered = new Map<string, Principal>();
  readonly #policies = new Map<string, PolicyLayers>();

  constructor(accountId: string) {
    this.#accountId = accountId;
  }

  register(principal: Principal): void {
    const { accessKeyId, policies, boundary, serviceControlPolicies } = principal;
    const layers: PolicyLayers = {
      identity: policies?.map(readPolicy),
      boundary: boundary === undefined ? undefined : [readPolicy(boundary)],
      serviceControl: serviceControlPolicies?.map(readPolicy),
    };
    this.#registered.set(accessKeyId, principal);
    if (Object.values(layers).every((layer) => layer === undefined)) this.#policies.delete(accessKeyId);
    else this.#policies.set(accessKeyId, layers);
  }

  /** `undefined`: nothing limits what this access key may do. */
  policiesOf(accessKeyId: string): PolicyLayers | undefined {
    return this.#policies.get(accessKeyId);
  }

  /** The tags of the sessions of a role, which are the role's here; `undefined`: no session of it is registered. */
  tagsOfRole(role: string): Readonly<Record<string, string>> | undefined {
    const sessions = [...this.#registered.values()].filter(({ arn }) => arn.includes(`:assumed-role/${role}/`));
    return sessions.length === 0 ? undefined : Object.assign({}, ...sessions.map(({ tags }) => tags ?? {}));
  }

  of(accessKeyId: string): Principal {
    return (
      this.#registered.get(accessKeyId) ?? {
        accountId: this.#accountId,
        accessKeyId,
        arn: `arn:aws:iam::${this.#accountId}:user/${accessKeyId}`,
        userId: accessKeyId,
      }
    );
  }
}

/** A session of a role counts as the role. Roles with a path are not found by their sessions, whose ARNs have none. */
export function roleArnOf(arn: string): string {
  return arn.replace(/^arn:aws:sts::(\d+):assumed-role\/([^/]+)\/.*$/, 'arn:aws:iam::$1:role/$2');
}
