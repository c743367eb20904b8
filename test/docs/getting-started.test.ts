import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clone } from './clone.ts';
import { fencesOf, placeOf } from './fences.ts';
import { notShown } from './shown.ts';

/** Needs a network: `.ci/run` clones the repository, installs and starts. */
const CLONES = /^git clone /;
const SECOND_TERMINAL = /^npm run governor -- local\b/m;
/** Behind a command that is to fail. */
const FAILS = /# exit code (\d+)$/m;

const all = await fencesOf('docs/getting-started.md');
/** What a reader does before anything needs a real account: what comes later, test/docs/commands.test.ts checks. */
const steps = all.slice(
  0,
  all.findIndex(({ heading }) => heading === "The member's part"),
);

describe('getting started, from an empty folder to a program of one’s own', () => {
  let folder: string;
  let local: Terminal | undefined;
  let environment: Readonly<Record<string, string>> = {};
  let printed = '';

  beforeAll(async () => {
    folder = await clone();
  });
  afterAll(async () => {
    local?.end();
    await local?.ended;
    await rm(folder, { recursive: true, force: true });
  });

  it('has steps', () => {
    expect(steps.filter(({ language }) => language === 'sh').length).toBeGreaterThan(10);
  });

  it.each(steps.map((step) => [placeOf(step), step] as const))('%s', async (_place, step) => {
    if (step.language === 'text')
      expect({ notShown: notShown(printed, step.text), printed }).toEqual({ notShown: [], printed });
    else if (step.language === 'ts') await writeFile(join(folder, step.name), step.text);
    else if (SECOND_TERMINAL.test(step.text)) {
      local = new Terminal(folder, {}, step.text);
      await local.until('Ctrl-C ends it.');
      printed = local.output;
      environment = Object.fromEntries(
        [...printed.matchAll(/^ {2}export (\w+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]),
      );
      expect(Object.keys(environment)).toHaveLength(7);
    } else if (!CLONES.test(step.text)) {
      expect(step.language).toBe('sh');
      const terminal = new Terminal(folder, environment, step.text);
      const code = await terminal.ended;
      printed = terminal.output;
      expect({ code, printed }).toEqual({ code: Number(FAILS.exec(step.text)?.[1] ?? 0), printed });
    }
  });
});

/** A shell, and whatever it starts. */
class Terminal {
  readonly #shell: ChildProcess;
  readonly ended: Promise<number | null>;
  output = '';

  constructor(folder: string, environment: Readonly<Record<string, string>>, commands: string) {
    this.#shell = spawn('bash', ['-euo', 'pipefail', '-c', commands], {
      cwd: folder,
      env: {
        PATH: process.env['PATH'],
        HOME: process.env['HOME'],
        AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
        ...environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    for (const stream of [this.#shell.stdout, this.#shell.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
      });
    this.ended = once(this.#shell, 'close').then(([code]) => (typeof code === 'number' ? code : null));
  }

  async until(text: string): Promise<void> {
    const seen = (async () => {
      while (!this.output.includes(text)) await once(this.#shell.stdout ?? this.#shell, 'data');
    })();
    await Promise.race([
      seen,
      this.ended.then(() => {
        throw new Error(`it ended without printing "${text}": ${this.output}`);
      }),
    ]);
  }

  /** Ctrl-C, which goes to all processes of the terminal. */
  end(): void {
    if (this.#shell.pid !== undefined) process.kill(-this.#shell.pid, 'SIGINT');
  }
}
