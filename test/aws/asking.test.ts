import { createServer, type Server } from 'node:http';
import { BedrockClient, ListInferenceProfilesCommand } from '@aws-sdk/client-bedrock';
import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { IAMClient, ListRoleTagsCommand } from '@aws-sdk/client-iam';
import { SNSClient } from '@aws-sdk/client-sns';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { asking, troubleOf } from '../../aws/asking.ts';
import { snsNotices } from '../../aws/sns-notices.ts';
import type { NoticeId } from '../../domain/standing/notice.ts';

/** A page as a proxy, a load balancer or a portal gives, in the place of AWS. */
describe('an answer that is none of AWS', () => {
  let server: Server;
  let page: { readonly status: number; readonly body: string };
  let endpoint: string;
  beforeEach(async () => {
    server = createServer((_, response) => {
      response.writeHead(page.status, { 'content-type': 'text/html' }).end(page.body);
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('the server has no port');
    endpoint = `http://127.0.0.1:${address.port}`;
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  });

  const config = () => ({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
  });
  const requests: readonly (readonly [protocol: string, send: () => Promise<unknown>])[] = [
    ['JSON', async () => await new DynamoDBClient(config()).send(new GetItemCommand({ TableName: 'abc', Key: {} }))],
    ['REST', async () => await new BedrockClient(config()).send(new ListInferenceProfilesCommand({}))],
    ['Query', async () => await new IAMClient(config()).send(new ListRoleTagsCommand({ RoleName: 'x' }))],
  ];
  const pages = [
    { status: 503, body: '<!doctype html>\n<html lang=en><title>Unavailable</title><h1>Unavailable</h1>' },
    { status: 502, body: '<html><body>Bad Gateway</body></html>' },
    { status: 404, body: 'Not found' },
    { status: 503, body: '' },
  ];

  it.each(requests.flatMap(([protocol, send]) => pages.map((each) => ({ protocol, send, ...each }))))(
    'is told as one, with its status: $status "$body" to $protocol',
    async ({ send, status, body }) => {
      page = { status, body };
      await expect(asking('reading', send)).rejects.toMatchObject({
        code: 'ForeignAnswer',
        cause: { message: expect.stringMatching(`^HTTP status ${status}, `) },
        message: expect.stringMatching(new RegExp(`^reading: ForeignAnswer: HTTP status ${status},.*AWS_ENDPOINT_URL`)),
      });
    },
  );

  it('is not taken for a notice that was sent', async () => {
    page = { status: 200, body: '<html><body>Sign in</body></html>' };
    const notices = snsNotices(new SNSClient(config()), 'arn:aws:sns:us-east-1:123456789012:notices');
    const notice = {
      id: 'a' as NoticeId,
      kind: 'daily-digest',
      severity: 'info',
      subject: 's',
      text: 't',
      facts: {},
    } as const;
    await expect(notices.publish(notice)).rejects.toMatchObject({ code: 'ForeignAnswer' });
  });

  it('leaves errors of programs and networks as they are', async () => {
    const failing = (error: unknown) =>
      asking('reading', async () => {
        throw error;
      });
    await expect(failing(new SyntaxError('a bug'))).rejects.toMatchObject({ code: 'SyntaxError' });
    await expect(failing(new Error('a bug'))).rejects.toMatchObject({ code: 'Error' });
    expect(troubleOf('ForeignAnswer')).toBe('foreign');
  });
});
