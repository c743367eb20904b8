import { describe, expect, it } from 'vitest';
import { asking } from '../../aws/asking.ts';
import { failureOf } from '../../cli/failure.ts';
import { Fault } from '../../domain/fault.ts';
import { fileTrouble, readingTrouble, writingTrouble } from '../../infra/file-trouble.ts';

const awsError = (name: string, message: string) => Object.assign(new Error(message), { name });

/** What a person at a terminal is told where AWS answers so. */
async function toldOf(error: unknown): Promise<string> {
  const fault: unknown = await asking('reading the policy', () => Promise.reject(error)).catch(
    (thrown: unknown) => thrown,
  );
  expect(fault).toBeInstanceOf(Fault);
  return failureOf(fault)?.lines.join('\n') ?? '';
}

describe('what a person is told of a fault', () => {
  it.each<[string, string]>([
    ['ValidationException', 'trying again does not help'],
    ['ValidationError', 'trying again does not help'],
    ['InvalidParameterException', 'trying again does not help'],
    ['AccessDeniedException', 'what the command needs of IAM'],
    ['AuthorizationErrorException', 'what the command needs of IAM'],
    ['ResourceNotFoundException', 'Is it the right account, Region and table?'],
    ['NoSuchEntityException', 'Is it the right account, Region and table?'],
    ['ExpiredTokenException', 'sign in again'],
    ['UnrecognizedClientException', 'does not know these credentials'],
    ['InvalidSignatureException', "this machine's clock"],
    ['ServiceQuotaExceededException', 'quota'],
    ['ThrottlingException', 'wait a minute'],
    ['LimitExceededException', 'wait a minute'],
    ['InternalServerError', 'Try again in a moment.'],
    ['ServiceUnavailable', 'Try again in a moment.'],
  ])('says what helps with %s, and that nobody else tries again', async (name, advice) => {
    const told = await toldOf(awsError(name, 'it says so.'));
    expect(told).toMatch(new RegExp(`^${name}: reading the policy: it says so\\.\n {2}`));
    expect(told).toContain(advice);
    expect(told).not.toContain('sweep');
    if (!advice.startsWith('Try')) expect(told).not.toContain('in a moment');
  });

  it('says what is missing in the environment, as a mistake', async () => {
    const region = await toldOf(new Error('Region is missing'));
    expect(region).toMatch(/^expected a Region: give --region us-east-1/);
    for (const name of ['CredentialsProviderError', 'TokenProviderError'])
      expect(await toldOf(awsError(name, 'Could not load credentials from any providers'))).toMatch(
        /^expected AWS credentials, .*: Could not load credentials from any providers$/,
      );
  });

  it('leaves the advice of a fault that has its own', () => {
    const fault = new Fault('PolicyMissing', {
      doing: 'reading the policy',
      problem: 'there is none',
      next: 'Apply one.',
    });
    expect(failureOf(fault)?.lines).toEqual(['PolicyMissing: reading the policy: there is none. Apply one.']);
  });

  it('says in words why a file cannot be read or written, with the word of the system', () => {
    const error = (code: string) => Object.assign(new Error('x'), { code });
    expect(readingTrouble(error('ENOENT'))).toBe('there is no such file (ENOENT)');
    expect(writingTrouble(error('ENOENT'))).toBe('there is no such folder (ENOENT)');
    expect(readingTrouble(error('EACCES'))).toBe('you may not read or write it: look at its permissions (EACCES)');
    expect(readingTrouble(error('EISDIR'))).toBe('this is a folder, and a file was expected (EISDIR)');
    expect(fileTrouble(error('EWHATEVER'))).toBe('cannot be read or written (EWHATEVER)');
  });
});
