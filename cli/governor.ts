import { failureOf } from './failure.ts';
import { endOnSignals, InterruptedBefore, wasInterrupted } from './interruption.ts';
import { governorProgram, withSubcommands } from './program.ts';
import { EXIT_FAILED, EXIT_INTERRUPTED, EXIT_USER_ERROR } from './user-error.ts';

// The SDK warns on Node 20 of versions to come; this program's users can do nothing about it. Set before it is loaded.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';

// Whoever read the output has heard enough, as `| head` has.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});
endOnSignals();

/** Where 2 means that there are changes, a mistake must not look like them. */
const exitOfMistakes = process.argv.includes('--detailed-exitcode') ? EXIT_FAILED : EXIT_USER_ERROR;

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
    process.stderr.write(`${failure.lines.join('\n')}\n`);
    process.exitCode = failure.exitCode === EXIT_USER_ERROR ? exitOfMistakes : failure.exitCode;
  } else if (error instanceof InterruptedBefore) process.stderr.write('Nothing was changed.\n');
  else if (!(error instanceof Error && error.name === 'CommanderError')) throw error;
}
if (wasInterrupted()) process.exitCode = EXIT_INTERRUPTED;
