import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { describe, expect, it } from 'vitest';
import { indexDocument, pack } from '../../aws/index-document.ts';
import { secretSource } from '../../aws/secret-index.ts';
import { epochMs } from '../../domain/clock.ts';
import { indexEntry } from '../domain/profiles/index-entry.ts';
import { type Answer, answering } from './answering.ts';

const reading = { entries: [indexEntry('a', { tenant: 'acme' })], withheld: [], writtenAt: epochMs(1_000) };
const json = indexDocument(reading);
const sourceOf = (answer: Answer) =>
  secretSource(
    new SecretsManagerClient(
      answering((operation, input) =>
        operation === 'GetSecretValue' && input['SecretId'] === 'index'
          ? answer
          : { error: 'ResourceNotFoundException' },
      ),
    ),
    'index',
  );

describe('the index in Secrets Manager', () => {
  it.each<[string, Answer]>([
    ['JSON', { SecretString: json }],
    ['packed', { SecretString: pack(json) }],
    ['binary, which is packed without base64', { SecretBinary: pack(json) }],
  ])('is %s', async (_, answer) => {
    expect(await sourceOf(answer).read()).toEqual(reading);
  });

  it('gives the same objects again while it does not change', async () => {
    const source = sourceOf({ SecretString: json });
    const before = await source.read();
    expect((await source.read()).entries[0]).toBe(before.entries[0]);
  });

  it.each<[string, Answer, string]>([
    ['is empty', { SecretString: '' }, 'IndexDocumentUnreadable'],
    ['is not there', { error: 'ResourceNotFoundException' }, 'ResourceNotFoundException'],
    ['may not be read', { error: 'AccessDeniedException' }, 'AccessDeniedException'],
  ])('is a fault where it %s, never an empty index', async (_, answer, code) => {
    await expect(sourceOf(answer).read()).rejects.toMatchObject({ name: 'Fault', code });
  });
});
