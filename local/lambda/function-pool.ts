import {
  type EnvironmentOptions,
  ExecutionEnvironment,
  failedInvocation,
  type Invocation,
  type InvocationResult,
} from './execution-environment.ts';

/** So many workers of one function at most; further invocations wait. AWS would scale to a thousand. */
const MAX_ENVIRONMENTS = 4;

/** The warm execution environments of one version of one function. */
export class FunctionPool {
  readonly #options: EnvironmentOptions;
  readonly #limit: number;
  readonly #idle: ExecutionEnvironment[] = [];
  readonly #busy = new Set<ExecutionEnvironment>();
  readonly #waiting: (() => void)[] = [];
  #closed = false;
  #terminated = false;

  /** @param reservedConcurrency the function's own limit, if it has one */
  constructor(options: EnvironmentOptions, reservedConcurrency = MAX_ENVIRONMENTS) {
    this.#options = options;
    this.#limit = Math.min(MAX_ENVIRONMENTS, reservedConcurrency);
  }

  /** Never rejects. */
  async run(invocation: Invocation): Promise<InvocationResult> {
    while (this.#busy.size >= this.#limit) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (this.#terminated) return failedInvocation('Runtime.ExitError', 'The function was shut down');
    const environment = this.#take();
    try {
      return await environment.run(invocation);
    } finally {
      this.#busy.delete(environment);
      if (this.#closed) await environment.terminate();
      else if (environment.alive) this.#idle.push(environment);
      this.#waiting.shift()?.();
    }
  }

  /** Ends idle workers at once and busy ones when they are done. */
  async retire(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#idle.splice(0).map((environment) => environment.terminate()));
  }

  /** Ends all workers at once. */
  async terminate(): Promise<void> {
    this.#closed = true;
    this.#terminated = true;
    await Promise.all([...this.#idle.splice(0), ...this.#busy].map((environment) => environment.terminate()));
  }

  #take(): ExecutionEnvironment {
    let environment = this.#idle.pop();
    while (environment !== undefined && !environment.alive) environment = this.#idle.pop();
    environment ??= new ExecutionEnvironment(this.#options);
    this.#busy.add(environment);
    return environment;
  }
}
