import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { ListInferenceProfilesCommand } from '@aws-sdk/client-bedrock';
import { ConverseCommand } from '@aws-sdk/client-bedrock-runtime';
import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';
import { AwsFault, type Observation } from '../../local/service.ts';
import { bedrockClient, runtimeClient, runtimeClientOverHttp1 } from './clients.ts';
import { createGate } from './gate.ts';

const START = Date.UTC(2026, 10, 23, 10);
const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
const CONVERSE = new ConverseCommand({
  modelId: 'amazon.nova-lite-v1:0',
  messages: [{ role: 'user', content: [{ text: 'Hello' }] }],
});

function signedFor(service: string, region = 'us-east-1'): Record<string, string> {
  const credential = `test/20261123/${region}/${service}/aws4_request`;
  return { authorization: `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=host, Signature=0` };
}

describe('the front', () => {
  let aws: EmbeddedAws;
  let observed: Observation[];
  beforeEach(async () => {
    aws = await startEmbeddedAws({ startAt: START });
    observed = [];
    aws.observe((observation) => observed.push(observation));
  });
  afterEach(() => aws.close());

  const client = () => ({ endpoint: aws.endpoint, region: 'us-east-1', credentials, maxAttempts: 1 });
  const post = (path: string, headers: Record<string, string>, body: string) =>
    fetch(`${aws.endpoint}${path}`, { method: 'POST', headers, body });

  describe('on one port', () => {
    it('serves HTTP/2 and HTTP/1.1 clients side by side', async () => {
      const versions: string[] = [];
      aws.intercept(({ headers }) => {
        versions.push(headers['connection'] === undefined ? 'HTTP/2' : 'HTTP/1.1');
        return undefined;
      });
      const overHttp2 = runtimeClient(aws);
      const overHttp1 = runtimeClientOverHttp1(aws);
      const [one, two] = await Promise.all([overHttp2.send(CONVERSE), overHttp1.send(CONVERSE)]);
      expect(one.output).toEqual(two.output);
      expect(versions.sort()).toEqual(['HTTP/1.1', 'HTTP/2']);
      overHttp2.destroy();
    });

    it('tells a protocol that arrives byte by byte', async () => {
      const { port } = new URL(aws.endpoint);
      const answer = await new Promise<string>((resolve, reject) => {
        const socket = connect(Number(port), '127.0.0.1');
        socket.setNoDelay(true);
        const bytes = [...'GET /_embedded/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'];
        const writeNext = (): void => {
          const byte = bytes.shift();
          if (byte !== undefined) socket.write(byte, () => setImmediate(writeNext));
        };
        socket.once('connect', writeNext);
        let text = '';
        socket.on('data', (data) => {
          text += data.toString();
        });
        socket.once('end', () => resolve(text));
        socket.once('error', reject);
      });
      expect(answer).toMatch(/^HTTP\/1\.1 200 OK/);
      expect(answer).toContain('{"status":"ok"}');
    });

    it('outlives connections that break off or speak no HTTP', async () => {
      const { port } = new URL(aws.endpoint);
      for (const start of [
        '',
        'P',
        'PRI * nonsense\r\n\r\n',
        '\u0016\u0003\u0001 TLS?',
        'GET / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc',
      ]) {
        await new Promise<void>((closed) => {
          const socket = connect(Number(port), '127.0.0.1', () => socket.end(start));
          socket.once('close', () => closed());
          socket.on('error', () => {});
          socket.resume();
        });
      }
      expect((await fetch(`${aws.endpoint}/_embedded/health`)).status).toBe(200);
    });

    it('listens on the loopback interface only', () => {
      expect(new URL(aws.endpoint).hostname).toBe('127.0.0.1');
    });

    it('keeps several instances in one process apart', async () => {
      const other = await startEmbeddedAws({ accountId: '999999999999' });
      const identity = await new STSClient({ ...client(), endpoint: other.endpoint }).send(
        new GetCallerIdentityCommand({}),
      );
      await other.close();
      expect(identity.Account).toBe('999999999999');
      expect((await new STSClient(client()).send(new GetCallerIdentityCommand({}))).Account).toBe('123456789012');
    });
  });

  describe('every response', () => {
    it('carries the time of the virtual clock and a request id, whether it succeeds or not', async () => {
      await aws.clock.moveTo(Date.UTC(2027, 0, 1));
      const responses = [
        await post(
          '/',
          { ...signedFor('sts'), 'content-type': 'application/x-www-form-urlencoded' },
          'Action=GetCallerIdentity',
        ),
        await post('/', { ...signedFor('budgets'), 'x-amz-target': 'Nothing.AtAll' }, '{}'),
        await fetch(`${aws.endpoint}/inference-profiles`, { headers: signedFor('bedrock') }),
      ];
      for (const response of responses) {
        expect(response.headers.get('date')).toMatch(/^Fri, 01 Jan 2027 00:00:/);
        expect(response.headers.get('x-amzn-requestid')).toMatch(/^[0-9a-f-]{36}$/);
      }
      expect(new Set(responses.map((response) => response.headers.get('x-amzn-requestid'))).size).toBe(3);
    });

    it('carries them over HTTP/2 as well', async () => {
      const session = connectHttp2(aws.endpoint);
      const headers = await new Promise<Record<string, unknown>>((resolve, reject) => {
        const stream = session.request({ ':path': '/inference-profiles', ...signedFor('bedrock') });
        stream.once('response', resolve);
        stream.once('error', reject);
        stream.resume();
      });
      session.destroy();
      expect(headers[':status']).toBe(200);
      expect(headers['date']).toMatch(/^Mon, 23 Nov 2026 10:00:/);
    });

    it('puts the request id into the XML of a query service', async () => {
      const response = await post('/', signedFor('sts'), 'Action=GetCallerIdentity&Version=2011-06-15');
      expect(await response.text()).toContain(`<RequestId>${response.headers.get('x-amzn-requestid')}</RequestId>`);
    });
  });

  describe('routing', () => {
    it('takes the Region from the credential scope', async () => {
      const seen: string[] = [];
      aws.intercept(({ region, service, operation }) => {
        seen.push(`${service} ${operation} ${region}`);
        return undefined;
      });
      await new DynamoDBClient({ ...client(), region: 'eu-central-1' }).send(new ListTablesCommand({}));
      await bedrockClient(aws, 'ap-northeast-1').send(new ListInferenceProfilesCommand({}));
      expect(seen).toEqual(['dynamodb ListTables eu-central-1', 'bedrock ListInferenceProfiles ap-northeast-1']);
    });

    it('takes service and Region from a presigned query', async () => {
      const credential = encodeURIComponent('AKIAPRESIGNED/20261123/eu-west-1/sts/aws4_request');
      const response = await fetch(
        `${aws.endpoint}/?Action=GetCallerIdentity&X-Amz-Credential=${credential}&X-Amz-Signature=0`,
      );
      expect(await response.text()).toContain('user/AKIAPRESIGNED</Arn>');
    });

    it('takes the target of CloudTrail with the namespace that boto3 and the AWS CLI put before it', async () => {
      const target = 'com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.DescribeTrails';
      const response = await post('/', { ...signedFor('cloudtrail'), 'x-amz-target': target }, '{}');
      expect(await response.json()).toMatchObject({ trailList: [{ IsMultiRegionTrail: true }] });
      expect(response.status).toBe(200);
    });

    it('takes a bearer token for a Bedrock API key', async () => {
      const response = await fetch(`${aws.endpoint}/foundation-models`, {
        headers: { authorization: 'Bearer bedrock-api-key-x' },
      });
      expect(response.status).toBe(200);
      expect(await response.json()).toHaveProperty('modelSummaries');
    });

    it.each([
      ['an unsigned request', '/', {}, '{}', 403, 'MissingAuthenticationTokenException'],
      ['a service that is not here', '/', signedFor('s3'), '', 404, 'UnknownOperationException'],
      [
        'an unknown JSON service',
        '/',
        { ...signedFor('x'), 'x-amz-target': 'X_1.Do' },
        '{}',
        400,
        'UnknownOperationException',
      ],
      [
        'an unknown JSON operation',
        '/',
        { ...signedFor('dynamodb'), 'x-amz-target': 'DynamoDB_20120810.Do' },
        '{}',
        400,
        'UnknownOperationException',
      ],
      [
        'an inherited name as operation',
        '/',
        { ...signedFor('dynamodb'), 'x-amz-target': 'DynamoDB_20120810.toString' },
        '{}',
        400,
        'UnknownOperationException',
      ],
      [
        'malformed JSON',
        '/',
        { ...signedFor('dynamodb'), 'x-amz-target': 'DynamoDB_20120810.ListTables' },
        '{"a":',
        400,
        'SerializationException',
      ],
      [
        'JSON that is no object',
        '/',
        { ...signedFor('dynamodb'), 'x-amz-target': 'DynamoDB_20120810.ListTables' },
        '[]',
        400,
        'SerializationException',
      ],
      ['an unknown path', '/guardrails', signedFor('bedrock'), '{}', 404, 'UnknownOperationException'],
      ['malformed JSON at a REST service', '/tagResource', signedFor('bedrock'), '{', 400, 'SerializationException'],
      [
        'a path that is not validly encoded',
        '/model/%E0%A4%A/converse',
        signedFor('bedrock'),
        '{}',
        400,
        'SerializationException',
      ],
      ['an unknown action', '/', signedFor('sts'), 'Action=AssumeEverything', 400, 'InvalidAction'],
      ['a query without action', '/', signedFor('sts'), 'Version=2011-06-15', 400, 'MissingAction'],
    ])('refuses %s', async (_name, path, headers, body, status, code) => {
      const response = await post(path, { 'content-type': 'text/plain', ...headers }, body);
      expect(response.status).toBe(status);
      const text = await response.text();
      expect(`${response.headers.get('x-amzn-errortype')} ${text}`).toContain(code);
      expect(observed).toMatchObject([{ kind: 'request', status, errorCode: code }]);
    });

    it('refuses a body beyond the limit and lives on', async () => {
      const response = await post('/tagResource', signedFor('bedrock'), 'x'.repeat(26 * 1024 * 1024));
      expect(response.status).toBe(413);
      expect((await fetch(`${aws.endpoint}/_embedded/health`)).status).toBe(200);
    });

    it('refuses requests of web pages', async () => {
      for (const headers of [{ origin: 'https://evil.example' }, { 'sec-fetch-site': 'cross-site' }]) {
        const response = await new Promise<number>((resolve, reject) => {
          const session = connectHttp2(aws.endpoint);
          const stream = session.request({ ':path': '/_embedded/clock', ...headers });
          stream.once('response', (answer) => {
            resolve(Number(answer[':status']));
            session.destroy();
          });
          stream.once('error', reject);
        });
        expect(response).toBe(403);
      }
    });
  });

  describe('faults', () => {
    const listTables = () => new DynamoDBClient(client()).send(new ListTablesCommand({}));

    it('answers an exception inside a service as an internal error, shows its cause to observers and lives on', async () => {
      const broken = new Error('broken inside');
      const stop = aws.intercept(() => {
        throw broken;
      });
      await expect(listTables()).rejects.toMatchObject({ name: 'InternalFailure', $metadata: { httpStatusCode: 500 } });
      expect(observed).toMatchObject([{ status: 500, errorCode: 'InternalFailure', cause: broken }]);
      stop();
      await expect(listTables()).resolves.toMatchObject({ TableNames: [] });
    });

    it.each([
      ['HTTP/1.1', () => runtimeClientOverHttp1(aws)],
      ['HTTP/2', () => runtimeClient(aws)],
    ])(
      'can break the connection of %s instead of answering, before or after the operation',
      async (_name, clientOf) => {
        const stopBefore = aws.intercept({ before: () => 'no-answer' });
        await expect(clientOf().send(CONVERSE)).rejects.toThrow();
        expect(aws.billing).toHaveLength(0);
        stopBefore();
        aws.intercept({ after: () => 'no-answer' });
        await expect(clientOf().send(CONVERSE)).rejects.toThrow();
        expect(aws.billing).toHaveLength(1);
      },
    );

    it('can answer an operation that has landed with an error', async () => {
      aws.intercept({ after: () => new AwsFault('ServiceUnavailableException', 'Try later', 503) });
      await expect(runtimeClient(aws).send(CONVERSE)).rejects.toMatchObject({
        name: 'ServiceUnavailableException',
      });
      expect(aws.billing).toHaveLength(1);
    });

    it.each([
      ['HTTP/1.1', runtimeClientOverHttp1],
      ['HTTP/2', runtimeClient],
    ])('finishes the operation of a client that has hung up over %s', async (_name, clientOf) => {
      const [reached, released] = [createGate(), createGate()];
      aws.intercept(() => {
        reached.open();
        return released.passed;
      });
      const answered = new Promise((resolve) => aws.observe(resolve));
      const hangUp = new AbortController();
      const sending = clientOf(aws).send(CONVERSE, { abortSignal: hangUp.signal });
      const aborted = expect(sending).rejects.toThrow();
      await reached.passed;
      hangUp.abort();
      await aborted;
      released.open();
      await answered;
      expect(aws.billing).toHaveLength(1);
      expect((await fetch(`${aws.endpoint}/_embedded/health`)).status).toBe(200);
    });

    it('answers 500 when an observer fails, and lives on', async () => {
      const stop = aws.observe(() => {
        throw new Error('broken observer');
      });
      await expect(listTables()).rejects.toMatchObject({ $metadata: { httpStatusCode: 500 } });
      stop();
      await expect(listTables()).resolves.toMatchObject({ TableNames: [] });
    });

    it('can hold a request until the test lets it go', async () => {
      const reached = createGate();
      const released = createGate();
      aws.intercept(() => {
        reached.open();
        return released.passed;
      });
      const sending = listTables();
      await reached.passed;
      released.open();
      await expect(sending).resolves.toMatchObject({ TableNames: [] });
    });
  });

  describe('the clock over HTTP', () => {
    const move = (body: string) => post('/_embedded/clock', {}, body);
    const now = async (response: Response) => {
      const { now: instant } = z.object({ now: z.iso.datetime() }).parse(await response.json());
      return Date.parse(instant);
    };

    it('shows the time, advances by a duration and moves to an instant', async () => {
      expect((await now(await fetch(`${aws.endpoint}/_embedded/clock`))) - START).toBeLessThan(60_000);
      const after10h = await now(await move('{"advance":"PT10H"}'));
      expect(after10h - START).toBeGreaterThanOrEqual(10 * 3_600_000);
      const december = await now(await move('{"to":"2026-12-01T00:01:00Z"}'));
      expect(new Date(december).toISOString()).toMatch(/^2026-12-01T00:01:/);
      const january = await now(await move('{"advance":"P1M"}'));
      expect(new Date(january).toISOString()).toMatch(/^2027-01-01T00:01:/);
    });

    it('answers when what the move has set off has ended', async () => {
      let rung = false;
      aws.clock.at(START + 3_600_000, () => {
        rung = true;
      });
      await move('{"advance":"PT2H"}');
      expect(rung).toBe(true);
    });

    it.each([
      '',
      '{}',
      '{"advance":"ten hours"}',
      '{"advance":"-PT1H"}',
      '{"to":"2026-11-01T00:00:00Z"}',
      '{"to":"soon"}',
      '{"advance":"PT1H","to":"2026-12-01T00:00:00Z"}',
    ])('refuses %s', async (body) => {
      const response = await move(body);
      expect(response.status).toBe(400);
      expect(await response.json()).toHaveProperty('message');
      expect(aws.clock.now() - START).toBeLessThan(60_000);
    });

    it('says what went wrong when what falls due fails', async () => {
      aws.clock.at(START + 3_600_000, () => {
        throw new Error('broken alarm');
      });
      const response = await move('{"advance":"PT2H"}');
      expect(response.status).toBe(500);
      expect(await response.json()).toEqual({ message: 'broken alarm' });
    });

    it('knows no other path', async () => {
      expect((await post('/_embedded/everything', {}, '')).status).toBe(404);
    });
  });

  it('closes while connections are open and a request is being held', async () => {
    const local = await startEmbeddedAws();
    const reached = createGate();
    const never = createGate();
    local.intercept(() => {
      reached.open();
      return never.passed;
    });
    const session = connectHttp2(local.endpoint);
    session.on('error', () => {});
    const idle = connect(Number(new URL(local.endpoint).port), '127.0.0.1');
    idle.on('error', () => {});
    const held = runtimeClient(local).send(CONVERSE);
    const failed = expect(held).rejects.toThrow();
    await reached.passed;
    await local.close();
    await failed;
    session.destroy();
    idle.destroy();
  });

  it('tells clients by their environment where it is', () => {
    expect(aws.environment()).toMatchObject({ AWS_ENDPOINT_URL: aws.endpoint, AWS_REGION: 'us-east-1' });
  });
});
