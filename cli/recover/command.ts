import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import type { BudgetId } from '../../domain/budgets/budget-id.ts';
import { Amount } from '../../domain/policy/amount.ts';
import type { Statements } from '../../domain/recovery/recover.ts';
import { annotate, does, withJson, withTable } from '../command-line.ts';
import type { RecoverOptions } from './options.ts';

/** `--spent tenant-monthly/acme="12.50 USD"`, any number of times. */
function statement(text: string, before: Statements): Statements {
  const at = text.lastIndexOf('=');
  const amount = Amount.safeParse(text.slice(at + 1));
  if (at < 1 || !amount.success)
    throw new InvalidArgumentError('expected <budget>=<amount>, such as tenant-monthly/acme="12.50 USD"');
  return new Map([...before, [text.slice(0, at) as BudgetId, amount.data]]);
}

/** Counts what a restored table has forgotten, and opens it. */
export const recover = (program: Command): Command =>
  annotate(
    does(
      withJson(withTable(program.command('recover')))
        .summary('counts what a restored table has forgotten, and opens it')
        .description(
          'Counts what was spent beyond what a table knows that was restored from a backup, and opens it. Shows first what it would do. See docs/ledger.md, "Restored tables".',
        )
        .option('--yes', 'do not ask')
        .option(
          '--rolled-back',
          'the items of this very table were put back to an earlier state: close it, then recover it',
        )
        .option(
          '--spent <budget=amount>',
          'what a budget has spent in its period at most, where metrics do not tell; may be given several times',
          statement,
          new Map(),
        ),
      async (options: RecoverOptions) => await (await import('./run.ts')).runRecover(options),
    ),
    {
      examples: [
        ['recover', 'what it would do; then it asks'],
        ['recover --yes --spent tenant-monthly/acme="12.50 USD"', 'with what the bill says of one budget'],
      ],
      json: 'Lines: `{"type":"table","state"}` (`open`, `closing`, or `closed` with `closedAt` or `recoverableAt`), a `step` for each budget and period (`kind`, which is `true-up`, `provide`, `done` or `unknown`, `budget`, `period`, `committedUsd?` with `before` and `after`, `spentAtMostUsd?`, `because?`), a `did` with its `outcome` for each that was worked on, a `decision` with its `facts` for each decision, and at last `{"type":"end","state","left"}`.',
      exits: { 1: 'the table is still closed: it says until when, or which budgets; run it again' },
    },
  );
