import { resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { readPolicyFile } from './policy-file.ts';
import { EXIT_USER_ERROR, UserError } from './user-error.ts';

// The SDK warns on Node 20 of versions to come; this program's users can do nothing about it. Set before it is loaded.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';

// Whoever read the output has heard enough, as `| head` has.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

const port = (text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 65_535)
    throw new InvalidArgumentError('expected a port from 0 to 65535');
  return value;
};

const EXAMPLE = 'examples/insurer/governance.yaml';

/** npm runs scripts in the package's folder; what the user names is meant from the folder that they called npm in. */
function fromWhereCalled(path: string): string {
  const { npm_lifecycle_event: script, INIT_CWD: folder } = process.env;
  return path !== '' && path !== EXAMPLE && script === 'start' && folder !== undefined ? resolve(folder, path) : path;
}

const program = new Command('npm start --')
  .description(
    'Runs the main job on the embedded AWS: profiles are governed, tenants spend, budgets stop them, the month turns.',
  )
  .option('--policy <file>', 'policy file', EXAMPLE)
  .option('--keep', 'leave the endpoint up afterwards, and keep governing whatever any AWS client does to it')
  .option('--json', 'tell everything as lines of JSON')
  .option('--port <port>', 'port of the endpoint (default: any free one)', port)
  .exitOverride((error) => {
    process.exitCode = error.exitCode === 0 ? 0 : EXIT_USER_ERROR;
    throw error;
  })
  .action(async (options: { policy: string; keep?: boolean; json?: boolean; port?: number }) => {
    const policy = await readPolicyFile(fromWhereCalled(options.policy));
    // Takes a moment to load: a mistake in the policy is told before.
    const { runMainJob } = await import('./main-job/run.ts');
    await runMainJob(policy, options);
  });

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof UserError) {
    process.stderr.write(`${error.problems.join('\n')}\n`);
    process.exitCode = EXIT_USER_ERROR;
  } else if (!(error instanceof Error && error.name === 'CommanderError')) throw error;
}
