import { Worker } from 'node:worker_threads';

/** What one worker runs. */
export interface EnvironmentOptions {
  /** Folder with the function's code. */
  readonly taskRoot: string;
  /** `<module>.<export>`, as in the function's configuration. */
  readonly handler: string;
  /** All environment variables that the code sees. */
  readonly variables: Readonly<Record<string, string>>;
  readonly memoryMb: number;
  readonly log: (line: string) => void;
}

export interface Invocation {
  readonly requestId: string;
  /** JSON. */
  readonly payload: string;
  /** The members of the handler's context that are data. */
  readonly context: Readonly<Record<string, string>>;
  readonly traceId: string;
  /** Virtual minus real time, in ms: the function's `Date` shows the virtual clock. */
  readonly clockOffset: number;
  readonly timeoutMs: number;
}

export interface InvocationResult {
  /** JSON: what the handler returned, or the error object. */
  readonly payload: string;
  readonly error?: { readonly type: string; readonly message: string };
}

/**
 * One execution environment: a worker thread that keeps the function's module loaded between invocations and runs one
 * at a time. A time-out, a crash or `process.exit` ends the thread; the environment is then no longer `alive`.
 */
export class ExecutionEnvironment {
  readonly #worker: Worker;
  readonly #log: (line: string) => void;
  #alive = true;
  #unfinishedLine = '';
  #settle: ((result: InvocationResult) => void) | undefined;

  constructor(options: EnvironmentOptions) {
    this.#log = options.log;
    this.#worker = new Worker(new URL('./bootstrap.mjs', import.meta.url), {
      env: { ...options.variables },
      workerData: { taskRoot: options.taskRoot, handler: options.handler },
      execArgv: [],
      argv: [],
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: options.memoryMb },
    });
    // What Node itself writes in the worker, such as warnings, bypasses the bootstrap's streams.
    for (const stream of [this.#worker.stdout, this.#worker.stderr]) {
      stream.on('data', (chunk: Buffer) => this.#write(chunk.toString('utf8')));
    }
    this.#worker.on('message', (message: WorkerMessage) => {
      if (message.type === 'log') this.#write(message.text);
      else if (message.type === 'result') this.#finish({ payload: message.payload });
      else this.#finish(failedInvocation(message.error.errorType, message.error.errorMessage, message.error.trace));
    });
    this.#worker.on('error', (error: Error & { code?: string }) => {
      this.#alive = false;
      const type =
        error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'Runtime.OutOfMemory' : 'Runtime.UnhandledPromiseRejection';
      this.#finish(failedInvocation(type, error.message, error.stack?.split('\n') ?? []));
    });
    this.#worker.on('exit', () => {
      this.#alive = false;
      this.#finish(failedInvocation('Runtime.ExitError', 'Runtime exited without providing a reason'));
    });
    this.#worker.unref();
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** Runs one invocation. Never rejects; must not be called while another one runs. */
  async run(invocation: Invocation): Promise<InvocationResult> {
    if (this.#settle !== undefined) throw new Error('an execution environment runs one invocation at a time');
    return new Promise((resolve) => {
      // The process must not end while a function still works, though an idle worker keeps nothing alive.
      this.#worker.ref();
      const timer = setTimeout(() => {
        this.#alive = false;
        void this.#worker.terminate();
        const seconds = (invocation.timeoutMs / 1000).toFixed(2);
        this.#finish(
          failedInvocation(
            'Sandbox.Timedout',
            `RequestId: ${invocation.requestId} Error: Task timed out after ${seconds} seconds`,
          ),
        );
      }, invocation.timeoutMs);
      this.#settle = (result) => {
        clearTimeout(timer);
        this.#worker.unref();
        resolve(result);
      };
      this.#worker.postMessage(invocation);
    });
  }

  async terminate(): Promise<void> {
    this.#alive = false;
    await this.#worker.terminate();
  }

  #finish(result: InvocationResult): void {
    const settle = this.#settle;
    this.#settle = undefined;
    if (this.#unfinishedLine !== '') this.#write('\n');
    settle?.(result);
  }

  #write(text: string): void {
    const lines = (this.#unfinishedLine + text).split('\n');
    this.#unfinishedLine = lines.pop() ?? '';
    for (const line of lines) this.#log(line);
  }
}

type WorkerMessage =
  | { readonly type: 'log'; readonly text: string }
  | { readonly type: 'result'; readonly payload: string }
  | {
      readonly type: 'error';
      readonly error: { readonly errorType: string; readonly errorMessage: string; readonly trace: readonly string[] };
    };

/** The result of an invocation that has not come to an answer of its own. */
export function failedInvocation(type: string, message: string, trace: readonly string[] = []): InvocationResult {
  return { payload: JSON.stringify({ errorType: type, errorMessage: message, trace }), error: { type, message } };
}
