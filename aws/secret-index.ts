import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { IndexEntryReader } from '../domain/profiles/index-entry-document.ts';
import type { IndexSource } from '../domain/profiles/index-source.ts';
import { asking } from './asking.ts';
import { readIndexDocument } from './index-document.ts';
import { secretsManagerSdk } from './sdk-packages.ts';

/**
 * The index as a document in one secret, as JSON or packed. A secret holds 64 KB (Secrets Manager API reference), packed
 * about 800 profiles.
 *
 * @param secretId name or ARN
 */
export function secretSource(client: SecretsManagerClient, secretId: string): IndexSource {
  const reader = new IndexEntryReader();
  const place = `the secret ${secretId}`;
  return {
    name: place,
    async read() {
      return await asking(`reading the index from ${place}`, async () => {
        const { GetSecretValueCommand } = await secretsManagerSdk();
        const { SecretString, SecretBinary } = await client.send(new GetSecretValueCommand({ SecretId: secretId }));
        const text = SecretString ?? Buffer.from(SecretBinary ?? []).toString('base64');
        return readIndexDocument(text, place, reader);
      });
    },
  };
}
