import type { Command } from 'commander';
import { notesOf, PROGRAM } from './command-line.ts';
import { COMMANDS } from './commands.ts';
import { type ConnectionOptions, connect, type StackOptions, tableOf } from './connection.ts';
import { complain } from './output/print.ts';
import { emptyIn, TypedCommand } from './typed-command.ts';
import { UserError } from './user-error.ts';

/** The whole command, with nothing done yet: to be run, or to be documented. */
export function governorProgram(name = PROGRAM): Command {
  const program = new TypedCommand(name)
    .description(
      'Keeps spend on Amazon Bedrock inside its budgets: compares a policy file with what is in AWS, puts it in force, shows how budgets stand, and overrides them. Which AWS: as for the AWS CLI.',
    )
    .configureHelp({ sortOptions: false })
    .showSuggestionAfterError()
    .addHelpText(
      'after',
      '\nExit codes: 0 done; 1 AWS could not be read or written, or something is not as it should be; 2 a mistake in what was typed or in a file; 130 interrupted. More: docs/commands.md',
    );
  for (const add of COMMANDS) add(program);
  for (const command of withSubcommands(program))
    command
      .configureOutput({ outputError: (text) => complain(text.trimEnd()) })
      .showHelpAfterError(command === program ? `All commands: ${name} --help` : nextStep(command, name));
  // Before any client is made: they look into the environment then.
  program.hook('preAction', (_program, command) => {
    connect(command.opts<ConnectionOptions>());
    const empty = emptyIn(command);
    if (empty.length > 0) throw new UserError(empty);
    if (command.options.some(({ long }) => long === '--table')) tableOf(command.opts<StackOptions>());
  });
  return program;
}

/** After a mistake: how it is typed, and where all of it is told. */
function nextStep(command: Command, name: string): string {
  const example = notesOf(command)?.examples[0]?.[0];
  const path = pathOf(command).join(' ');
  return [
    ...(example === undefined ? [] : [`For instance: ${name} ${example}`]),
    `All of it: ${name} ${path} --help`,
  ].join('\n');
}

/** The command's name after those of the commands above it, but for the program. */
const pathOf = (command: Command): readonly string[] =>
  command.parent === null ? [] : [...pathOf(command.parent), command.name()];

/** Every command under a command, itself included. */
export const withSubcommands = (command: Command): Command[] => [
  command,
  ...command.commands.flatMap((each) => withSubcommands(each)),
];
