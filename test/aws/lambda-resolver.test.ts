import { LambdaClient } from '@aws-sdk/client-lambda';
import { HttpResponse } from '@smithy/core/protocols';
import { beforeEach, describe, expect, it } from 'vitest';
import { resolverSource } from '../../aws/lambda-resolver.ts';
import { answerResolver } from '../../domain/profiles/answer-resolver.ts';
import { IndexCache } from '../../domain/profiles/index-cache.ts';
import { profileArn } from '../domain/governed-account.ts';
import { indexEntry } from '../domain/profiles/index-entry.ts';
import { MemoryIndex } from '../invoke/memory-index.ts';

const FUNCTION = 'governor-resolve-profile';

let index: MemoryIndex;
let invocations: unknown[];
/** What Lambda answers instead of what the function does. */
let failure: { readonly status: number; readonly headers: Record<string, string>; readonly body: string } | undefined;

beforeEach(() => {
  index = new MemoryIndex();
  invocations = [];
  failure = undefined;
});

/** A real client whose requests are answered by the function, as Lambda would have it answer. */
function source(tags: Record<string, string> = {}) {
  const cache = new IndexCache({ source: index, clock: index, letOthersRun: async () => {} });
  const client = new LambdaClient({
    region: 'us-east-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 's' },
    maxAttempts: 1,
    requestHandler: {
      async handle(request: { path: string; body: Uint8Array }) {
        expect(request.path).toBe(`/2015-03-31/functions/${FUNCTION}/invocations`);
        const payload: unknown = JSON.parse(new TextDecoder().decode(request.body));
        invocations.push(payload);
        const answer = JSON.stringify(await answerResolver(cache, index, payload));
        const { status, headers, body } = failure ?? { status: 200, headers: {}, body: answer };
        return { response: new HttpResponse({ statusCode: status, headers, body: new TextEncoder().encode(body) }) };
      },
    },
  });
  return resolverSource(client, FUNCTION, tags);
}

describe('the index from the resolver function', () => {
  it('has the profiles that carry the tags of the governor, and what is withheld', async () => {
    index.entries = [indexEntry('chat', { tenant: 'acme' }), indexEntry('other', { tenant: 'umbrella' })];
    index.withheld = [{ arn: profileArn('odd'), why: 'unreadable' }];
    index.writtenAt = index.now() - 5_000;
    expect(await source({ tenant: 'acme' }).read()).toEqual({
      entries: [indexEntry('chat', { tenant: 'acme' })],
      withheld: [{ arn: profileArn('odd'), why: 'unreadable' }],
      writtenAt: index.now() - 5_000,
    });
    expect(invocations).toEqual([{ version: 1, list: { tags: { tenant: 'acme' } } }]);
  });

  it('is complete where it does not fit into one answer', async () => {
    const tags = Object.fromEntries(Array.from({ length: 45 }, (_, n) => [`key-${n}`, 'v'.repeat(250)]));
    index.entries = Array.from({ length: 400 }, (_, i) => indexEntry(`p${String(i).padStart(3, '0')}`, tags));
    expect((await source().read()).entries).toEqual(index.entries);
    expect(invocations.length).toBeGreaterThan(1);
  });

  it.each([
    [
      'the function fails',
      { status: 200, headers: { 'x-amz-function-error': 'Unhandled' }, body: '{}' },
      'ResolverFailed',
    ],
    ['it answers something else', { status: 200, headers: {}, body: '"hello"' }, 'ResolverFailed'],
    [
      'it may not be called',
      { status: 403, headers: { 'x-amzn-errortype': 'AccessDeniedException' }, body: '{}' },
      'AccessDeniedException',
    ],
  ])('is not taken for empty where %s', async (_, answer, code) => {
    failure = answer;
    await expect(source().read()).rejects.toMatchObject({ name: 'Fault', code });
  });

  it('is not taken for empty where the function cannot read it', async () => {
    index.failure = new Error('no route');
    await expect(source().read()).rejects.toMatchObject({
      code: 'ResolverFailed',
      message: expect.stringContaining('IndexUnavailable'),
    });
  });
});
