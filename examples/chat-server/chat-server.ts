/**
 * A chat service for many tenants: one client of the Bedrock runtime, one governor, and a binding for each request.
 * A request is `POST /chat` with the text of a question; the answer is streamed back as text.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import {
  type BedrockRuntimeClient,
  ConverseStreamCommand,
  type ConverseStreamOutput,
} from '@aws-sdk/client-bedrock-runtime';
import { type CostGovernor, GovernorRefusal } from 'bedrock-cost-governor';
import { answerTo } from './refusal-answer.ts';

export interface ChatServerOptions {
  /** A client that uses `governor`: what is not bound by a request is bound by it. */
  readonly client: BedrockRuntimeClient;
  readonly governor: CostGovernor;
  readonly modelId: string;
  /** Bearer token → tenant. Never take a tenant from what the caller writes. */
  readonly tenants: ReadonlyMap<string, string>;
}

export function createChatServer(options: ChatServerOptions): Server {
  return createServer((request, response) => {
    answer(options, request, response).catch((error: unknown) => {
      // Too late for a status: that the connection breaks tells the caller that the answer is not whole.
      if (response.headersSent) response.destroy();
      else if (error instanceof GovernorRefusal) refuse(response, error);
      else response.writeHead(502).end('The model did not answer.\n');
    });
  });
}

async function answer(options: ChatServerOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const tenant = options.tenants.get(request.headers.authorization?.replace(/^Bearer /, '') ?? '');
  if (tenant === undefined) return void response.writeHead(401).end();
  if (request.method !== 'POST' || request.url !== '/chat') return void response.writeHead(404).end();

  const command = new ConverseStreamCommand({
    modelId: options.modelId,
    messages: [{ role: 'user', content: [{ text: await text(request) }] }],
    inferenceConfig: { maxTokens: 500 },
  });
  // Stands in for the binding of the client, for this command.
  command.middlewareStack.use(options.governor.for({ tenant }));

  const abort = new AbortController();
  response.once('close', () => abort.abort());
  const { stream } = await options.client.send(command, { abortSignal: abort.signal });
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' });
  await pipeline(Readable.from(textOf(stream ?? [])), response);
}

async function* textOf(events: AsyncIterable<ConverseStreamOutput> | readonly never[]): AsyncGenerator<string> {
  for await (const { contentBlockDelta } of events) yield contentBlockDelta?.delta?.text ?? '';
}

function refuse(response: ServerResponse, refusal: GovernorRefusal): void {
  const { status, headers, body } = answerTo(refusal, new Date());
  response.writeHead(status, headers).end(body);
}
