/** Reads the requests about inference profiles and refuses what violates the API model. */
import { isObject } from '../members.ts';
import { AwsFault, type Json, type JsonObject } from '../service.ts';
import { Violations } from './constraints.ts';
import { readTags, refuseForbiddenTags, refuseTooManyTags } from './tags.ts';

const IDENTIFIER = {
  min: 1,
  max: 2048,
  pattern: `(arn:aws(-[^:]+)?:bedrock:[0-9a-z-]{1,20}:[0-9]{12}:(application-)?inference-profile/)?[a-zA-Z0-9-:.]+`,
};
const RESOURCE_ARN = {
  min: 20,
  max: 1011,
  pattern: 'arn:aws(-[^:]+)?:bedrock:[a-z0-9-]{1,20}:[0-9]{12}:[a-z-]+/[a-zA-Z0-9-:./]+',
};
const SOURCE_ARN = {
  min: 1,
  max: 2048,
  pattern: 'arn:aws(-[^:]+)?:bedrock:[0-9a-z-]{0,20}:([0-9]{12})?:(inference-profile|foundation-model)/[a-zA-Z0-9-:.]+',
};

export interface Creation {
  readonly name: string;
  readonly description: string | undefined;
  readonly clientRequestToken: string | undefined;
  readonly copyFrom: string;
  readonly tags: ReturnType<typeof readTags>;
}

export function readCreation(input: JsonObject): Creation {
  const violations = new Violations();
  const { inferenceProfileName: name, description, clientRequestToken, modelSource } = input;
  const copyFrom = isObject(modelSource) ? modelSource['copyFrom'] : undefined;
  violations.required('inferenceProfileName', name);
  violations.text('inferenceProfileName', name, { min: 1, max: 64, pattern: '([0-9a-zA-Z][ _-]?)+' });
  violations.text('description', description, { min: 1, max: 200, pattern: '([0-9a-zA-Z:.][ _-]?)+' });
  violations.text('clientRequestToken', clientRequestToken, {
    min: 1,
    max: 256,
    pattern: '[a-zA-Z0-9](-*[a-zA-Z0-9])*',
  });
  violations.required('modelSource', modelSource);
  if (modelSource !== undefined && copyFrom === undefined)
    violations.add('modelSource', modelSource, 'Member must have exactly one of its members set');
  violations.text('modelSource.copyFrom', copyFrom, SOURCE_ARN);
  const tags = readTags(input, violations);
  violations.refuse();
  refuseForbiddenTags(tags);
  refuseTooManyTags(tags.length, String(name));
  return {
    name: String(name),
    description: typeof description === 'string' ? description : undefined,
    clientRequestToken: typeof clientRequestToken === 'string' ? clientRequestToken : undefined,
    copyFrom: String(copyFrom),
    tags,
  };
}

export function readIdentifier(input: JsonObject): string {
  const violations = new Violations();
  violations.text('inferenceProfileIdentifier', input['inferenceProfileIdentifier'], IDENTIFIER);
  violations.refuse();
  return String(input['inferenceProfileIdentifier']);
}

export function readResourceArn(input: JsonObject, violations: Violations): void {
  violations.required('resourceARN', input['resourceARN']);
  violations.text('resourceARN', input['resourceARN'], RESOURCE_ARN);
}

/** How many AWS puts on a page when not asked is UNVERIFIED. */
const DEFAULT_PAGE = 100;

export function readListing(input: JsonObject): {
  typeEquals: Json | undefined;
  limit: number;
  nextToken: string | undefined;
} {
  const { typeEquals, maxResults, nextToken } = input;
  const violations = new Violations();
  violations.oneOf('typeEquals', typeEquals, ['SYSTEM_DEFINED', 'APPLICATION']);
  violations.text('nextToken', nextToken, { min: 1, max: 2048, pattern: '\\S*' });
  const limit = maxResults === undefined ? DEFAULT_PAGE : Number(maxResults);
  if (!Number.isInteger(limit) || limit < 1)
    violations.add('maxResults', String(maxResults), 'Member must have value greater than or equal to 1');
  else if (limit > 1000)
    violations.add('maxResults', String(maxResults), 'Member must have value less than or equal to 1000');
  violations.refuse();
  return { typeEquals, limit, nextToken: typeof nextToken === 'string' ? nextToken : undefined };
}

export function pageToken(cursor: string): string {
  return Buffer.from(`after:${cursor}`).toString('base64url');
}

export function readPageToken(token: string): string {
  const text = Buffer.from(token, 'base64url').toString('utf8');
  if (!text.startsWith('after:')) throw new AwsFault('ValidationException', 'The provided nextToken is invalid.');
  return text.slice('after:'.length);
}
