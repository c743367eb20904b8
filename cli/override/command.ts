import type { Command } from 'commander';
import type { OverrideChange } from '../../domain/standing/override.ts';
import {
  annotate,
  type CommandNotes,
  does,
  ENFORCES,
  READS_TABLE,
  wholeNumber,
  withJson,
  withTable,
} from '../command-line.ts';
import type { OverridesOptions } from './list.ts';
import type { OverrideOptions } from './request.ts';
import type { Output } from './run.ts';

const DOCUMENT =
  '`"outcome"` (`applied`, or `kept` with `problem` where it holds and could not be enforced at once), `override` as `overrides` shows it, `budgets` as they stand now (`budget`, `period`, `standing`, `until`, `reason?`, `leftUsd`), `profiles` (`outcome`, which is `governed` or `gone`, `arn?`, `standing?`), `failed` (`profile`, `problem`), and `decisions` on the way (`decision`, `facts`).';
const JSON_OF_OVERRIDES = `One document, \`"type":"override"\`, with ${DOCUMENT}`;

const EXITS = { 1: 'it is kept and holds, and the next sweep enforces the rest' };

/** Whoever types it out of habit, as for `apply`, is not stopped at night by it. */
const NEVER_ASKS = 'do not ask; this command never does, and takes the option as apply does';

const override = (
  program: Command,
  kind: OverrideChange['kind'],
  summary: string,
  what: string,
  examples: CommandNotes['examples'],
): Command =>
  annotate(
    does(
      withJson(withTable(program.command(kind)))
        .summary(summary)
        .description(what)
        .option('--budget <id>', 'a budget, such as tenant-monthly/acme')
        .option('--tenant <value>', 'a tenant: all its budgets, and for a disable all its profiles')
        .option('--until <time>', 'when it ends, such as 2026-12-01T00:00:00Z')
        .option('--for <duration>', 'how long it lasts, such as 2h or 3d; at most 30 days')
        .requiredOption('--reason <text>', 'why, for whoever reads it later')
        .option('--yes', NEVER_ASKS),
      async (options: OverrideOptions & Output) => await (await import('./run.ts')).runOverride(kind, options),
    ),
    { examples, needs: ENFORCES, json: JSON_OF_OVERRIDES, exits: EXITS },
  );

export const disable = (program: Command): Command =>
  override(
    program,
    'disable',
    'stops a budget or tenant at once',
    'Stops a budget or tenant at once, whatever it has spent.',
    [['disable --tenant acme --for 3d --reason "an invoice is disputed"', 'nothing new is granted']],
  );

export const enable = (program: Command): Command =>
  override(
    program,
    'enable',
    'opens a budget or tenant again',
    'Opens a budget or tenant again, whatever has closed it. Its limit holds all the same.',
    [['enable --budget tenant-monthly/acme --until 2026-12-01T00:00:00Z --reason "it is paid"', 'for a time']],
  );

export const raise = (program: Command): Command =>
  override(
    program,
    'raise',
    'gives a budget more money, for a time',
    'Gives a budget more money than its limit, for a time.',
    [['raise --budget tenant-monthly/acme --by "50 USD" --for 2d --reason "the fair"', '50 USD more']],
  ).requiredOption('--by <amount>', 'how much more, such as "50 USD"');

export const overrides = (program: Command): Command =>
  annotate(
    does(
      withJson(withTable(program.command('overrides')))
        .summary('what operators have said, and what of it holds')
        .description('Lists the overrides that hold: disabled, enabled, raised; by whom, why and until when.')
        .option('--budget <id>', 'those of one budget')
        .option('--tenant <value>', 'those of one tenant'),
      async (options: OverridesOptions) => await (await import('./list.ts')).runOverrides(options),
    ),
    {
      needs: READS_TABLE,
      examples: [['overrides', 'all that hold, those first that end first']],
      json: 'One document: `{"type":"overrides","at","table","overrides":[…]}`. An override: `id`, `target` (`kind` with `budget` or `tenant`), `change` (`disable`, `enable`, `raise`), `amountUsd?`, `reason`, `author`, `madeAt`, `until`.',
    },
  );

export const takeBack = (program: Command): Command =>
  annotate(
    does(
      withJson(withTable(program.command('take-back <id>')))
        .summary('ends an override or a raise before its time')
        .description(
          'Takes an override back: from then on the budget is judged as if nobody had said it. Its id is shown by `overrides`; its first six characters will do.',
        )
        .requiredOption('--reason <text>', 'why, for whoever reads it later')
        .option('--yes', NEVER_ASKS),
      async (options: Output & { readonly reason: string }, id) =>
        await (await import('./run.ts')).runTakeBack(options, id ?? ''),
    ),
    {
      needs: ENFORCES,
      examples: [['take-back 3f2a9c --reason "the fair was cancelled"', 'the money is not there any more']],
      json: `One document, \`"type":"taken-back"\`, with ${DOCUMENT}`,
      exits: EXITS,
    },
  );

export const shadow = (program: Command): Command =>
  annotate(
    does(
      withJson(withTable(program.command('shadow')))
        .summary('what budgets in shadow mode would have refused')
        .description('Tells what budgets in shadow mode would have refused, by budget and period.')
        .option('--periods <count>', 'how many periods of each budget, the current one first', wholeNumber(1, 100), 2),
      async (options: Output & { readonly periods: number }) => await (await import('./run.ts')).runShadow(options),
    ),
    {
      needs: READS_TABLE,
      examples: [['shadow --periods 3', 'before a budget is let enforce']],
      json: 'One document: `{"type":"shadow","at","table","budgets":[…]}`, an entry for each budget and period: `budget`, `tenant?`, `period`, `limitUsd`, `spentUsd`, `calls`, `worthUsd`, `standing`, `because?`.',
    },
  );
