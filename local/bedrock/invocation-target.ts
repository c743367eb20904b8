/** What the `modelId` of a model call means. */
import { AwsFault } from '../service.ts';
import type { ApplicationProfile, ApplicationProfiles, ModelRouting } from './application-profiles.ts';
import { findFoundationModel, findSystemProfile, modelIdOf, systemIdOf } from './catalogue.ts';

export interface InvocationTarget extends Pick<ModelRouting, 'model' | 'geography'> {
  readonly profile: ApplicationProfile | undefined;
}

/**
 * An application profile is called by its full ARN; a system profile or a foundation model by id or ARN. All must be
 * of the Region that is called. AWS answers the id of an application profile as an invalid identifier; that it answers
 * a deleted profile and one of another Region in the same way is UNVERIFIED.
 */
export function resolveTarget(
  modelId: string,
  region: string,
  accountId: string,
  profiles: ApplicationProfiles,
): InvocationTarget {
  if (modelId.includes(':application-inference-profile/')) {
    const profile = profiles.find(region, modelId);
    if (profile === undefined) throw invalidIdentifier();
    return { ...profile.routing, profile };
  }
  const isArn = modelId.startsWith('arn:');
  const systemId = isArn ? systemIdOf(modelId, region, accountId) : modelId;
  const system = systemId === undefined ? undefined : findSystemProfile(region, systemId);
  if (system !== undefined) return { model: system.model, geography: system.geography, profile: undefined };
  const foundationId = isArn ? modelIdOf(modelId, region) : modelId;
  const model = foundationId === undefined ? undefined : findFoundationModel(region, foundationId);
  if (model === undefined) throw invalidIdentifier();
  if (!model.onDemandRegions.includes(region)) {
    throw new AwsFault(
      'ValidationException',
      `Invocation of model ID ${model.modelId} with on-demand throughput isn’t supported. ` +
        'Retry your request with the ID or ARN of an inference profile that contains this model.',
    );
  }
  return { model, geography: undefined, profile: undefined };
}

function invalidIdentifier(): AwsFault {
  return new AwsFault('ValidationException', 'The provided model identifier is invalid.');
}
