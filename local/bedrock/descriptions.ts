/** What Bedrock answers about profiles and models. */
import type { JsonObject } from '../service.ts';
import type { ApplicationProfile } from './application-profiles.ts';
import {
  EMBEDDING_MODELS,
  type FoundationModel,
  foundationModelArn,
  type SystemProfile,
  systemProfilesIn,
} from './catalogue.ts';

export function describeProfile(profile: ApplicationProfile): JsonObject {
  const createdAt = new Date(profile.createdAt).toISOString();
  return {
    inferenceProfileName: profile.name,
    description: profile.description,
    createdAt,
    updatedAt: createdAt,
    inferenceProfileArn: profile.arn,
    models: profile.routing.modelArns.map((modelArn) => ({ modelArn })),
    inferenceProfileId: profile.id,
    status: 'ACTIVE',
    type: 'APPLICATION',
  };
}

export function describeSystemProfile(profile: SystemProfile, region: string, accountId: string): JsonObject {
  return {
    inferenceProfileName: profile.name,
    description: profile.description,
    createdAt: SYSTEM_PROFILES_SINCE,
    updatedAt: SYSTEM_PROFILES_SINCE,
    inferenceProfileArn: `arn:aws:bedrock:${region}:${accountId}:inference-profile/${profile.id}`,
    models: profile.modelArns.map((modelArn) => ({ modelArn })),
    inferenceProfileId: profile.id,
    status: 'ACTIVE',
    type: 'SYSTEM_DEFINED',
  };
}

const SYSTEM_PROFILES_SINCE = '2025-11-01T00:00:00.000Z';

export function describeModel(model: FoundationModel, region: string): JsonObject {
  return {
    modelArn: foundationModelArn(region, model.modelId),
    modelId: model.modelId,
    modelName: model.modelName,
    providerName: model.providerName,
    inputModalities: [...model.inputModalities],
    outputModalities: [EMBEDDING_MODELS.includes(model) ? 'EMBEDDING' : 'TEXT'],
    responseStreamingSupported: !EMBEDDING_MODELS.includes(model),
    customizationsSupported: [],
    inferenceTypesSupported: inferenceTypes(model, region),
    modelLifecycle: { status: 'ACTIVE' },
  };
}

export function inferenceTypes(model: FoundationModel, region: string): string[] {
  return [
    ...(model.onDemandRegions.includes(region) ? ['ON_DEMAND'] : []),
    ...(systemProfilesIn(region).some((profile) => profile.model === model) ? ['INFERENCE_PROFILE'] : []),
  ];
}
