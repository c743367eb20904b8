import * as z from 'zod';
import type { Lending } from '../policy/lending-policy.ts';
import { roleOf } from '../policy/role-arn.ts';
import type { Tags } from '../tags.ts';

/** Whom the function lends to: known from what AWS asserts of an invocation, never from what the caller sent. */
export interface Identity {
  /** `alias tenant-acme` or `role 123456789012/acme-app`. */
  readonly name: string;
  /** Tags that every profile of this caller carries. */
  readonly tags: Tags;
}

/** One invocation: who asks, and what for. */
export type Invocation =
  | {
      readonly kind: 'known';
      readonly identity: Identity;
      /** Untrusted. */
      readonly request: unknown;
      readonly by: 'alias' | 'url';
    }
  | { readonly kind: 'unknown'; readonly caller: string; readonly by: 'alias' | 'url' };

/**
 * `arn:aws:lambda:us-east-1:123456789012:function:name:alias`; without the last part where it was not qualified. Source:
 * Lambda developer guide, the context object, `invokedFunctionArn`.
 */
const FUNCTION_ARN =
  /^arn:[a-z-]+:lambda:[a-z0-9-]+:\d{12}:function:[A-Za-z0-9_-]+(?::(?<qualifier>[A-Za-z0-9_$-]+))?$/;

/** Source: IAM user guide, IAM identifiers: `arn:aws:sts::account:assumed-role/role-name/role-session-name`. */
const SESSION_ARN =
  /^arn:aws[a-z-]*:sts::(?<account>\d{12}):assumed-role\/(?<role>[\w+=,.@-]{1,64})\/[\w+=,.@-]{2,64}$/;

/**
 * What Lambda gives a function for a request to its URL with IAM authorisation. Source: Lambda developer guide, function
 * URLs, payload format 2.0.
 */
const UrlEvent = z.object({
  requestContext: z.object({ authorizer: z.object({ iam: z.object({ userArn: z.string() }) }) }),
  body: z.string(),
  isBase64Encoded: z.literal(false).optional(),
});

/**
 * Who invoked the function. `functionArn` is the ARN that the invocation named, as Lambda tells it; IAM has decided that
 * the caller may name it. An event is taken for one of the function URL only under the URL's own alias, which no tenant
 * may invoke by name: elsewhere an event of that shape is a forgery of whoever wrote it.
 */
export function readInvocation(lending: Lending, functionArn: string, event: unknown): Invocation {
  const alias = FUNCTION_ARN.exec(functionArn)?.groups?.['qualifier'];
  if (alias === lending.urlAlias) return readUrlEvent(lending, event);
  const tags = alias === undefined ? undefined : own(lending.aliases, alias);
  return alias === undefined || tags === undefined
    ? { kind: 'unknown', caller: functionArn, by: 'alias' }
    : { kind: 'known', identity: { name: `alias ${alias}`, tags }, request: event, by: 'alias' };
}

function readUrlEvent(lending: Lending, event: unknown): Invocation {
  const reading = UrlEvent.safeParse(event);
  if (!reading.success) return { kind: 'unknown', caller: 'a request without IAM authorisation', by: 'url' };
  const { userArn } = reading.data.requestContext.authorizer.iam;
  const { account, role: name } = SESSION_ARN.exec(userArn)?.groups ?? {};
  const role = account === undefined || name === undefined ? undefined : `${account}/${name}`;
  const [, tags] = Object.entries(lending.roles).find(([arn]) => role !== undefined && roleOf(arn) === role) ?? [];
  return role === undefined || tags === undefined
    ? { kind: 'unknown', caller: userArn, by: 'url' }
    : { kind: 'known', identity: { name: `role ${role}`, tags }, request: parsed(reading.data.body), by: 'url' };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const own = (record: Readonly<Record<string, Tags>>, name: string): Tags | undefined =>
  Object.hasOwn(record, name) ? record[name] : undefined;
