import { GOVERNOR_TAG_PREFIX, type Tags, tagValue } from '../tags.ts';
import { partitionOf } from './profile-arn.ts';
import { readModelId } from './wanted-model.ts';

/**
 * What a profile was copied from. Bedrock is told once, when the profile is made, and never tells it again (API model
 * of GetInferenceProfile), so the governor records it on the profile itself, in the request that creates it.
 *
 * It is a record and decides nothing about money: whoever may tag a profile could write it, and prices differ by it.
 * They follow from the models that Bedrock names. An event's `modelSource.copyFrom` is not recorded either: it
 * cannot be read again.
 */
export const COPY_FROM_TAG = `${GOVERNOR_TAG_PREFIX}copy-from`;

/** As a member of an index entry; absent where nothing is recorded, or something that Bedrock contradicts. */
export function copyFromOf(tags: Tags, facts: { readonly baseModelId: string }): { readonly copyFrom?: string } {
  const recorded = tagValue(tags, COPY_FROM_TAG);
  if (recorded === undefined) return {};
  const model = readModelId(recorded);
  return model.kind === 'model' && model.baseModelId === facts.baseModelId ? { copyFrom: recorded } : {};
}

/**
 * The ARN that CreateInferenceProfile copies from. Foundation models belong to no account, system profiles show under
 * the caller's (Amazon Bedrock user guide, inference profiles).
 */
export function sourceArn({ model, region, accountId }: { model: string; region: string; accountId: string }): string {
  const wanted = readModelId(model);
  const isSystemProfile = wanted.kind === 'model' && wanted.source !== undefined;
  const place = `arn:${partitionOf(region)}:bedrock:${region}`;
  return isSystemProfile ? `${place}:${accountId}:inference-profile/${model}` : `${place}::foundation-model/${model}`;
}
