import { CommanderError } from 'commander';
import { type Failure, failureOf, MISTAKE } from './failure.ts';
import { endOnSignals, InterruptedBefore, wasInterrupted } from './interruption.ts';
import { folded } from './output/fold.ts';
import { complain, printJson } from './output/print.ts';
import { governorProgram, withSubcommands } from './program.ts';
import { EXIT_FAILED, EXIT_INTERRUPTED, EXIT_USER_ERROR } from './user-error.ts';

// The SDK warns on Node 20 of versions to come; this program's users can do nothing about it. Set before it is loaded.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';

// Whoever read the output has heard enough, as `| head` has.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

const typed = process.argv.slice(2, process.argv.includes('--') ? process.argv.indexOf('--') : undefined);
/** Where 2 means that there are changes, a mistake must not look like them. */
const exitOfMistakes = typed.includes('--detailed-exitcode') ? EXIT_FAILED : EXIT_USER_ERROR;
/** Looked for in what was typed: of a line that cannot be read there are no options. */
const isForPrograms = typed.includes('--json') || /(^| )--format[ =]json( |$)/.test(typed.join(' '));

/** A program that reads the output hears there what went wrong, in one more document; people hear it on stderr. */
function tellPrograms({ code, lines, exitCode }: Failure): void {
  if (isForPrograms)
    printJson({ type: 'error', code, problems: lines.map((line) => folded(line.trim(), undefined)), exitCode });
}

const INTERRUPTED = { code: 'Interrupted', lines: ['Nothing was changed.'], exitCode: EXIT_INTERRUPTED };

endOnSignals(() => tellPrograms(INTERRUPTED));

const program = governorProgram();
for (const command of withSubcommands(program))
  command.exitOverride((error) => {
    process.exitCode = error.exitCode === 0 ? 0 : exitOfMistakes;
    throw error;
  });

try {
  await program.parseAsync();
} catch (error) {
  const failure = failureOf(error);
  if (failure !== undefined) {
    complain(failure.lines.join('\n'));
    process.exitCode = failure.exitCode === EXIT_USER_ERROR ? exitOfMistakes : failure.exitCode;
    tellPrograms({ ...failure, exitCode: process.exitCode });
  } else if (error instanceof InterruptedBefore) {
    complain('Nothing was changed.');
    tellPrograms(INTERRUPTED);
  } else if (!(error instanceof CommanderError)) throw error;
  else if (error.exitCode !== 0)
    tellPrograms({ code: MISTAKE, lines: error.message.replace(/^error: /, '').split('\n'), exitCode: exitOfMistakes });
}
if (wasInterrupted()) process.exitCode = EXIT_INTERRUPTED;
