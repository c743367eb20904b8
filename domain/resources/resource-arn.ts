import type { Brand } from '../brand.ts';

/** Full ARN of a resource of Bedrock that is no application inference profile. */
export type ResourceArn = Brand<string, 'ResourceArn'>;

/** Bedrock's resources are `type/id`, some with more parts: `flow/F/alias/A` (AWS Service Authorization Reference). */
const RESOURCE_ARN = /^arn:aws[a-z-]*:bedrock:[a-z0-9-]+:\d{12}:(?<type>[a-z][a-z0-9-]*)[/:]\S{1,1011}$/;

/** Undefined for anything else, and for application inference profiles: those are governed. */
export function parseResourceArn(text: string): { readonly arn: ResourceArn; readonly type: string } | undefined {
  const type = RESOURCE_ARN.exec(text)?.groups?.['type'];
  return type === undefined || type === 'application-inference-profile'
    ? undefined
    : { arn: text as ResourceArn, type };
}
