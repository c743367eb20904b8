import { note } from '../figures.ts';
import { cpuRatio } from './cpu-ratio.ts';
import { type GovernedProcess, governedProcess } from './governed-process.ts';
import { lookupSpeed } from './lookup-speed.ts';
import { middlewareTime } from './middleware-time.ts';
import { manyProfiles } from './profiles.ts';
import { streamShare } from './stream-share.ts';

const PROFILES = 100_000;

let shared: Promise<GovernedProcess> | undefined;
/** Made once for all parts that need it. */
const governed = (): Promise<GovernedProcess> => {
  shared ??= governedProcess(manyProfiles(PROFILES));
  return shared;
};

const RUN: Readonly<Record<string, (full: boolean) => Promise<void>>> = {
  lookup: async (full) => lookupSpeed(manyProfiles(PROFILES), full ? 400 : 100),
  middleware: async (full) => middlewareTime(await governed(), PROFILES, full ? 2_000 : 500),
  cpu: async (full) => cpuRatio(full ? 80 : 40),
  stream: async (full) => streamShare(full ? 21 : 7),
  load: async (full) => (await import('../load/load-bench.ts')).run(full),
  latency: async (full) => (await import('./added-latency.ts')).addedLatency(full),
};

export const PARTS = Object.keys(RUN);

/** What the helper costs the process that it runs in. */
export async function run(full: boolean, only?: string): Promise<void> {
  for (const [name, part] of Object.entries(RUN)) {
    if (only !== undefined && only !== name) continue;
    note(`\n${name}`);
    await part(full);
  }
}
