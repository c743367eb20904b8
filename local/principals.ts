/** Who a request says it comes from. Signatures are not verified: the access key alone decides. */

import { type Policy, type PolicyLayers, readPolicy } from './iam/policy.ts';
import type { WireRequest } from './protocols/wire.ts';
import type { JsonObject, Principal } from './service.ts';

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

interface DeployedRole {
  readonly documents: ReadonlyMap<string, JsonObject>;
  readonly policies: readonly Policy[];
}

/** Access keys and the principals they stand for; an unknown key is an IAM user of the account by that name. */
export class Principals {
  readonly #accountId: string;
  readonly #registered = new Map<string, Principal>();
  readonly #policies = new Map<string, PolicyLayers>();
  readonly #roles = new Map<string, DeployedRole>();

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

  /**
   * `undefined`: nothing limits what this access key may do. Policies that a principal was registered with come before those
   * of the role that it is a session of.
   */
  policiesOf(accessKeyId: string): PolicyLayers | undefined {
    const own = this.#policies.get(accessKeyId);
    const session = this.#registered.get(accessKeyId);
    return own ?? (session === undefined ? undefined : this.policiesOfRole(roleArnOf(session.arn)));
  }

  /**
   * @param documents the role's inline policies by name
   * @throws {RangeError} for what a document has that is not modelled
   */
  putRole(arn: string, documents: ReadonlyMap<string, JsonObject>): void {
    this.#roles.set(arn, { documents, policies: [...documents.values()].map(readPolicy) });
  }

  /** The inline policies of a role of the account by name; `undefined`: no such role was deployed. */
  documentsOfRole(name: string): ReadonlyMap<string, JsonObject> | undefined {
    return [...this.#roles].find(([arn]) => arn.split('/').at(-1) === name)?.[1].documents;
  }

  removeRole(arn: string): void {
    this.#roles.delete(arn);
  }

  /** `undefined`: the role was not deployed here, and nothing limits it. */
  policiesOfRole(arn: string): PolicyLayers | undefined {
    const identity = this.#roles.get(arn)?.policies;
    return identity === undefined ? undefined : { identity, boundary: undefined, serviceControl: undefined };
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
