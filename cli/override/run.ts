import { isoTime } from '../../domain/clock.ts';
import type { Journal } from '../../domain/journal.ts';
import { displayUsd } from '../../domain/money.ts';
import { describeTarget, type Override, type OverrideChange } from '../../domain/standing/override.ts';
import { type OverrideOutcome, overrideStanding } from '../../domain/standing/override-standing.ts';
import { type ShadowLine, shadowReport } from '../../domain/standing/shadow-report.ts';
import { callerOf } from '../caller.ts';
import { EXIT_FAILED, UserError } from '../user-error.ts';
import { enforcementOf } from './account.ts';
import { type OverrideOptions, overrideOf, readOverride } from './request.ts';

interface Output {
  readonly table: string;
  readonly json?: boolean;
}

/** Keeps an override and enforces it at once. @returns the exit code */
export async function runOverride(kind: OverrideChange['kind'], options: OverrideOptions & Output): Promise<number> {
  const request = readOverride(kind, options);
  const { arn } = await callerOf();
  const ports = await enforcementOf(options.table, journalFor(options));
  const override = overrideOf(request, arn, ports.clock.now());
  ports.journal.begin({ actor: arn, invocation: override.id });
  let outcome: OverrideOutcome;
  try {
    outcome = await overrideStanding(ports, override);
  } finally {
    await ports.journal.flush();
  }
  if (outcome.kind === 'refused') throw new UserError([outcome.problem]);
  const write = (text: string) => void process.stdout.write(`${text}\n`);
  if (options.json === true) write(JSON.stringify({ override, ...outcome }, plainly));
  else for (const line of told(override, outcome)) write(line);
  return outcome.kind === 'applied' && outcome.enforcement.failed.length === 0 ? 0 : EXIT_FAILED;
}

/** Tells what budgets in shadow mode would have refused. @returns the exit code */
export async function runShadow(options: Output & { readonly periods: number }): Promise<number> {
  const lines = await shadowReport(await enforcementOf(options.table, journalFor(options)), options.periods);
  for (const line of lines)
    process.stdout.write(`${options.json === true ? JSON.stringify(line, plainly) : describeShadow(line)}\n`);
  if (lines.length === 0 && options.json !== true)
    process.stdout.write('No budget is in shadow mode, or was in these periods.\n');
  return 0;
}

const describeShadow = ({ budget, period, calls, worth, spent, limit, standing, because }: ShadowLine): string =>
  `${budget} ${period}: would have refused ${calls} calls worth ${displayUsd(worth)}; spent ${displayUsd(spent)} of ${displayUsd(limit)}; would be ${standing}${because === undefined ? '' : `: ${because}`}`;

function told(override: Override, outcome: Exclude<OverrideOutcome, { kind: 'refused' }>): string[] {
  const { change, target, until, author, reason } = override;
  const what = change.kind === 'raise' ? `raise ${displayUsd(change.amount)}` : change.kind;
  const said = `${what} ${describeTarget(target)} until ${isoTime(until)}: ${reason} (${author})`;
  if (outcome.kind === 'kept')
    return [
      said,
      `It is kept and holds, but could not be enforced at once: ${outcome.problem}`,
      'The next sweep enforces it. Do not repeat the command.',
    ];
  const { governed, failed } = outcome.enforcement;
  return [
    said,
    ...outcome.budgets.map(
      ({ budget, period, standing, left }) => `  ${budget} ${period}: ${standing}, ${displayUsd(left)} left`,
    ),
    ...outcome.budgets
      .filter(({ standing, left }) => change.kind === 'enable' && standing === 'open' && left === 0n)
      .map(({ budget }) => `  ${budget} has nothing left to spend: raise it as well`),
    `  ${governed.length} profiles are as they should be${failed.length === 0 ? '' : `, ${failed.length} could not be read or written; the next sweep does the rest:`}`,
    ...failed.slice(0, 10).map(({ profile, problem }) => `    ${profile}: ${problem}`),
  ];
}

/** What is decided on the way, for whoever reads JSON. */
function journalFor({ json }: Output): Journal {
  return {
    decided: (decision, facts) => {
      if (json === true) process.stdout.write(`${JSON.stringify({ decision, ...facts })}\n`);
    },
    counted: (metric, facts) => {
      // The override holds all the same; who looks for it later finds a gap.
      if (metric === 'AuditFailed')
        process.stderr.write(`The audit trail could not be written: ${JSON.stringify(facts)}\n`);
    },
  };
}

/** Amounts as digits; of a failure its problem says what a program needs. */
const plainly = (name: string, value: unknown): unknown => {
  if (name === 'cause') return undefined;
  return typeof value === 'bigint' ? value.toString() : value;
};
