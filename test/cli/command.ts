import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { BUNDLED_GOVERNOR } from './bundled-governor.ts';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Of the command there is a bundle; `local` runs functions in threads that load sources. */
const programOf = (script: string, [command]: readonly string[]): readonly string[] =>
  script === 'cli/governor.ts' && command !== 'local' ? [BUNDLED_GOVERNOR] : ['--import', 'tsx', script];

/** A TypeScript program of this repository in a process of its own, its output piped. */
export class Command {
  readonly #child: ChildProcess;
  readonly #listeners = new Set<() => void>();
  #stdout = '';
  #stderr = '';
  readonly ended: Promise<Ending>;

  constructor(script: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.#child = spawn(process.execPath, [...programOf(script, args), ...args], {
      cwd: ROOT,
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
      for (const listener of this.#listeners) listener();
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    this.ended = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('close', (code, signal) =>
        resolve({ code, signal, stdout: this.#stdout, stderr: this.#stderr }),
      );
    });
  }

  get stdout(): string {
    return this.#stdout;
  }

  /** Resolves when the program has printed the text; rejects when it ends without. */
  async printed(text: string): Promise<void> {
    const seen = new Promise<void>((resolve) => {
      const look = () => {
        if (!this.#stdout.includes(text)) return;
        this.#listeners.delete(look);
        resolve();
      };
      this.#listeners.add(look);
      look();
    });
    const ended = this.ended.then(({ stderr }) => {
      if (!this.#stdout.includes(text)) throw new Error(`it ended without printing "${text}": ${stderr}`);
    });
    await Promise.race([seen, ended]);
  }

  /** Resolves when the program has said the text on stderr, or has ended. */
  async complained(text: string): Promise<void> {
    const said = new Promise<void>((resolve) => {
      const look = () => {
        if (this.#stderr.includes(text)) resolve();
      };
      this.#child.stderr?.on('data', look);
      look();
    });
    await Promise.race([said, this.ended]);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}

export const start = (...args: readonly string[]): Command => new Command('cli/start.ts', args);

export const governor = (env: NodeJS.ProcessEnv, ...args: readonly string[]): Command =>
  new Command('cli/governor.ts', args, env);

/** Whether a port of this machine can be listened on. */
export async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return await new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
