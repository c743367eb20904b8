import type { GovernorRefusal } from '../../invoke/index.ts';
import { commandLine } from '../command-line.ts';

/** Which commands show or mend what a call was refused for. */
export function nextSteps({ code, details }: Pick<GovernorRefusal, 'code' | 'details'>): readonly string[] {
  const target = `--budget ${details.budget ?? '<id>'}`;
  return [...commandsFor(code, target), 'What it means, and what else helps: docs/errors.md'];
}

function commandsFor(code: GovernorRefusal['code'], target: string): readonly string[] {
  switch (code) {
    case 'BudgetExhausted':
    case 'Throttled':
      return [
        `Why, and what is left: ${commandLine('status')}`,
        `More money for a time: ${commandLine(`raise ${target} --by "50 USD" --for 2d --reason "…"`)}`,
      ];
    case 'BudgetClosed':
      return [
        `Why, and until when: ${commandLine('status')}`,
        `Open it again: ${commandLine(`enable ${target} --for 2d --reason "…"`)}`,
        `Where its money is used up: ${commandLine(`raise ${target} --by "50 USD" --for 2d --reason "…"`)}`,
      ];
    case 'TenantDisabled':
      return [
        `Who said so, and until when: ${commandLine('overrides')}`,
        `Take it back: ${commandLine('take-back <id> --reason "…"')}`,
      ];
    case 'ProfileQuarantined':
      return [`Which tags are to be mended: ${commandLine('profiles --standing quarantined')}`];
    case 'ProfileNotFound':
    case 'SeveralProfiles':
    case 'TenantMismatch':
      return [`Which profiles there are: ${commandLine('profiles')}`];
    case 'TableRestored':
      return [`Count what was forgotten, and open it: ${commandLine('recover')}`];
    case 'NotProvisioned':
    case 'ProfileUnsettled':
    case 'IndexUnreadable':
    case 'StandingLag':
      return ['The next sweep mends it, within minutes.', `If it does not: ${commandLine('doctor')}`];
    case 'IndexUnavailable':
    case 'LedgerUnavailable':
    case 'LedgerDenied':
      return [`What is amiss in the account: ${commandLine('doctor')}`];
    case 'Unpriced':
      return [`Which prices are known: ${commandLine('prices check')}`];
    // The message says what to change in the call, or in the program.
    case 'BudgetInUse':
    case 'GovernorClosed':
    case 'NewerSchema':
    case 'RequestChanged':
    case 'Unbounded':
    case 'UngovernedCommand':
      return [];
  }
}
