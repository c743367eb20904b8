import { type EpochMs, epochMs, isoTime, shortTime } from '../../domain/clock.ts';
import type { JournalFacts } from '../../domain/journal.ts';
import { displayUsd } from '../../domain/money.ts';
import type { RecoveryOutcome, RecoveryStep } from '../../domain/recovery/recover.ts';
import { usd } from '../output/print.ts';

/** How a recovery tells what it sees and does. */
export interface RecoveryVoice {
  notRestored(): void;
  closing(): void;
  tooEarly(at: EpochMs): void;
  plan(steps: readonly RecoveryStep[], closedAt: EpochMs): void;
  nothingChanged(): void;
  did(step: RecoveryStep, outcome: RecoveryOutcome | 'unknown'): void;
  decided(decision: string, facts: JournalFacts): void;
  end(left: number): void;
}

interface Output {
  write(text: string): unknown;
}

const LOST = [
  'What else the table has forgotten is not recovered. Before you go on:',
  '  - the policy in it is that of the backup: apply yours, where it has changed since',
  '  - what operators have said since (disable, enable, raise) is to be said again',
  '  - profiles that were made and deleted since are known to nobody: state what their budgets have spent (--spent)',
];

/** For people. */
export function textVoice(output: Output): RecoveryVoice {
  const say = (line = ''): void => void output.write(`${line}\n`);
  return {
    notRestored: () => say('This table was not restored: there is nothing to recover.'),
    closing: () => say('From now on nothing is to be lent from this table, until it is recovered.'),
    tooEarly: (at) =>
      say(
        `The table is closed. Calls that were paid for before may still run, and metrics are late: run this command again at ${shortTime(epochMs(at + 59_999))}.`,
      ),
    plan: (steps, closedAt) => {
      say(`Nothing was lent from this table since ${shortTime(closedAt)}.`);
      for (const step of steps) say(`  ${nameOf(step)}: ${described(step)}`);
      const count = (kind: RecoveryStep['kind']) => steps.filter((step) => step.kind === kind).length;
      say(
        `${count('true-up')} to true up, ${count('provide')} to provide, ${count('done')} done already, ${count('unknown')} unknown.`,
      );
      for (const line of LOST) say(line);
    },
    nothingChanged: () => say('\nNothing was changed.'),
    did: (step, outcome) => {
      if (outcome !== 'recovered') say(`  ${nameOf(step)}: ${REASON[outcome]}`);
    },
    decided: () => {},
    end: (left) =>
      say(
        left === 0
          ? 'Every budget is trued up, and the table is open.'
          : `${left === 1 ? '1 budget stays' : `${left} budgets stay`} closed, and the governor's functions with them. Those that are trued up are open to tenants. Run this command again.`,
      ),
  };
}

const REASON = {
  unknown: 'what was spent is not known; state it with --spent <budget>=<amount>',
  stale: 'others changed it at each try',
} as const;

const nameOf = ({ budget, period }: RecoveryStep): string => `${budget.id} ${period.id}`;

function described(step: RecoveryStep): string {
  switch (step.kind) {
    case 'true-up':
      return `${displayUsd(step.before)} committed, to be ${displayUsd(step.after)}; at most ${displayUsd(step.spentAtMost)} was spent`;
    case 'provide':
      return `not in the backup; at most ${displayUsd(step.spentAtMost)} was spent`;
    case 'done':
      return 'recovered already';
    case 'unknown':
      return `stays closed, what was spent is not known: ${step.why}`;
  }
}

/** For programs: a line of JSON for everything. */
export function jsonVoice(output: Output): RecoveryVoice {
  const say = (line: Readonly<Record<string, unknown>>): void => void output.write(`${JSON.stringify(line)}\n`);
  return {
    notRestored: () => say({ type: 'table', state: 'open' }),
    closing: () => say({ type: 'table', state: 'closing' }),
    tooEarly: (at) => say({ type: 'table', state: 'closed', recoverableAt: isoTime(at) }),
    plan: (steps, closedAt) => {
      say({ type: 'table', state: 'closed', closedAt: isoTime(closedAt) });
      for (const step of steps) say({ type: 'step', ...stepDocument(step) });
    },
    nothingChanged: () => say({ type: 'end', state: 'closed', outcome: 'nothing changed' }),
    did: (step, outcome) => say({ type: 'did', outcome, ...stepDocument(step) }),
    decided: (decision, facts) => say({ type: 'decision', decision, facts }),
    end: (left) => say({ type: 'end', state: left === 0 ? 'open' : 'closed', left }),
  };
}

function stepDocument(step: RecoveryStep): object {
  const head = { kind: step.kind, budget: step.budget.id, period: step.period.id };
  switch (step.kind) {
    case 'true-up':
      return {
        ...head,
        committedUsd: { before: usd(step.before), after: usd(step.after) },
        spentAtMostUsd: usd(step.spentAtMost),
      };
    case 'provide':
      return { ...head, spentAtMostUsd: usd(step.spentAtMost) };
    case 'done':
      return head;
    case 'unknown':
      return { ...head, because: step.why };
  }
}
