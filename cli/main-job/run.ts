import { setTimeout as wait } from 'node:timers/promises';
import type { PolicyFile } from '../policy-file.ts';
import { jsonTeller, type Teller, textTeller } from '../timeline.ts';
import { EXIT_INTERRUPTED, UserError } from '../user-error.ts';
import { boot, type Deployment } from './boot.ts';
import { retell } from './governor-voice.ts';
import { overview } from './overview.ts';
import { STORY_BEGINS, Story } from './story.ts';

export interface MainJobOptions {
  /** The file's name, for people. */
  readonly policy: string;
  readonly keep?: boolean;
  readonly json?: boolean;
  readonly port?: number;
}

/** Boots, tells the story, shows where everything stands; with `keep`, stays until interrupted. */
export async function runMainJob(policy: PolicyFile, options: MainJobOptions): Promise<void> {
  const teller = tellerFor(options);
  const quit = () => process.exit(EXIT_INTERRUPTED);
  process.once('SIGINT', quit);
  teller.say('Packaging the stack and deploying it into the embedded AWS …');
  let nameOf = (arn: string): string => arn;
  const deployment = await boot({
    policy,
    startAt: STORY_BEGINS,
    ...(options.port === undefined ? {} : { port: options.port }),
    beforeDeploy: (aws) =>
      aws.observe((observation) => {
        if (observation.kind === 'publish' && observation.subject?.startsWith('AWS Budgets:') === true)
          teller.tell({ at: aws.clock.now(), actor: 'aws', what: observation.subject });
        if (observation.kind !== 'log') return;
        const entry = retell(observation.line, aws.clock.now(), (arn) => nameOf(arn));
        if (entry !== undefined) teller.tell(entry);
      }),
  }).catch((error: unknown) => {
    throw portProblem(error) ?? error;
  });
  try {
    teller.say(`The governor runs at ${deployment.aws.endpoint} under ${options.policy}.`);
    const story = new Story(deployment, teller);
    nameOf = story.nameOf;
    await story.tell();
    teller.chapter('Where everything stands');
    teller.table(await overview(deployment));
    if (options.keep === true) {
      process.off('SIGINT', quit);
      await keep(deployment, teller);
    }
  } finally {
    await deployment.close();
  }
}

function portProblem(error: unknown): UserError | undefined {
  const { code, port } = error as { code?: unknown; port?: unknown };
  if (code === 'EADDRINUSE') return new UserError([`port ${port} is in use; name another with --port, or none`]);
  if (code === 'EACCES') return new UserError([`port ${port} needs rights that you do not have; name another`]);
  return undefined;
}

const tellerFor = (options: MainJobOptions): Teller => {
  const { stdout } = process;
  const write = (text: string) => void stdout.write(text);
  if (options.json === true) return jsonTeller(write);
  const colours = stdout.isTTY === true && process.env['NO_COLOR'] === undefined;
  return textTeller(write, { colours, columns: Math.max(80, Math.min(stdout.columns ?? 140, 160)) });
};

/** How often notices are fetched while the endpoint is kept. */
const POLL_MS = 1_000;

async function keep(deployment: Deployment, teller: Teller): Promise<void> {
  const { aws } = deployment;
  const exports = Object.entries(aws.environment()).map(([name, value]) => `export ${name}=${value}`);
  teller.endpoint(aws.endpoint, aws.environment());
  teller.say(
    [
      '',
      'The endpoint stays up and keeps governing. In another terminal:',
      '',
      ...exports.map((line) => `  ${line}`),
    ].join('\n'),
  );
  teller.say(
    [
      '',
      `Its clock stands at ${new Date(aws.clock.now()).toISOString()} and goes on from there; to move it:`,
      `  curl -X POST ${aws.endpoint}/_embedded/clock -d '{"advance":"PT5M"}'`,
      '',
      'Ctrl-C ends it.',
    ].join('\n'),
  );
  const interrupt = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupt.abort());
  while (!interrupt.signal.aborted) {
    for (const { at, subject, text } of await deployment.notices())
      teller.tell({ at, actor: 'notice', what: subject, why: text });
    await wait(POLL_MS, undefined, { signal: interrupt.signal }).catch(() => {});
  }
}
