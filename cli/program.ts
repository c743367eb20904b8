import { Command } from 'commander';
import { PROGRAM } from './command-line.ts';
import { COMMANDS } from './commands.ts';
import { type ConnectionOptions, connect, type StackOptions, tableOf } from './connection.ts';

/** The whole command, with nothing done yet: to be run, or to be documented. */
export function governorProgram(name = PROGRAM): Command {
  const program = new Command(name)
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
  // Before any client is made: they look into the environment then.
  program.hook('preAction', (_program, command) => {
    connect(command.opts<ConnectionOptions>());
    if (command.options.some(({ long }) => long === '--table')) tableOf(command.opts<StackOptions>());
  });
  return program;
}

/** Every command under a command, itself included. */
export const withSubcommands = (command: Command): Command[] => [
  command,
  ...command.commands.flatMap((each) => withSubcommands(each)),
];
