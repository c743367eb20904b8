import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { fileURLToPath } from 'node:url';
import { upperBound95 } from '../bootstrap.ts';
import { figure, median, note, pseudoMedian } from '../figures.ts';
import { type Call, CONNECTIONS, medianLatency } from './connections.ts';
import { startPortkey } from './portkey-gateway.ts';

const ARMS = ['alone', 'helped', 'direct', 'throughGateway'] as const;
type Arm = (typeof ARMS)[number];

/** Median latencies of one generation, in milliseconds. */
type Latencies = Readonly<Record<Arm, number>>;

/** Of each connection, until what will be compiled is. */
const WARM_UP_CALLS = 30;
const CALLS = 8;
/** In a generation. What the helper adds is a thirtieth of what the gateway adds, and all the more of it is chance. */
const TURNS: Readonly<Record<Arm, number>> = { alone: 3, helped: 3, direct: 1, throughGateway: 1 };

/**
 * What the helper adds to the SDK, against what the gateway adds to a plain HTTP client, at 64 connections and an upstream
 * that takes 100 ms.
 *
 * The SDK alone and with the helper each work in a process of its own, for the reason that {@link cpuRatio} gives: what one
 * process adds is not what the next one does. So each block has two new ones.
 */
export async function addedLatency(full: boolean): Promise<void> {
  const upstream = start('upstream.ts');
  const [upstreamPort]: unknown[] = await once(upstream, 'message');
  const gateway = await startPortkey();
  const runtime = `http://127.0.0.1:${upstreamPort}`;
  const direct = completion(runtime, {});
  const throughGateway = completion(`http://127.0.0.1:${gateway.port}`, {
    'x-portkey-provider': 'openai',
    'x-portkey-custom-host': `${runtime}/v1`,
  });
  try {
    await Promise.all([direct, throughGateway].map((call) => medianLatency(call, WARM_UP_CALLS)));
    const generations: Latencies[] = [];
    for (let generation = 0; generation < (full ? 40 : 20); generation++)
      generations.push(await oneGeneration(generation, runtime, { direct, throughGateway }));
    report(generations);
  } finally {
    gateway.stop();
    upstream.disconnect();
  }
}

async function oneGeneration(
  generation: number,
  runtime: string,
  { direct, throughGateway }: Readonly<Record<'direct' | 'throughGateway', Call>>,
): Promise<Latencies> {
  const alone = start('latency-arm.ts', 'alone', runtime);
  const helped = start('latency-arm.ts', 'governed', runtime);
  try {
    await Promise.all([alone, helped].map((child) => once(child, 'message')));
    await Promise.all([alone, helped].map((child) => latencyIn(child, WARM_UP_CALLS)));
    const measure: Readonly<Record<Arm, () => Promise<number>>> = {
      alone: () => latencyIn(alone, CALLS),
      helped: () => latencyIn(helped, CALLS),
      direct: () => medianLatency(direct, CALLS),
      throughGateway: () => medianLatency(throughGateway, CALLS),
    };
    const turns: Record<Arm, number[]> = { alone: [], helped: [], direct: [], throughGateway: [] };
    for (let turn = 0; turn < Math.max(...Object.values(TURNS)); turn++)
      for (const arm of (turn + generation) % 2 === 0 ? ARMS : ARMS.toReversed())
        if (turn < TURNS[arm]) turns[arm].push(await measure[arm]());
    const mean = (arm: Arm): number => turns[arm].reduce((sum, latency) => sum + latency, 0) / TURNS[arm];
    return {
      alone: mean('alone'),
      helped: mean('helped'),
      direct: mean('direct'),
      throughGateway: mean('throughGateway'),
    };
  } finally {
    alone.disconnect();
    helped.disconnect();
  }
}

const start = (file: string, ...args: readonly string[]): ChildProcess =>
  fork(fileURLToPath(new URL(file, import.meta.url)), args, { execArgv: process.execArgv });

async function latencyIn(child: ChildProcess, callsEach: number): Promise<number> {
  child.send(callsEach);
  const [latency] = (await once(child, 'message')) as [number];
  return latency;
}

function report(generations: readonly Latencies[]): void {
  const ours = (drawn: readonly Latencies[]): number => pseudoMedian(drawn.map(({ alone, helped }) => helped - alone));
  const theirs = (drawn: readonly Latencies[]): number =>
    pseudoMedian(drawn.map(({ direct, throughGateway }) => throughGateway - direct));
  const ratio = (drawn: readonly Latencies[]): number => ours(drawn) / theirs(drawn);
  const lower = -upperBound95(generations, (drawn) => -ours(drawn));
  const of = (arm: Arm): string => median(generations.map((latencies) => latencies[arm])).toFixed(2);
  note(
    `p50 at ${CONNECTIONS} connections: SDK ${of('alone')} ms, the helper adds ${ours(generations).toFixed(3)} ms (${lower.toFixed(3)} to ${upperBound95(generations, ours).toFixed(3)}); plain client ${of('direct')} ms, the Portkey gateway adds ${theirs(generations).toFixed(2)} ms; ${generations.length} generations of two processes`,
  );
  figure('added_p50_vs_portkey', upperBound95(generations, ratio), { atMost: 0.05 });
}

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
