import {
  AccessDeniedException,
  ModelErrorException,
  ModelTimeoutException,
  ServiceUnavailableException,
  ThrottlingException,
  ValidationException,
} from '@aws-sdk/client-bedrock-runtime';
import { describe, expect, it } from 'vitest';
import { didNotRun } from '../../invoke/attempt-fate.ts';

const answered = (httpStatusCode: number) => ({ message: '', $metadata: { httpStatusCode } });
const failed = (name: string, members: object = {}) => Object.assign(new Error('failed'), { name }, members);

describe('didNotRun', () => {
  it.each<[string, unknown]>([
    ['a bad request', new ValidationException(answered(400))],
    ['a denial', new AccessDeniedException(answered(403))],
    ['a throttle', new ThrottlingException(answered(429))],
    ['a refusal that only the raw answer tells', failed('UnknownError', { $response: { statusCode: 404 } })],
    ['a connection refused', failed('Error', { code: 'ECONNREFUSED', $metadata: { attempts: 1 } })],
    ['a host that has no address', failed('Error', { code: 'ENOTFOUND' })],
    ['credentials that could not be had', failed('CredentialsProviderError')],
  ])('is certain of %s', (_, error) => {
    expect(didNotRun(error)).toBe(true);
  });

  it.each<[string, unknown]>([
    ['a model that failed', new ModelErrorException(answered(424))],
    ['a model that took too long', new ModelTimeoutException(answered(408))],
    ['a service that broke', new ServiceUnavailableException(answered(503))],
    ['an internal error', failed('InternalServerException', answered(500))],
    ['an error within a stream, after an answer of 200', failed('ThrottlingException', answered(200))],
    ['an error within a stream without metadata [F3]', failed('ThrottlingException')],
    ['a time-out', failed('TimeoutError')],
    ['an abort', failed('AbortError')],
    ['a reset', failed('Error', { code: 'ECONNRESET' })],
    ['a broken pipe', failed('Error', { code: 'EPIPE' })],
    [
      'a refused connection that was answered all the same',
      failed('Error', { code: 'ECONNREFUSED', $metadata: { httpStatusCode: 500 } }),
    ],
    ['a code that is no text', failed('Error', { code: 61 })],
    ['something thrown that is no error', 'ECONNREFUSED'],
    ['nothing', undefined],
  ])('takes %s for money that may be gone [F3, F4]', (_, error) => {
    expect(didNotRun(error)).toBe(false);
  });
});
