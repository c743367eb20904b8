import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import type { BudgetId } from '../../domain/budgets/budget-id.ts';
import { Amount } from '../../domain/policy/amount.ts';
import type { Statements } from '../../domain/recovery/recover.ts';
import type { RecoverOptions } from './options.ts';

/** `--spent tenant-monthly/acme="12.50 USD"`, any number of times. */
function statement(text: string, before: Statements): Statements {
  const at = text.lastIndexOf('=');
  const amount = Amount.safeParse(text.slice(at + 1));
  if (at < 1 || !amount.success)
    throw new InvalidArgumentError('expected <budget>=<amount>, such as tenant-monthly/acme="12.50 USD"');
  return new Map([...before, [text.slice(0, at) as BudgetId, amount.data]]);
}

/** Adds `recover` to the program's commands. */
export function addRecover(command: (name: string) => Command): void {
  command('recover')
    .description(
      'Counts what was spent beyond what a table knows that was restored from a backup, and opens it. Shows first what it would do.',
    )
    .option('--yes', 'do not ask')
    .option('--rolled-back', 'the items of this very table were put back to an earlier state: close it, and recover it')
    .option(
      '--spent <budget=amount>',
      'what a budget has spent in its period at most, where metrics do not tell; may be given several times',
      statement,
      new Map(),
    )
    .action(async (options: RecoverOptions) => {
      const { runRecover } = await import('./run.ts');
      process.exitCode = await runRecover(options);
    });
}
