import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { unbroken } from './output/fold.ts';

/** What the help and docs/commands.md say of a command beyond its options. */
export interface CommandNotes {
  /** Command lines, without the program's name, with what they are for. */
  readonly examples: readonly (readonly [line: string, what: string])[];
  /** IAM actions that whoever runs it needs; none for a command that asks AWS nothing. */
  readonly needs?: readonly string[];
  /** What docs/commands.md says besides. */
  readonly more?: string;
  /** What `--json` prints. */
  readonly json?: string;
  /** Exit codes beyond those that every command has. */
  readonly exits?: Readonly<Record<number, string>>;
}

const notes = new WeakMap<Command, CommandNotes>();

/** How the command is called where it was called from: npm tells the name of its script. */
export const PROGRAM = process.env['npm_lifecycle_event'] === 'governor' ? 'npm run governor --' : 'governor';

/** A command line to be typed, in a text for people. */
export const commandLine = (line: string): string => unbroken(`${PROGRAM} ${line}`);

/** Gives a command its examples: in its help, and in docs/commands.md. */
export function annotate(command: Command, given: CommandNotes): Command {
  notes.set(command, given);
  const width = Math.max(...given.examples.map(([line]) => line.length));
  const lines = given.examples.map(([line, what]) => `  $ ${PROGRAM} ${line.padEnd(width)}  # ${what}`);
  return command.addHelpText('after', `\nExamples:\n${lines.join('\n')}`);
}

export const notesOf = (command: Command): CommandNotes | undefined => notes.get(command);

/** A command that talks to AWS: which AWS, as the AWS CLI is told. */
export function withAws(command: Command): Command {
  return command
    .option('--profile <name>', 'profile of the AWS configuration files, as for the AWS CLI (or AWS_PROFILE)')
    .option('--region <region>', 'Region of the stack, as for the AWS CLI (or AWS_REGION)')
    .option('--endpoint-url <url>', 'where AWS is, such as the embedded one (or AWS_ENDPOINT_URL)');
}

/** A command that reads or writes the governor's table. */
export function withTable(command: Command): Command {
  return withAws(command)
    .addOption(
      new Option('--table <name>', "the governor's table: the output TableName of its stack").env('GOVERNOR_TABLE'),
    )
    .addOption(
      new Option('--stage <stage>', 'the stage of the stack, which names its table: instead of --table').env(
        'GOVERNOR_STAGE',
      ),
    );
}

export const withJson = (command: Command, what = 'print JSON for programs instead of text for people'): Command =>
  command.option('--json', what);

/** What every command needs that reads the governor's table. */
export const READS_TABLE = ['dynamodb:GetItem', 'dynamodb:Query'] as const;
/** And what an override needs: it enforces what follows with the operator's own permissions. */
export const ENFORCES = [
  ...READS_TABLE,
  'dynamodb:BatchGetItem',
  'dynamodb:BatchWriteItem',
  'dynamodb:DeleteItem',
  'dynamodb:DescribeTable',
  'dynamodb:PutItem',
  'dynamodb:UpdateItem',
  'bedrock:GetInferenceProfile',
  'bedrock:ListTagsForResource',
  'bedrock:TagResource',
  'bedrock:UntagResource',
] as const;

/** The work of a command. @returns its exit code */
export type Work<Options> = (options: Options, ...operands: readonly string[]) => Promise<number>;

/** Runs the work with what was typed: options first, then the operands. */
export function does<Options>(command: Command, work: Work<Options>): Command {
  return command.action(async (...given: unknown[]) => {
    const operands = given.slice(0, -2).filter((operand): operand is string => typeof operand === 'string');
    const options = given.at(-2) as Options & { readonly table?: string };
    process.exitCode = await work(asMeant(command, options), ...operands);
  });
}

/** A stage that was typed beats a table that is in the environment, as what is typed does everywhere. */
function asMeant<Options extends { readonly table?: string }>(command: Command, options: Options): Options {
  const source = (name: string) => command.getOptionValueSource(name);
  return source('stage') === 'cli' && source('table') === 'env'
    ? ({ ...options, table: undefined } as Options)
    : options;
}

/** npm runs scripts in the package's folder; what the user names is meant from the folder that they called npm in. */
export function fromWhereCalled(path: string): string {
  const { npm_lifecycle_event: script, INIT_CWD: folder } = process.env;
  return path !== '' && script === 'governor' && folder !== undefined ? resolve(folder, path) : path;
}

/** A whole number between two, both included. */
export const wholeNumber =
  (least: number, most: number) =>
  (text: string): number => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= least && value <= most))
      throw new InvalidArgumentError(`expected a whole number from ${least} to ${most}`);
    return value;
  };

/** Gathers an option that may be given several times. */
export const severalTimes = (value: string, values: readonly string[] = []): readonly string[] => [...values, value];
