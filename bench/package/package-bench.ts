import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as z from 'zod';
import { functionPlugins } from '../../infra/bundle.ts';
import { packageStack } from '../../infra/package.ts';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';
import { figure, median, note } from '../figures.ts';
import { bundleBareClients, clientsOf, type FirstCall } from './bare-clients.ts';
import { contextFor, eventFor } from './events.ts';
import { type PackagedFunction, unpackFunctions } from './packaged-function.ts';

export const PARTS = ['size', 'cold'] as const;

const COLD_START = fileURLToPath(new URL('./cold-start.mjs', import.meta.url));
const MB = 1_000_000;
const time = z.object({ wallMs: z.number(), cpuMs: z.number() });
const timesSchema = z.object({ asked: time, answered: time });
type Times = z.infer<typeof timesSchema>;

/**
 * The functions as they are packaged: how large their bundles are, and how much longer a function takes from its import through
 * its first call of AWS than a bundle of just its SDK clients does that asks the same. Each start is a process of its own; a
 * function and its counterpart take turns that change their order, so that both see the same machine.
 */
export async function run(full: boolean, only?: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'governor-package-'));
  const stack = await packageStack();
  try {
    const functions = await unpackFunctions(stack, folder);
    if (only !== 'cold') sizes(functions);
    if (only !== 'size') await coldStarts(stack, functions, full ? 41 : 25);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function sizes(functions: readonly PackagedFunction[]): void {
  for (const { name, bytes } of functions) note(`${name}: ${(bytes / 1_000).toFixed(0)} KB`);
  figure('bundle_mb_max', Math.max(...functions.map(({ bytes }) => bytes)) / MB, { atMost: 1 });
}

async function coldStarts(
  stack: Awaited<ReturnType<typeof packageStack>>,
  functions: readonly PackagedFunction[],
  pairs: number,
): Promise<void> {
  const aws = await startEmbeddedAws({ startAt: Date.parse('2026-11-20T09:15:00Z') });
  try {
    const deployed = await aws.deploy(stack);
    const ratios: { cpu: number; wall: number; asked: number }[] = [];
    for (const fn of functions) {
      const env = environmentOf(aws, deployed.outputs);
      const start = async (bundle: string): Promise<Times> => await startOnce(bundle, fn.name, env);
      const first = await firstCallOf(aws, () => start(fn.path));
      const clients = await clientsOf(fn.name, functionPlugins);
      const bare = await bundleBareClients(clients, first, dirname(fn.path));
      // The first of each reads the file from the disk.
      await start(bare);
      const measured: { fn: Times; bare: Times }[] = [];
      for (let pair = 0; pair < pairs; pair++) {
        const order = pair % 2 === 0 ? (['fn', 'bare'] as const) : (['bare', 'fn'] as const);
        const taken: Partial<Record<'fn' | 'bare', Times>> = {};
        for (const which of order) taken[which] = await start(which === 'fn' ? fn.path : bare);
        if (taken.fn !== undefined && taken.bare !== undefined) measured.push({ fn: taken.fn, bare: taken.bare });
      }
      const of = (read: (times: Times) => number) => ({
        fn: median(measured.map((pair) => read(pair.fn))),
        bare: median(measured.map((pair) => read(pair.bare))),
        ratio: median(measured.map((pair) => read(pair.fn) / read(pair.bare))),
      });
      const [cpu, wall] = [of(({ answered }) => answered.cpuMs), of(({ answered }) => answered.wallMs)];
      const asked = of((times) => times.asked.cpuMs);
      ratios.push({ cpu: cpu.ratio, wall: wall.ratio, asked: asked.ratio });
      note(
        `${fn.name}: ${first.call.operation}; CPU ${cpu.fn.toFixed(0)} ms over ${cpu.bare.toFixed(0)} is ${cpu.ratio.toFixed(2)}, ` +
          `wall ${wall.fn.toFixed(0)} over ${wall.bare.toFixed(0)} is ${wall.ratio.toFixed(2)}; until asked ${asked.ratio.toFixed(2)} (${clients.join(', ')})`,
      );
    }
    note(`worst by wall time ${Math.max(...ratios.map(({ wall }) => wall)).toFixed(2)}`);
    figure('cold_import_ratio_max', Math.max(...ratios.map(({ cpu }) => cpu)), { atMost: 1.5 });
  } finally {
    await aws.close();
  }
}

/** What the function asks first, as the embedded AWS reads it. */
async function firstCallOf(aws: EmbeddedAws, start: () => Promise<unknown>): Promise<FirstCall> {
  let first: FirstCall | undefined;
  const stop = aws.intercept((call, input) => {
    first ??= { call, input };
    return undefined;
  });
  await start();
  stop();
  if (first === undefined) throw new Error('the function has asked AWS nothing');
  return first;
}

async function startOnce(bundle: string, name: string, env: Record<string, string>): Promise<Times> {
  const event = JSON.stringify(await eventFor(name));
  const context = JSON.stringify(contextFor(name));
  const { stdout } = await promisify(execFile)(process.execPath, [COLD_START, bundle, event, context], { env });
  const line = stdout.split('\n').find((text) => text.startsWith('times '));
  if (line === undefined) throw new Error(`${name}: no times in what it wrote: ${stdout}`);
  return timesSchema.parse(JSON.parse(line.slice('times '.length)));
}

/** What the stack tells its functions, and Lambda, and nothing of whoever runs this. */
function environmentOf(aws: EmbeddedAws, outputs: Readonly<Record<string, string>>): Record<string, string> {
  const output = (name: string): string => outputs[name] ?? '';
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: '/nonexistent',
    ...aws.environment(),
    AWS_SESSION_TOKEN: 'embedded',
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    GOVERNOR_TABLE: output('TableName'),
    GOVERNOR_NOTICES_TOPIC_ARN: output('NoticesTopicArn'),
    GOVERNOR_CHAT_TOPIC_ARN: output('ChatNoticesTopicArn'),
    GOVERNOR_BUDGET_ALERTS_TOPIC_ARN: output('BudgetAlertsTopicArn'),
    GOVERNOR_ANOMALIES_TOPIC_ARN: output('AnomaliesTopicArn'),
    GOVERNOR_BUS_NAME: output('BusName'),
    GOVERNOR_ACCOUNT_ID: aws.accountId,
    GOVERNOR_INDEX_PARAMETER: '/bedrock-cost-governor-dev/index',
    GOVERNOR_STAGE: 'dev',
    GOVERNOR_REGIONS: aws.homeRegion,
    GOVERNOR_PAYER_ACCOUNT_ID: 'none',
    POWERTOOLS_SERVICE_NAME: 'bedrock-cost-governor',
    POWERTOOLS_METRICS_NAMESPACE: 'BedrockCostGovernor',
    POWERTOOLS_LOG_LEVEL: 'INFO',
  };
}
