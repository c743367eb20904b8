import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import type { Call } from '../domain/redrive/dead-letter.ts';
import type { Redriving } from '../domain/redrive/redrive.ts';
import { asking, errorName } from './asking.ts';

/** Calls functions as EventBridge and SNS do: Lambda keeps the event, tries again, and hands on what fails in the end. */
export const functionCalls = (client: LambdaClient): Redriving['call'] => {
  return async ({ functionName, payload }: Call) => {
    const command = new InvokeCommand({
      FunctionName: functionName,
      InvocationType: 'Event',
      Payload: new TextEncoder().encode(payload),
    });
    return await asking(`calling the function ${functionName}`, async () => {
      try {
        await client.send(command);
        return 'taken';
      } catch (error) {
        if (errorName(error) === 'ResourceNotFoundException') return 'no-such-function';
        throw error;
      }
    });
  };
};
