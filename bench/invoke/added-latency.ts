import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { BedrockRuntimeClient, ConverseCommand } from '@aws-sdk/client-bedrock-runtime';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { pluginOf } from '../../invoke/plugin.ts';
import { upperBound95 } from '../bootstrap.ts';
import { figure, median, note } from '../figures.ts';
import type { GovernedProcess } from './governed-process.ts';
import { startPortkey } from './portkey-gateway.ts';
import { MODEL, REGION } from './profiles.ts';
import { QUESTION } from './stubbed-runtime.ts';

const CONNECTIONS = 64;
/** Connections begin one after the other within the time that an answer takes, so that calls come evenly. */
const SPREAD_MS = 100;

type Call = () => Promise<void>;

/** Median latencies of one block, in milliseconds. */
interface Block {
  readonly alone: number;
  readonly helped: number;
  readonly direct: number;
  readonly throughGateway: number;
}

/**
 * What the helper adds to the SDK, against what the gateway adds to a plain HTTP client, at 64 connections and an upstream
 * that takes 100 ms. In each block all four come once, forwards and backwards in turn.
 */
export async function addedLatency(governed: GovernedProcess, full: boolean): Promise<void> {
  const upstream = fork(fileURLToPath(new URL('upstream.ts', import.meta.url)), { execArgv: process.execArgv });
  const [upstreamPort]: unknown[] = await once(upstream, 'message');
  const gateway = await startPortkey();
  const runtime = `http://127.0.0.1:${upstreamPort}`;
  const helped = runtimeAt(runtime);
  helped.middlewareStack.use(pluginOf(governed.calls(0)));
  const arms: Readonly<Record<keyof Block, Call>> = {
    alone: converse(runtimeAt(runtime)),
    helped: converse(helped),
    direct: completion(runtime, {}),
    throughGateway: completion(`http://127.0.0.1:${gateway.port}`, {
      'x-portkey-provider': 'openai',
      'x-portkey-custom-host': `${runtime}/v1`,
    }),
  };
  try {
    const blocks: Block[] = [];
    for (let block = -1; block < (full ? 80 : 40); block++) {
      const names = block % 2 === 0 ? ARMS : ARMS.toReversed();
      const medians = { alone: 0, helped: 0, direct: 0, throughGateway: 0 };
      for (const name of names) medians[name] = await medianLatency(arms[name], full ? 15 : 8);
      if (block >= 0) blocks.push(medians);
    }
    report(blocks);
  } finally {
    gateway.stop();
    upstream.disconnect();
  }
}

const ARMS = ['alone', 'helped', 'direct', 'throughGateway'] as const;

function report(blocks: readonly Block[]): void {
  const ours = (drawn: readonly Block[]): number => median(drawn.map(({ alone, helped }) => helped - alone));
  const theirs = (drawn: readonly Block[]): number =>
    median(drawn.map(({ direct, throughGateway }) => throughGateway - direct));
  const ratio = (drawn: readonly Block[]): number => ours(drawn) / theirs(drawn);
  const lower = -upperBound95(blocks, (drawn) => -ours(drawn));
  note(
    `p50 at ${CONNECTIONS} connections: SDK ${median(blocks.map(({ alone }) => alone)).toFixed(2)} ms, the helper adds ${ours(blocks).toFixed(3)} ms (${lower.toFixed(3)} to ${upperBound95(blocks, ours).toFixed(3)}); plain client ${median(blocks.map(({ direct }) => direct)).toFixed(2)} ms, the Portkey gateway adds ${theirs(blocks).toFixed(2)} ms; ${blocks.length} blocks`,
  );
  figure('added_p50_vs_portkey', upperBound95(blocks, ratio), { atMost: 0.05 });
}

async function medianLatency(call: Call, callsEach: number): Promise<number> {
  const latencies: number[] = [];
  const connection = async (_: unknown, place: number): Promise<void> => {
    await setTimeout((place * SPREAD_MS) / CONNECTIONS);
    for (let made = 0; made < callsEach; made++) {
      const began = process.hrtime.bigint();
      await call();
      latencies.push(Number(process.hrtime.bigint() - began) / 1e6);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, connection));
  return median(latencies);
}

const runtimeAt = (endpoint: string): BedrockRuntimeClient =>
  new BedrockRuntimeClient({
    region: REGION,
    endpoint,
    credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' },
    requestHandler: new NodeHttpHandler({ httpAgent: new Agent({ keepAlive: true, maxSockets: CONNECTIONS }) }),
  });

const converse =
  (client: BedrockRuntimeClient): Call =>
  async () => {
    await client.send(new ConverseCommand({ modelId: MODEL, ...QUESTION }));
  };

const MESSAGES = [{ role: 'user', content: 'When is it due?' }];
const COMPLETION = JSON.stringify({ model: 'stub', messages: MESSAGES, max_tokens: 500 });

function completion(origin: string, headers: Readonly<Record<string, string>>): Call {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const options = {
    agent,
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(COMPLETION),
      authorization: 'Bearer stub',
      ...headers,
    },
  };
  return () =>
    new Promise((resolve, reject) => {
      const sent = request(`${origin}/v1/chat/completions`, options, (response) => {
        if (response.statusCode !== 200) reject(new Error(`the answer has the status ${response.statusCode}`));
        response.resume().once('end', resolve);
      });
      sent.once('error', reject);
      sent.end(COMPLETION);
    });
}
