import { setTimeout } from 'node:timers/promises';
import { median } from '../figures.ts';

export const CONNECTIONS = 64;

/** How long the model takes. */
export const UPSTREAM_MS = 100;

export type Call = () => Promise<void>;

/**
 * The median latency of calls on all connections, in milliseconds. They begin one after the other within the time that an
 * answer takes, so that calls come evenly.
 */
export async function medianLatency(call: Call, callsEach: number): Promise<number> {
  const latencies: number[] = [];
  const connection = async (_: unknown, place: number): Promise<void> => {
    await setTimeout((place * UPSTREAM_MS) / CONNECTIONS);
    for (let made = 0; made < callsEach; made++) {
      const began = process.hrtime.bigint();
      await call();
      latencies.push(Number(process.hrtime.bigint() - began) / 1e6);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, connection));
  return median(latencies);
}
