/**
 * What calls of Bedrock are authorised for. A call through a profile needs the profile and every model that it may
 * route to, there with `bedrock:InferenceProfileArn`; Converse has no action of its own.
 * [docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-prereq]
 */
import type { ApplicationProfiles, ModelRouting } from '../bedrock/application-profiles.ts';
import { findSystemProfile, foundationModelArn, systemIdOf } from '../bedrock/catalogue.ts';
import { isObject } from '../members.ts';
import type { Call, JsonObject } from '../service.ts';
import { type AuthorizationRequest, contextOf } from './context.ts';

type Values = Readonly<Record<string, string | readonly string[] | undefined>>;
type Wish = { readonly action: string; readonly resource: string; readonly values: Values };

const MODEL_ACTIONS: Readonly<Record<string, string>> = {
  Converse: 'bedrock:InvokeModel',
  ConverseStream: 'bedrock:InvokeModelWithResponseStream',
  CountTokens: 'bedrock:CountTokens',
  InvokeModel: 'bedrock:InvokeModel',
  InvokeModelWithResponseStream: 'bedrock:InvokeModelWithResponseStream',
};

export function bedrockRequests(
  profiles: ApplicationProfiles,
  accountId: string,
  { operation, region, headers }: Call,
  input: JsonObject,
  base: Values,
): AuthorizationRequest[] {
  const prefix = `arn:aws:bedrock:${region}:${accountId}`;
  const anyProfile = `${prefix}:application-inference-profile/*`;

  const taggedResource = (identifier: string): { resource: string; values: Values } => {
    const profile = profiles.find(region, identifier);
    if (profile !== undefined) return { resource: profile.arn, values: tagValues('aws:ResourceTag', profile.tags) };
    if (identifier.startsWith('arn:')) return { resource: identifier, values: {} };
    const system = findSystemProfile(region, identifier) !== undefined;
    return {
      resource: `${prefix}:${system ? 'inference-profile' : 'application-inference-profile'}/${identifier}`,
      values: {},
    };
  };

  const modelWishes = (action: string): Wish[] => {
    const modelId = String(input['modelId']);
    const profile = modelId.includes(':application-inference-profile/') ? profiles.find(region, modelId) : undefined;
    const systemId = modelId.startsWith('arn:') ? systemIdOf(modelId, region, accountId) : modelId;
    const system = systemId === undefined ? undefined : findSystemProfile(region, systemId);
    const tier = isObject(input['serviceTier']) ? input['serviceTier']['type'] : headers['x-amzn-bedrock-service-tier'];
    const values = { 'bedrock:ServiceTier': typeof tier === 'string' ? tier : undefined };
    const routed = (arn: string, modelArns: readonly string[]): Wish[] =>
      modelArns.map((resource) => ({
        action,
        resource,
        values: {
          ...values,
          'bedrock:InferenceProfileArn': arn,
          'aws:RequestedRegion': resource.split(':')[3] || 'unspecified',
        },
      }));
    if (profile !== undefined) {
      const tags = tagValues('aws:ResourceTag', profile.tags);
      const source = systemSource(profile.routing, prefix);
      return [
        { action, resource: profile.arn, values: { ...values, ...tags } },
        // That the source of a profile is checked with the key as well is UNVERIFIED.
        ...(source === undefined
          ? []
          : [{ action, resource: source, values: { ...values, 'bedrock:InferenceProfileArn': profile.arn } }]),
        ...routed(profile.arn, profile.routing.modelArns),
      ];
    }
    if (system !== undefined) {
      const arn = `${prefix}:inference-profile/${system.id}`;
      return [{ action, resource: arn, values }, ...routed(arn, system.modelArns)];
    }
    return [{ action, resource: modelId.startsWith('arn:') ? modelId : foundationModelArn(region, modelId), values }];
  };

  const wishes = (): Wish[] => {
    const modelAction = MODEL_ACTIONS[operation];
    if (modelAction !== undefined) return modelWishes(modelAction);
    const action = `bedrock:${operation}`;
    const requested = requestedTags(input);
    if (operation === 'CreateInferenceProfile') {
      const source = isObject(input['modelSource']) ? String(input['modelSource']['copyFrom']) : '*';
      return [
        { action, resource: anyProfile, values: requested },
        { action, resource: source, values: requested },
        ...(requested['aws:TagKeys'] === undefined
          ? []
          : [{ action: 'bedrock:TagResource', resource: anyProfile, values: requested }]),
      ];
    }
    const identifier = input['resourceARN'] ?? input['inferenceProfileIdentifier'];
    if (typeof identifier !== 'string') return [{ action, resource: '*', values: requested }];
    const { resource, values } = taggedResource(identifier);
    return [{ action, resource, values: { ...values, ...requested } }];
  };

  return wishes().map(({ action, resource, values }) => ({
    action,
    resource,
    context: contextOf({ ...base, ...values }),
  }));
}

/** The system profile that a profile was copied from, if it was not copied from a model. */
function systemSource({ geography, model }: ModelRouting, prefix: string): string | undefined {
  return geography === undefined ? undefined : `${prefix}:inference-profile/${geography}.${model.modelId}`;
}

function tagValues(kind: string, tags: Iterable<readonly [string, string]>): Record<string, string> {
  return Object.fromEntries([...tags].map(([key, value]) => [`${kind}/${key}`, value]));
}

function requestedTags(input: JsonObject): Record<string, string | readonly string[] | undefined> {
  const tags = Array.isArray(input['tags']) ? input['tags'].filter(isObject) : [];
  const pairs = tags.map(({ key, value }): [string, string] => [String(key), String(value)]);
  const removed = Array.isArray(input['tagKeys']) ? input['tagKeys'].map(String) : [];
  const keys = [...pairs.map(([key]) => key), ...removed];
  return { ...tagValues('aws:RequestTag', pairs), 'aws:TagKeys': keys.length === 0 ? undefined : keys };
}
