import type { Simulation } from '../simulation/simulation.ts';

export interface Latency {
  readonly simulation: Simulation;
  readonly random: () => number;
  /** Shortest and longest answer in milliseconds; evenly spread. */
  readonly ms: readonly [number, number];
}

export const TABLE_MS: Latency['ms'] = [4, 20];
export const BEDROCK_MS: Latency['ms'] = [30, 120];

/** The port as a network away on virtual time: half of the time before it acts, half before its answer is there. */
export function delayed<Port extends object>(port: Port, { simulation, random, ms: [least, most] }: Latency): Port {
  const after = (ms: number): Promise<void> => new Promise((resolve) => void simulation.after(ms, resolve));
  return new Proxy(port, {
    get(target, member) {
      const method: unknown = Reflect.get(target, member);
      // Lists come page by page: those are not delayed.
      if (typeof method !== 'function' || STREAMED.has(String(member))) return method;
      return async (...args: unknown[]): Promise<unknown> => {
        const half = (least + random() * (most - least)) / 2;
        await after(half);
        const answer: unknown = await Reflect.apply(method, target, args);
        await after(half);
        return answer;
      };
    },
  });
}

const STREAMED = new Set(['list']);
