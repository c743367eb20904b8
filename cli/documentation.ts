import type { Argument, Command, Option } from 'commander';
import { notesOf } from './command-line.ts';

/** docs/commands.md, from the definitions of the commands: `npm run docs:commands` writes it, and a test says when it is old. */
export function commandsDocument(program: Command): string {
  const commands = leavesOf(program);
  const shared = SHARED.flatMap((long) => {
    const option = commands.flatMap(({ options }) => options).find((each) => each.long === long);
    return option === undefined ? [] : [option];
  });
  return [
    HEAD,
    `| command | what it does |\n| --- | --- |\n${commands
      .map(
        (command) =>
          `| [\`${nameOf(command)}\`](#${anchorOf(command)}) | ${cell(command.summary() || command.description())} |`,
      )
      .join('\n')}`,
    `## Options of commands that talk to AWS\n\n${optionsTable(shared)}`,
    ENVIRONMENT,
    ...commands.map(section),
  ]
    .join('\n\n')
    .concat('\n');
}

const SHARED: readonly (string | undefined)[] = ['--profile', '--region', '--endpoint-url', '--table', '--stage'];

const HEAD = `# The \`governor\` command

Written by \`npm run docs:commands\` from the definitions in \`cli/\`; a test says when it is out of date.

In the repository: \`npm run governor -- <command>\`. Which AWS it talks to is told as to the AWS CLI: by options, the
environment, or the configuration files. So it works against an account, and against the [embedded AWS](architecture.md).

- Text is for people: colours in a terminal alone, and not where \`NO_COLOR\` is set (\`FORCE_COLOR\` asks for them in pipes); progress on stderr, and not in pipes.
  In a narrow terminal, columns of a table that find no room stand beneath their row; in pipes a row is one line.
- \`--json\` is for programs: one document on one line and nothing else on stdout, whatever the terminal. Commands that tell what they do
  as they do it (\`plan\`, \`apply\`, \`audit\`, \`redrive\`, \`recover\`) print several, one on each line, each with its \`type\`. What goes
  wrong is text on stderr, and also the last document on stdout: \`{"type":"error","code","problems":[…],"exitCode"}\`, with the code
  \`Mistake\` for what was typed or stands in a file, \`Interrupted\`, \`Unreachable\`, or one of [errors.md](errors.md#faults).
  Exit codes are the same with and without it. Members are never renamed or removed, and their meaning stays; new ones may come, and new
  values of \`type\`. Amounts whose names end in \`Usd\` are decimal US dollars as text, exact to the nano-dollar. Times are
  ISO 8601 in UTC.
- What only reads, or has not written yet, ends at once with Ctrl-C. What writes ends where nothing is half-done, and says what
  it did; a second Ctrl-C ends it all the same. The exit code is 130, also where all was done.

| exit code | meaning |
| --- | --- |
| 0 | done |
| 1 | AWS could not be read or written, or something is not as it should be |
| 2 | a mistake in what was typed, in the environment or in a file; or changes, with \`plan --detailed-exitcode\` |
| 130 | Ctrl-C or SIGTERM, also where the work was finished all the same; \`local\` ends with 0 |

What each fault means: [errors.md](errors.md).`;

const ENVIRONMENT = `Without \`--region\`: \`AWS_REGION\`, then \`AWS_DEFAULT_REGION\`, then the profile's. \`--profile\` beats keys in the environment;
\`--endpoint-url\` beats \`AWS_ENDPOINT_URL_<SERVICE>\`. \`--stage prod\` stands for \`--table bedrock-cost-governor-prod\`.
Typed, it beats a \`GOVERNOR_TABLE\` of the environment: for a stack with a table of another name, type both.`;

function leavesOf(command: Command): Command[] {
  return command.commands.flatMap((each) => (each.commands.length === 0 ? [each] : leavesOf(each)));
}

/** With the commands above it, but for the program. */
function nameOf(command: Command): string {
  const above = command.parent?.parent == null ? '' : `${nameOf(command.parent)} `;
  return `${above}${command.name()}`;
}

/** As GitHub makes it of a heading. */
const anchorOf = (command: Command): string => nameOf(command).replaceAll(' ', '-');

function section(command: Command): string {
  const notes = notesOf(command);
  const own = command.options.filter(({ long }) => !SHARED.includes(long ?? undefined));
  const words = command.registeredArguments.map(argumentOf).join('');
  const talks = command.options.some(({ long }) => long === '--region');
  const exits = Object.entries(notes?.exits ?? {}).map(([code, meaning]) => `- Exit code ${code}: ${meaning}.`);
  return [
    `## ${nameOf(command)}`,
    command.description(),
    ...(notes?.more === undefined ? [] : [notes.more]),
    `\`\`\`sh\n${[`governor ${nameOf(command)}${words} [options]`, ...(notes?.examples ?? []).map(([line, what]) => `governor ${line} # ${what}`)].join('\n')}\n\`\`\``,
    ...(own.length === 0 ? [] : [optionsTable(own)]),
    ...(talks ? ['And the [options of commands that talk to AWS](#options-of-commands-that-talk-to-aws).'] : []),
    ...(notes?.needs === undefined
      ? []
      : [`Needs of IAM: ${notes.needs.map((action) => `\`${action}\``).join(', ')}.`]),
    ...(notes?.json === undefined ? [] : [`With \`--json\`: ${notes.json}`]),
    ...(exits.length === 0 ? [] : [exits.join('\n')]),
  ].join('\n\n');
}

const argumentOf = (argument: Argument): string =>
  ` ${argument.required ? `<${argument.name()}>` : `[${argument.name()}]`}`;

const optionsTable = (options: readonly Option[]): string =>
  `| option | what it says |\n| --- | --- |\n${options.map((option) => `| \`${option.flags}\` | ${cell(meaningOf(option))} |`).join('\n')}`;

function meaningOf({ description, defaultValue, envVar, mandatory, argChoices }: Option): string {
  const isTold =
    defaultValue !== undefined &&
    defaultValue !== false &&
    defaultValue !== true &&
    ![defaultValue].flat().every((each) => each === '');
  return [
    description,
    ...(argChoices === undefined ? [] : [`one of ${argChoices.map((choice) => `\`${choice}\``).join(', ')}`]),
    ...(isTold && !(Array.isArray(defaultValue) && defaultValue.length === 0)
      ? [`default \`${String(defaultValue)}\``]
      : []),
    ...(envVar === undefined ? [] : [`or \`${envVar}\` in the environment`]),
    ...(mandatory ? ['required'] : []),
  ].join('; ');
}

const cell = (text: string): string => text.replaceAll('|', '\\|');
