import { readFile } from 'node:fs/promises';
import { text as textOf } from 'node:stream/consumers';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { stackDeployment } from '../../aws/doctor/stack-deployment.ts';
import { readOnly } from '../../aws/read-only.ts';
import { isoTime } from '../../domain/clock.ts';
import type { JournalFacts } from '../../domain/journal.ts';
import { dryPorts, type Transcript } from '../../domain/replay/dry-ports.ts';
import { type Routing, routeEvent } from '../../domain/replay/replay-event.ts';
import { readingTrouble } from '../../infra/file-trouble.ts';
import { callerOf } from '../caller.ts';
import { PREFIX, type StackOptions, stageIn, tableOf } from '../connection.ts';
import { harmless, print, printJson } from '../output/print.ts';
import { progress } from '../output/progress.ts';
import { styleOf } from '../output/style.ts';
import { UserError } from '../user-error.ts';
import { answeringAccount } from './account.ts';

export interface ReplayOptions extends StackOptions {
  readonly account?: string;
  readonly json?: boolean;
}

/** @returns the exit code */
export async function runReplay(options: ReplayOptions, file: string): Promise<number> {
  const event = await readEvent(file);
  const [table, stage] = [tableOf(options), stageIn(options)];
  const accountId = options.account ?? (await callerOf()).account;
  const deployment = await stackDeployment(readOnly(new LambdaClient()), `${PREFIX}-${stage}`);
  if (deployment === undefined)
    throw new UserError([
      `no function of the stage ${stage} is deployed in this account and Region: nothing would answer`,
    ]);
  const routing = routeEvent(event, { ...deployment, accountId, homeRegion: deployment.region });
  if (routing.kind === 'unreadable')
    throw new UserError([
      `${file}: ${routing.by === undefined ? '' : `the function ${routing.by} would leave it unread: `}${routing.why}`,
    ]);
  if (routing.kind === 'left-alone') {
    if (options.json === true)
      printJson({ type: 'replay', function: routing.by ?? null, outcome: routing.why, ...NOTHING });
    else
      print(
        `Nothing would happen${routing.by === undefined ? '' : ` in the function ${routing.by}`}: ${harmless(routing.why)}`,
      );
    return 0;
  }
  const bar = progress(options);
  bar.at(`playing ${routing.by} …`);
  const { ports, isTold } = await answeringAccount({
    table,
    stage,
    accountId,
    anomalyTopicArn: deployment.topics.anomalies,
  });
  const dry = dryPorts(ports, isTold);
  const outcome = await routing.play(dry.ports);
  bar.done();
  if (options.json === true)
    printJson({
      type: 'replay',
      at: isoTime(ports.clock.now()),
      function: routing.by,
      about: routing.about,
      outcome,
      ...dry.transcript,
    });
  else tell(routing, outcome, dry.transcript);
  return 0;
}

const NOTHING: Transcript = { decisions: [], counted: [], intentions: [] };

async function readEvent(file: string): Promise<unknown> {
  const text = await (file === '-' ? textOf(process.stdin) : readFile(file, 'utf8')).catch((error: unknown) => {
    throw new UserError([`${file}: ${readingTrouble(error)}`]);
  });
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UserError([
      `${file}: expected an event as JSON (${error instanceof Error ? error.message : String(error)})`,
    ]);
  }
}

function tell(
  { by, about }: Extract<Routing, { kind: 'answer' }>,
  outcome: string,
  { decisions, counted, intentions }: Transcript,
): void {
  const style = styleOf();
  print(`${style.bold(`The function ${by} would look at ${harmless(about)}`)}, as it is now: ${harmless(outcome)}.`);
  print(decisions.length === 0 ? '\nIt would decide nothing.' : `\n${style.bold('It would decide')}`);
  for (const { decision, facts } of decisions) {
    print(`  ${style.cyan(decision)}`);
    for (const [name, value] of Object.entries(facts)) print(`      ${name}: ${harmless(factText(value))}`);
  }
  for (const { metric, facts } of counted) print(`  counted ${metric}: ${harmless(factText(JSON.stringify(facts)))}`);
  print(intentions.length === 0 ? '\nIt would write nothing.' : `\n${style.bold('It would write')}`);
  for (const { to, what } of intentions) print(`  ${style.yellow(to)}: ${harmless(what)}`);
  print('\nNothing was changed.');
}

function factText(value: JournalFacts[string]): string {
  if (typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return value.join(', ');
  return Object.entries(value)
    .map(([name, text]) => `${name} ${String(text)}`)
    .join(', ');
}
