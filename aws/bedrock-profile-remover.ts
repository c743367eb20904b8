import {
  type BedrockClient,
  ConflictException,
  DeleteInferenceProfileCommand,
  ResourceNotFoundException,
  ValidationException,
} from '@aws-sdk/client-bedrock';
import type { ProfileRemover } from '../domain/profiles/delete-mismatched.ts';
import { regionOf } from '../domain/profiles/profile-arn.ts';
import { asking } from './asking.ts';
import type { Pace } from './pace.ts';

/** Deletes application inference profiles, each in its Region and at its pace. Errors: Bedrock API reference. */
export function bedrockProfileRemover(
  clientFor: (region: string) => BedrockClient,
  paceFor: (region: string) => Pace,
): ProfileRemover {
  return {
    async remove(arn) {
      return await asking(`deleting profile ${arn}`, async () => {
        try {
          const command = new DeleteInferenceProfileCommand({ inferenceProfileIdentifier: arn });
          await paceFor(regionOf(arn)).keep(() => clientFor(regionOf(arn)).send(command));
          return 'gone';
        } catch (error) {
          if (error instanceof ResourceNotFoundException) return 'gone';
          if (error instanceof ConflictException || error instanceof ValidationException)
            return { refused: error.message };
          throw error;
        }
      });
    },
  };
}
