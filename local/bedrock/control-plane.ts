/**
 * The control plane of Amazon Bedrock: inference profiles, their tags, and the catalogue of foundation models.
 *
 * Constraints, status codes and shapes follow the public API model. What AWS lists is eventually consistent;
 * that is not modelled, every list is up to date.
 */
import { AwsFault, type Call, type Json, type RestRoute, type Service, type World } from '../service.ts';
import type { ApplicationProfile, ApplicationProfiles, ModelRouting } from './application-profiles.ts';
import {
  findFoundationModel,
  findSystemProfile,
  foundationModelArn,
  foundationModelsIn,
  modelIdOf,
  systemIdOf,
  systemProfilesIn,
} from './catalogue.ts';
import { Violations } from './constraints.ts';
import { describeModel, describeProfile, describeSystemProfile, inferenceTypes } from './descriptions.ts';
import {
  pageToken,
  readCreation,
  readIdentifier,
  readListing,
  readPageToken,
  readResourceArn,
} from './inference-profile-requests.ts';
import { readTagKeys, readTags, refuseForbiddenTags, refuseReservedKeys, tagProfile, untagProfile } from './tags.ts';

/** Service quota L-40EC9882, for each Region. */
export const MAX_PROFILES = 1_000;

const ROUTES: readonly RestRoute[] = [
  { operation: 'CreateInferenceProfile', method: 'POST', path: '/inference-profiles', successStatus: 201 },
  { operation: 'GetInferenceProfile', method: 'GET', path: '/inference-profiles/{inferenceProfileIdentifier}' },
  { operation: 'ListInferenceProfiles', method: 'GET', path: '/inference-profiles', query: { type: 'typeEquals' } },
  { operation: 'DeleteInferenceProfile', method: 'DELETE', path: '/inference-profiles/{inferenceProfileIdentifier}' },
  { operation: 'TagResource', method: 'POST', path: '/tagResource' },
  { operation: 'UntagResource', method: 'POST', path: '/untagResource' },
  { operation: 'ListTagsForResource', method: 'POST', path: '/listTagsForResource' },
  { operation: 'ListFoundationModels', method: 'GET', path: '/foundation-models' },
  { operation: 'GetFoundationModel', method: 'GET', path: '/foundation-models/{modelIdentifier}' },
];

export function createBedrockControlPlane(world: World, profiles: ApplicationProfiles): Service {
  const clientTokens = new Map<string, { readonly request: string; readonly profile: ApplicationProfile }>();

  const findProfile = (call: Call, identifier: Json | undefined): ApplicationProfile => {
    const profile = profiles.find(call.region, String(identifier));
    if (profile === undefined) throw notFound();
    return profile;
  };

  return {
    signingName: 'bedrock',
    protocol: { kind: 'rest-json', routes: ROUTES },
    operations: {
      CreateInferenceProfile(input, call) {
        const request = readCreation(input);
        const key = `${call.region}/${request.clientRequestToken}`;
        const earlier = request.clientRequestToken === undefined ? undefined : clientTokens.get(key);
        const fingerprint = JSON.stringify([request.name, request.description, request.copyFrom, request.tags]);
        if (earlier !== undefined && profiles.find(call.region, earlier.profile.arn) !== undefined) {
          // UNVERIFIED: that a token reused for something else is refused, and under which name.
          if (earlier.request !== fingerprint) throw conflict();
          return { inferenceProfileArn: earlier.profile.arn, status: 'ACTIVE' };
        }
        const existing = profiles.in(call.region);
        // UNVERIFIED: that names are unique, and which of the two refusals comes first.
        if (existing.some(({ name }) => name === request.name)) throw conflict();
        if (existing.length >= MAX_PROFILES) {
          throw new AwsFault(
            'ServiceQuotaExceededException',
            `You have reached the limit of ${MAX_PROFILES} inference profiles in this Region.`,
          );
        }
        const profile = profiles.create(call.region, {
          name: request.name,
          description: request.description,
          createdAt: world.clock.now(),
          routing: routingOf(request.copyFrom, call, world.accountId),
        });
        tagProfile(profile, request.tags);
        if (request.clientRequestToken !== undefined) clientTokens.set(key, { request: fingerprint, profile });
        return { inferenceProfileArn: profile.arn, status: 'ACTIVE' };
      },

      GetInferenceProfile(input, call) {
        const identifier = readIdentifier(input);
        const systemId = identifier.startsWith('arn:')
          ? systemIdOf(identifier, call.region, world.accountId)
          : identifier;
        const system = systemId === undefined ? undefined : findSystemProfile(call.region, systemId);
        return system === undefined
          ? describeProfile(findProfile(call, identifier))
          : describeSystemProfile(system, call.region, world.accountId);
      },

      ListInferenceProfiles(input, call) {
        const { typeEquals, limit, nextToken } = readListing(input);
        const system = systemProfilesIn(call.region).map((profile) =>
          describeSystemProfile(profile, call.region, world.accountId),
        );
        const all = [
          ...(typeEquals === 'APPLICATION'
            ? []
            : system.map((summary) => ({ cursor: `0/${summary['inferenceProfileId']}`, summary }))),
          ...(typeEquals === 'SYSTEM_DEFINED'
            ? []
            : profiles.in(call.region).map((profile) => ({
                cursor: `1/${String(profile.sequence).padStart(12, '0')}`,
                summary: describeProfile(profile),
              }))),
        ].sort((a, b) => (a.cursor < b.cursor ? -1 : 1));
        const after = nextToken === undefined ? '' : readPageToken(nextToken);
        const rest = all.filter(({ cursor }) => cursor > after);
        const page = rest.slice(0, limit);
        const last = page.at(-1);
        return {
          inferenceProfileSummaries: page.map(({ summary }) => summary),
          ...(last !== undefined && rest.length > page.length ? { nextToken: pageToken(last.cursor) } : {}),
        };
      },

      DeleteInferenceProfile(input, call) {
        const identifier = readIdentifier(input);
        if (
          findSystemProfile(call.region, systemIdOf(identifier, call.region, world.accountId) ?? identifier) !==
          undefined
        ) {
          // UNVERIFIED: the name and wording of this refusal.
          throw new AwsFault('ValidationException', 'A system-defined inference profile cannot be deleted.');
        }
        profiles.delete(findProfile(call, identifier));
        return {};
      },

      TagResource(input, call) {
        const violations = new Violations();
        readResourceArn(input, violations);
        violations.required('tags', input['tags']);
        const tags = readTags(input, violations);
        violations.refuse();
        refuseForbiddenTags(tags);
        tagProfile(findProfile(call, input['resourceARN']), tags);
        return {};
      },

      UntagResource(input, call) {
        const violations = new Violations();
        readResourceArn(input, violations);
        const keys = readTagKeys(input, violations);
        violations.refuse();
        refuseReservedKeys(keys);
        untagProfile(findProfile(call, input['resourceARN']), keys);
        return {};
      },

      ListTagsForResource(input, call) {
        const violations = new Violations();
        readResourceArn(input, violations);
        violations.refuse();
        const { tags } = findProfile(call, input['resourceARN']);
        return { tags: [...tags].map(([key, value]) => ({ key, value })) };
      },

      ListFoundationModels(input, call) {
        const violations = new Violations();
        violations.oneOf('byInferenceType', input['byInferenceType'], ['ON_DEMAND', 'PROVISIONED']);
        violations.oneOf('byOutputModality', input['byOutputModality'], ['TEXT', 'IMAGE', 'EMBEDDING']);
        violations.refuse();
        const wanted = (member: string, actual: readonly string[]) =>
          input[member] === undefined || actual.includes(String(input[member]));
        return {
          modelSummaries: foundationModelsIn(call.region)
            .filter(
              (model) =>
                wanted('byProvider', [model.providerName]) &&
                wanted('byOutputModality', ['TEXT']) &&
                wanted('byInferenceType', inferenceTypes(model, call.region)) &&
                input['byCustomizationType'] === undefined,
            )
            .map((model) => describeModel(model, call.region)),
        };
      },

      GetFoundationModel(input, call) {
        const identifier = String(input['modelIdentifier']);
        const modelId = identifier.startsWith('arn:') ? modelIdOf(identifier, call.region) : identifier;
        const model = modelId === undefined ? undefined : findFoundationModel(call.region, modelId);
        // UNVERIFIED: AWS may call an unknown model a ValidationException.
        if (model === undefined)
          throw new AwsFault(
            'ResourceNotFoundException',
            'Could not resolve the foundation model from the provided model identifier.',
            404,
          );
        return { modelDetails: describeModel(model, call.region) };
      },
    },
  };
}

/** A profile is copied from a foundation model or a system profile of the Region in which it is made. */
function routingOf(copyFrom: string, call: Call, accountId: string): ModelRouting {
  const systemId = systemIdOf(copyFrom, call.region, accountId);
  const system = systemId === undefined ? undefined : findSystemProfile(call.region, systemId);
  if (system !== undefined) return { model: system.model, geography: system.geography, modelArns: system.modelArns };
  const modelId = modelIdOf(copyFrom, call.region);
  const model = modelId === undefined ? undefined : findFoundationModel(call.region, modelId);
  if (model === undefined) throw notFound();
  if (!model.onDemandRegions.includes(call.region)) {
    // UNVERIFIED: the wording.
    throw new AwsFault(
      'ValidationException',
      `The model ${model.modelId} is available only through a system-defined inference profile.`,
    );
  }
  return { model, geography: undefined, modelArns: [foundationModelArn(call.region, model.modelId)] };
}

function notFound(): AwsFault {
  const message =
    'The specified resource Amazon Resource Name (ARN) was not found. Check the Amazon Resource Name (ARN) and try your request again.';
  return new AwsFault('ResourceNotFoundException', message, 404);
}

function conflict(): AwsFault {
  return new AwsFault('ConflictException', 'Error occurred because of a conflict while performing an operation.');
}
