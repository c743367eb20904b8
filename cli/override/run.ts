import { isoTime, shortTime } from '../../domain/clock.ts';
import { howMany } from '../../domain/how-many.ts';
import type { Journal } from '../../domain/journal.ts';
import { displayUsd } from '../../domain/money.ts';
import type { Override, OverrideChange } from '../../domain/standing/override.ts';
import { describeTarget } from '../../domain/standing/override.ts';
import { type OverrideOutcome, overrideStanding } from '../../domain/standing/override-standing.ts';
import { type ShadowLine, shadowReport } from '../../domain/standing/shadow-report.ts';
import { type RetractionOutcome, takeBack } from '../../domain/standing/take-back.ts';
import { callerOf } from '../caller.ts';
import { commandLine } from '../command-line.ts';
import { type StackOptions, tableOf } from '../connection.ts';
import { InterruptedBefore, unlessTwice, wasInterrupted } from '../interruption.ts';
import { complain, print, printJson } from '../output/print.ts';
import { EXIT_FAILED, UserError } from '../user-error.ts';
import { enforcementOf } from './account.ts';
import { type Decision, outcomeDocument, overrideLine, shadowDocument } from './document.ts';
import { type OverrideOptions, overrideOf, readOverride } from './request.ts';

export interface Output extends StackOptions {
  readonly json?: boolean;
}

/** Keeps an override and enforces it at once. @returns the exit code */
export async function runOverride(kind: OverrideChange['kind'], options: OverrideOptions & Output): Promise<number> {
  const request = readOverride(kind, options);
  const { arn } = await callerOf();
  const decisions: Decision[] = [];
  const ports = await enforcementOf(tableOf(options), journalFor(decisions));
  const wanted = overrideOf(request, arn, ports.clock.now());
  ports.journal.begin({ actor: arn, invocation: wanted.id });
  const outcome = await enforced((isInterrupted) => {
    const { overrides } = ports;
    const keep: typeof overrides.keep = async (...word) => {
      if (isInterrupted()) throw new InterruptedBefore();
      return await overrides.keep(...word);
    };
    return overrideStanding({ ...ports, overrides: { ...overrides, keep } }, wanted);
  }, ports.journal);
  if (outcome.kind === 'refused') throw new UserError([outcome.problem]);
  if (options.json === true) printJson(outcomeDocument('override', outcome, decisions));
  else for (const line of told(outcome.override, outcome)) print(line);
  return exitOf(outcome);
}

/** Takes an override back and enforces what follows. @returns the exit code */
export async function runTakeBack(options: Output & { readonly reason: string }, id: string): Promise<number> {
  const { arn } = await callerOf();
  const decisions: Decision[] = [];
  const ports = await enforcementOf(tableOf(options), journalFor(decisions));
  ports.journal.begin({ actor: arn, invocation: id });
  const outcome: RetractionOutcome = await enforced((isInterrupted) => {
    const { overrides } = ports;
    const retract: typeof overrides.takeBack = async (override) => {
      if (isInterrupted()) throw new InterruptedBefore();
      return await overrides.takeBack(override);
    };
    return takeBack(
      { ...ports, overrides: { ...overrides, takeBack: retract } },
      { id, reason: options.reason, author: arn },
    );
  }, ports.journal);
  if (outcome.kind === 'refused')
    throw new UserError([outcome.problem, `Those that hold: ${commandLine('overrides')}`]);
  if (options.json === true) printJson(outcomeDocument('taken-back', outcome, decisions));
  else {
    print(`taken back: ${overrideLine(outcome.override)}`);
    for (const line of afterwards(outcome)) print(line);
  }
  return exitOf(outcome);
}

/** Before its first write it stops; from then on it goes on to its end, and a second Ctrl-C leaves the rest to the sweep. */
async function enforced<Outcome>(
  work: (isInterrupted: () => boolean) => Promise<Outcome>,
  journal: { flush(): Promise<void> },
): Promise<Outcome> {
  return await unlessTwice(
    () => complain('Interrupted: finishing what has begun; Ctrl-C again leaves the rest to the sweep …'),
    async () => {
      try {
        return await work(wasInterrupted);
      } finally {
        await journal.flush();
      }
    },
  );
}

const exitOf = (outcome: Exclude<OverrideOutcome, { kind: 'refused' }>): number =>
  outcome.kind === 'applied' && outcome.enforcement.failed.length === 0 ? 0 : EXIT_FAILED;

/** Tells what budgets in shadow mode would have refused. @returns the exit code */
export async function runShadow(options: Output & { readonly periods: number }): Promise<number> {
  const table = tableOf(options);
  const ports = await enforcementOf(table, journalFor());
  const budgets = await shadowReport(ports, options.periods);
  if (options.json === true) {
    printJson({ type: 'shadow', at: isoTime(ports.clock.now()), table, budgets: budgets.map(shadowDocument) });
    return 0;
  }
  for (const each of budgets) print(describeShadow(each));
  if (budgets.length === 0) {
    print('No budget is in shadow mode, or was in these periods.');
    print('To try one out: "mode: shadow" at a budget of the policy (docs/policy.md), then plan and apply.');
  }
  return 0;
}

const describeShadow = ({ budget, period, calls, worth, spent, limit, standing, because }: ShadowLine): string =>
  `${budget} ${period}: would have refused ${howMany(calls, 'call')} worth ${displayUsd(worth)}; spent ${displayUsd(spent)} of ${displayUsd(limit)}; would be ${standing}${because === undefined ? '' : `: ${because}`}`;

function told(override: Override, outcome: Exclude<OverrideOutcome, { kind: 'refused' }>): string[] {
  const { change, target, until, author, reason } = override;
  const what = change.kind === 'raise' ? `raise ${displayUsd(change.amount)}` : change.kind;
  return [
    `${what} ${describeTarget(target)} until ${shortTime(until)}: ${reason} (${author})`,
    ...afterwards(outcome),
    ...(outcome.kind === 'applied' && change.kind === 'enable'
      ? outcome.budgets
          .filter(({ standing, left }) => standing === 'open' && left === 0n)
          .map(({ budget }) => `  ${budget} has nothing left to spend: raise it as well`)
      : []),
  ];
}

function afterwards(outcome: Exclude<OverrideOutcome, { kind: 'refused' }>): string[] {
  if (outcome.kind === 'kept')
    return [
      `It is kept and holds, but could not be enforced at once: ${outcome.problem}`,
      'The next sweep enforces it. Do not repeat the command.',
    ];
  const { governed, failed } = outcome.enforcement;
  return [
    ...outcome.budgets.map(
      ({ budget, period, standing, left }) => `  ${budget} ${period}: ${standing}, ${displayUsd(left)} left`,
    ),
    `  ${governed.length === 1 ? '1 profile is as it' : `${governed.length} profiles are as they`} should be${failed.length === 0 ? '' : `, ${failed.length} could not be read or written; the next sweep does the rest:`}`,
    ...failed.slice(0, 10).map(({ profile, problem }) => `    ${profile}: ${problem}`),
  ];
}

/** What is decided on the way is told with the outcome to whoever reads JSON. */
const journalFor = (decisions: Decision[] = []): Journal => ({
  decided: (decision, facts) => void decisions.push({ decision, facts }),
  counted: (metric, facts) => {
    // The override holds all the same; who looks for it later finds a gap.
    if (metric === 'AuditFailed') complain(`The audit trail could not be written: ${JSON.stringify(facts)}`);
  },
});
