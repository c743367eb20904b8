import { createHash } from 'node:crypto';
import type { Json, JsonObject } from '../service.ts';
import { TemplateError } from './template.ts';

/** A resource that a stack has made. */
export interface Created {
  /** What `Ref` gives. */
  readonly ref: string;
  /** What `Fn::GetAtt` gives. */
  readonly attributes: Readonly<Record<string, string>>;
  /** Undoes the creation when the resource leaves the stack; absent where there is nothing to undo. */
  readonly remove?: () => void | Promise<void>;
}

/** A resource that a stack is about to make or update. */
export interface Desired {
  readonly stackName: string;
  readonly logicalId: string;
  readonly type: string;
  readonly region: string;
  readonly accountId: string;
  /** Evaluated. */
  readonly properties: JsonObject;
  /** The same resource as the stack made it before, if it did. */
  readonly previous: Created | undefined;
}

export interface ResourceType {
  /**
   * Properties that are known and have no effect here. Every other one must be read, so that a template does not
   * silently mean less here than on AWS. `*` stands for all of them.
   */
  readonly ignored: readonly string[];
  readonly used: readonly string[];
  put(desired: Desired): Created | Promise<Created>;
}

/** A name for a resource whose template gives none: `<stack>-<logical id>-<12 letters and digits>`, at most `max` long. */
export function physicalName(desired: Desired, max = 64): string {
  const digest = createHash('sha256').update(`${desired.stackName}/${desired.logicalId}`).digest();
  const suffix = [...digest.subarray(0, 12)].map((byte) => (byte % 36).toString(36).toUpperCase()).join('');
  return `${`${desired.stackName}-${desired.logicalId}`.slice(0, max - suffix.length - 1)}-${suffix}`;
}

/** @throws {TemplateError} for a property that is not a string or, where none is given as default, absent */
export function stringProperty(desired: Desired, name: string, otherwise?: string): string {
  const value = desired.properties[name] ?? otherwise;
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw new TemplateError(`${desired.logicalId} (${desired.type}): property ${name} must be a string`);
}

export function optionalProperty(desired: Desired, name: string): string | undefined {
  return desired.properties[name] === undefined ? undefined : stringProperty(desired, name);
}

/** Policies and the like: templates hold them as objects, APIs take them as text. */
export const asText = (value: Json): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** @throws {TemplateError} naming a property that is neither used nor known to be without effect */
export function checkProperties(type: ResourceType, desired: Desired): void {
  if (type.ignored.includes('*')) return;
  const known = new Set([...type.ignored, ...type.used]);
  const unknown = Object.keys(desired.properties).find((name) => !known.has(name));
  if (unknown === undefined) return;
  throw new TemplateError(`${desired.logicalId}: property ${unknown} of ${desired.type} is not embedded`);
}
