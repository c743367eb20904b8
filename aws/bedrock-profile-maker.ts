import { createHash } from 'node:crypto';
import {
  type BedrockClient,
  ConflictException,
  CreateInferenceProfileCommand,
  ResourceNotFoundException,
  ServiceQuotaExceededException,
  ValidationException,
} from '@aws-sdk/client-bedrock';
import { Fault } from '../domain/fault.ts';
import { type Creation, type ProfileMaker, tagsAtCreation } from '../domain/profiles/apply-plan.ts';
import { sourceArn } from '../domain/profiles/copy-from.ts';
import type { DeclaredProfile } from '../domain/profiles/declared-profiles.ts';
import { parseProfileArn } from '../domain/profiles/profile-arn.ts';
import { asking } from './asking.ts';

/** Makes application inference profiles, each in its Region. */
export function bedrockProfileMaker(
  clientFor: (region: string) => BedrockClient,
  { accountId }: { readonly accountId: string },
): ProfileMaker {
  return {
    async create(profile) {
      const { name, region, model } = profile;
      const tags = Object.entries(tagsAtCreation(profile)).map(([key, value]) => ({ key, value }));
      const request = {
        inferenceProfileName: name,
        modelSource: { copyFrom: sourceArn({ model, region, accountId }) },
        // In one order, so that the request behind a token is always the same.
        tags: tags.sort((one, other) => (one.key < other.key ? -1 : 1)),
      };
      const command = new CreateInferenceProfileCommand({ ...request, clientRequestToken: tokenOf(request) });
      const doing = `creating profile ${name} in ${region}`;
      return await asking(doing, async () => {
        try {
          const { inferenceProfileArn } = await clientFor(region).send(command);
          return createdAs(inferenceProfileArn, doing);
        } catch (error) {
          const refusal = refusalOf(error, profile);
          if (refusal === undefined) throw error;
          return refusal;
        }
      });
    },
  };
}

/** A retry, and another process that applies the same policy, ask with the same token. AWS takes 1 to 256 letters and digits. */
const tokenOf = (request: object): string => createHash('sha256').update(JSON.stringify(request)).digest('hex');

function createdAs(text: string | undefined, doing: string): Creation {
  const arn = parseProfileArn(text ?? '');
  if (arn !== undefined) return { kind: 'created', arn };
  throw new Fault('AnswerUnreadable', {
    doing,
    problem: 'AWS answered without the ARN of a profile',
    next: 'Plan again: it shows whether the profile was made.',
  });
}

/** Errors of CreateInferenceProfile that say something about this one profile (Bedrock API reference). */
function refusalOf(error: unknown, { name, region, model }: DeclaredProfile): Creation | undefined {
  if (error instanceof ConflictException)
    return {
      kind: 'conflict',
      why: `${region} has a profile with the name ${name} since the plan was made; plan again`,
    };
  if (error instanceof ServiceQuotaExceededException)
    return { kind: 'quota-exceeded', why: `${region} holds no more profiles: ${error.message}` };
  if (error instanceof ResourceNotFoundException)
    return { kind: 'refused', why: `there is no model ${model} in ${region}` };
  return error instanceof ValidationException ? { kind: 'refused', why: error.message } : undefined;
}
