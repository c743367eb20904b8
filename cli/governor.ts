import { resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { Fault } from '../domain/fault.ts';
import type { OverrideChange } from '../domain/standing/override.ts';
import type { GuardOptions } from './guard/run.ts';
import type { OverrideOptions } from './override/request.ts';
import { readPolicyFile } from './policy-file.ts';
import { addRecover } from './recover/command.ts';
import { EXIT_FAILED, EXIT_USER_ERROR, UserError } from './user-error.ts';

// The SDK warns on Node 20 of versions to come; this program's users can do nothing about it. Set before it is loaded.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';

// Whoever read the output has heard enough, as `| head` has.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

/** npm runs scripts in the package's folder; what the user names is meant from the folder that they called npm in. */
function fromWhereCalled(path: string): string {
  const { npm_lifecycle_event: script, INIT_CWD: folder } = process.env;
  return script === 'governor' && folder !== undefined ? resolve(folder, path) : path;
}

const count = (text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 100)
    throw new InvalidArgumentError('expected a whole number from 1 to 100');
  return value;
};

interface Options {
  readonly policy: string;
  readonly table: string;
  readonly json?: boolean;
  readonly detailedExitcode?: boolean;
  readonly yes?: boolean;
}

/** Where 2 means that there are changes, a mistake must not look like them. */
const exitOfMistakes = process.argv.includes('--detailed-exitcode') ? EXIT_FAILED : EXIT_USER_ERROR;

const program = new Command('npm run governor --')
  .description(
    'Compares a policy file with what is in AWS, puts it in force, and overrides it. Which AWS: as for any AWS client, by the environment.',
  )
  .exitOverride((error) => {
    process.exitCode = error.exitCode === 0 ? 0 : exitOfMistakes;
    throw error;
  });

const command = (name: string): Command =>
  program
    .command(name)
    .copyInheritedSettings(program)
    .addOption(
      new Option('--table <name>', "the governor's table: the output TableName of its stack")
        .env('GOVERNOR_TABLE')
        .makeOptionMandatory(),
    )
    .option('--json', 'tell everything as lines of JSON');

command('plan')
  .description('Shows what an apply would do. Changes nothing.')
  .requiredOption('--policy <file>', 'policy file')
  .option('--detailed-exitcode', 'exit with 0 where all is as declared, 2 where it is not, 1 on any failure')
  .action(async (options: Options) => {
    const policy = await readPolicyFile(fromWhereCalled(options.policy));
    const { runPlan } = await import('./declare/run.ts');
    process.exitCode = await runPlan(policy, options);
  });

command('apply')
  .description(
    'Stores the policy, creates the declared profiles that are missing, and adopts those that are there. Deletes nothing.',
  )
  .requiredOption('--policy <file>', 'policy file')
  .option('--yes', 'do not ask')
  .action(async (options: Options) => {
    const policy = await readPolicyFile(fromWhereCalled(options.policy));
    const { runApply } = await import('./declare/run.ts');
    process.exitCode = await runApply(policy, options);
  });

const override = (kind: OverrideChange['kind'], description: string): Command =>
  command(kind)
    .description(description)
    .option('--budget <id>', 'a budget, such as tenant-monthly/acme')
    .option('--tenant <value>', 'a tenant: all its budgets, and for a disable all its profiles')
    .option('--until <time>', 'when it ends, such as 2026-12-01T00:00:00Z')
    .option('--for <duration>', 'how long it lasts, such as 2h or 3d; at most 30 days')
    .requiredOption('--reason <text>', 'why, for whoever reads it later')
    .action(async (options: OverrideOptions & Options) => {
      const { runOverride } = await import('./override/run.ts');
      process.exitCode = await runOverride(kind, options);
    });

override('disable', 'Stops a budget or tenant at once, whatever it has spent.');
override('enable', 'Opens a budget or tenant again, whatever has closed it. Its limit holds all the same.');
override('raise', 'Gives a budget more money than its limit, for a time.').requiredOption(
  '--by <amount>',
  'how much more, such as "50 USD"',
);

command('shadow')
  .description('Tells what budgets in shadow mode would have refused, by budget and period.')
  .option('--periods <count>', 'how many periods of each budget, the current one first', count, 2)
  .action(async (options: Options & { readonly periods: number }) => {
    const { runShadow } = await import('./override/run.ts');
    process.exitCode = await runShadow(options);
  });

addRecover(command);

program
  .command('guard')
  .copyInheritedSettings(program)
  .description('Writes IAM and service control policies that let models be called only as the policy says.')
  .requiredOption('--policy <file>', 'policy file')
  .requiredOption('--out <dir>', 'folder to write the documents to')
  .option('--account <id>', 'the governed account; without it AWS is asked whose credentials these are')
  .option('--stage <stage>', "the stack's stage, by which its roles are named", 'dev')
  .option('--home-region <region>', "the stack's Region, by which its roles are named", 'us-east-1')
  .option(
    '--operator-role <name>',
    'a role that runs apply, disable, enable or raise, and so writes tags; may be given several times',
    (name: string, names: readonly string[]) => [...names, name],
    [],
  )
  .action(async (options: GuardOptions) => {
    const policy = await readPolicyFile(fromWhereCalled(options.policy));
    const { runGuard } = await import('./guard/run.ts');
    await runGuard(policy, { ...options, out: fromWhereCalled(options.out) });
  });

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof UserError) {
    process.stderr.write(`${error.problems.join('\n')}\n`);
    process.exitCode = exitOfMistakes;
  } else if (error instanceof Fault) {
    process.stderr.write(`${error.code}: ${error.message}\n`);
    process.exitCode = EXIT_FAILED;
  } else if (!(error instanceof Error && error.name === 'CommanderError')) throw error;
}
