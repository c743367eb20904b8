import { type Geography, isGeography } from './geography.ts';
import { type ProfileArn, parseProfileArn } from './profile-arn.ts';
import type { ProfileSource } from './profile-index.ts';

/** What a `modelId` asks for. */
export type WantedModel =
  /** One application inference profile by its ARN. */
  | { readonly kind: 'profile'; readonly arn: ProfileArn }
  /** Any profile of a model; where `source` is given, only one that is served in that way. */
  | {
      readonly kind: 'model';
      readonly baseModelId: string;
      readonly source?: ProfileSource;
      /** Region that an ARN names. */
      readonly region?: string;
      /** The geography of a system profile. */
      readonly geography?: Geography;
    }
  /** An ARN of something that no application inference profile is made of, or no ARN of a profile at all. */
  | { readonly kind: 'foreign' };

/** Foundation models have no account, global ones no Region either (Amazon Bedrock user guide, model ARNs). */
const MODEL_ARN = /^arn:aws[a-z-]*:bedrock:([a-z0-9-]*):\d*:(?:foundation-model|inference-profile)\/([^/]+)$/;

/** Reads a `modelId` as Bedrock takes it: a base model id, a system profile id, or the ARN of a model or of a profile. */
export function readModelId(modelId: string): WantedModel {
  const arn = parseProfileArn(modelId);
  if (arn !== undefined) return { kind: 'profile', arn };
  const [, region, id] = MODEL_ARN.exec(modelId) ?? [];
  if (id === undefined) return modelId.startsWith('arn:') ? { kind: 'foreign' } : wantedModel(modelId);
  return { ...wantedModel(id), ...(region === undefined || region === '' ? {} : { region }) };
}

function wantedModel(id: string): Extract<WantedModel, { kind: 'model' }> {
  const dot = id.indexOf('.');
  const prefix = id.slice(0, dot);
  const baseModelId = id.slice(dot + 1);
  if (prefix === 'global') return { kind: 'model', baseModelId, source: 'global' };
  return isGeography(prefix)
    ? { kind: 'model', baseModelId, source: 'geo', geography: prefix }
    : { kind: 'model', baseModelId: id };
}

/** The base model of a foundation model's or a system profile's id; the id itself where it is neither. */
export function baseModelOf(modelId: string): string {
  const wanted = readModelId(modelId);
  return wanted.kind === 'model' ? wanted.baseModelId : modelId;
}
