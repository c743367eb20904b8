import { BedrockClient } from '@aws-sdk/client-bedrock';
import { BedrockRuntimeClient } from '@aws-sdk/client-bedrock-runtime';
import { STSClient } from '@aws-sdk/client-sts';
import type { EmbeddedAws } from '../../local/embedded-aws.ts';
import type { Observation } from '../../local/service.ts';

const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };

export function bedrockClient(aws: EmbeddedAws, region = 'us-east-1'): BedrockClient {
  return new BedrockClient({ endpoint: aws.endpoint, region, credentials, maxAttempts: 1 });
}

/** Speaks HTTP/2, the default of this client. */
export function runtimeClient(aws: EmbeddedAws, region = 'us-east-1'): BedrockRuntimeClient {
  return new BedrockRuntimeClient({ endpoint: aws.endpoint, region, credentials, maxAttempts: 1 });
}

export function runtimeClientOverHttp1(aws: EmbeddedAws, region = 'us-east-1'): BedrockRuntimeClient {
  // The HTTP/1.1 handler of a client that speaks nothing else.
  const { requestHandler } = new STSClient({ region, credentials }).config;
  return new BedrockRuntimeClient({ endpoint: aws.endpoint, region, credentials, maxAttempts: 1, requestHandler });
}

/** Resolves when the next model call has ended, as the runtime saw it. */
export async function modelCallEnd(aws: EmbeddedAws): Promise<Extract<Observation, { kind: 'model-call' }>> {
  return new Promise((resolve) => {
    const stop = aws.observe((observation) => {
      if (observation.kind !== 'model-call') return;
      stop();
      resolve(observation);
    });
  });
}
