import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Bundle } from './bundle.ts';
import type { SeedOutcome } from './seed.ts';
import type { SeedsRequest } from './seeds.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

interface Answer {
  readonly id: number;
  readonly outcomes?: readonly SeedOutcome[];
  readonly error?: string;
}

/** A thread for each core. */
export class Workers {
  readonly #idle: Worker[] = [];
  readonly #all: Worker[] = [];
  readonly #waiting: ((worker: Worker) => void)[] = [];
  #requests = 0;

  constructor(count: number = Math.min(2, availableParallelism())) {
    for (let at = 0; at < count; at++) {
      const worker = new Worker(new URL('./worker.cjs', import.meta.url), {
        workerData: { root: ROOT },
        env: { ...process.env, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
        execArgv: [],
        // A seed makes tens of megabytes of what is soon forgotten: with more room for it less is moved about.
        resourceLimits: { maxYoungGenerationSizeMb: 256, maxOldGenerationSizeMb: 2048 },
      });
      worker.setMaxListeners(0);
      this.#all.push(worker);
      this.#idle.push(worker);
    }
  }

  get count(): number {
    return this.#all.length;
  }

  async run(bundle: Bundle, request: SeedsRequest): Promise<readonly SeedOutcome[]> {
    const worker = this.#idle.pop() ?? (await new Promise<Worker>((resolve) => this.#waiting.push(resolve)));
    const id = ++this.#requests;
    try {
      return await new Promise((resolve, reject) => {
        const answered = (answer: Answer): void => {
          if (answer.id !== id) return;
          worker.off('message', answered);
          worker.off('error', reject);
          if (answer.outcomes !== undefined) resolve(answer.outcomes);
          else reject(new Error(answer.error));
        };
        worker.on('message', answered);
        worker.once('error', reject);
        worker.postMessage({ id, bundle, request });
      });
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#idle.push(worker);
      else next(worker);
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#all.map((worker) => worker.terminate()));
  }
}
