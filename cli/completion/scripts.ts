import type { Command, Option } from 'commander';

/** A command as it is typed, its words apart. */
interface Line {
  readonly words: readonly string[];
  readonly command: Command;
}

const linesOf = (program: Command): readonly Line[] =>
  program.commands.flatMap((command): Line[] =>
    command.commands.length === 0
      ? [{ words: [command.name()], command }]
      : command.commands.map((sub) => ({ words: [command.name(), sub.name()], command: sub })),
  );

export const SHELLS: Readonly<Record<string, (program: Command) => string>> = { bash, zsh, fish };

export function scriptFor(shell: string, program: Command): string {
  const script = SHELLS[shell];
  if (script === undefined) throw new TypeError(`no script for the shell ${shell}`);
  return script(program);
}

const longOf = ({ long }: Option): string[] => (long == null ? [] : [long]);
const optionsOf = (command: Command): string[] => [...command.options.flatMap(longOf), '--help'];
const summaryOf = (command: Command): string => (command.summary() || command.description()).replace(/\.$/, '');

/** What may follow a command besides options: its choices, or the names of its subcommands. */
const choicesOf = (command: Command): readonly string[] =>
  command.registeredArguments.flatMap(({ argChoices = [] }) => argChoices);

/** Options that take a file or folder, by what their value is called. */
const takesPath = ({ flags }: Option): boolean => /<(file|dir)>/.test(flags);

function bash(program: Command): string {
  const lines = linesOf(program);
  const paths = [...new Set(lines.flatMap(({ command }) => command.options.filter(takesPath).flatMap(longOf)))];
  const choices = new Map(
    lines.flatMap(({ command }) =>
      command.options.flatMap(({ long, argChoices }) =>
        long == null || argChoices === undefined ? [] : [[`${command.name()} ${long}`, argChoices] as const],
      ),
    ),
  );
  const firsts = [...new Set(lines.map(({ words }) => words[0] ?? ''))];
  const groups = firsts.filter((first) => lines.some(({ words }) => words[0] === first && words.length > 1));
  return `# bash completion for governor
_governor() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" command="\${COMP_WORDS[1]}"
  COMPREPLY=()
  if (( COMP_CWORD == 1 )); then
    COMPREPLY=( $(compgen -W "${firsts.join(' ')} --help" -- "$cur") )
    return
  fi
  case "$command" in
    ${groups.join('|')})
      if (( COMP_CWORD == 2 )); then
        COMPREPLY=( $(compgen -W "$(_governor_words "$command")" -- "$cur") )
        return
      fi
      command="\${COMP_WORDS[2]}" ;;
  esac
  case "$command $prev" in
${[...choices].map(([place, values]) => `    "${place}") COMPREPLY=( $(compgen -W "${values.join(' ')}" -- "$cur") ); return ;;`).join('\n')}
  esac
  case "$prev" in
    ${paths.join('|')}) COMPREPLY=( $(compgen -f -- "$cur") ); return ;;
  esac
  COMPREPLY=( $(compgen -W "$(_governor_words "$command")" -- "$cur") )
}
_governor_words() {
  case "$1" in
${groups
  .map(
    (group) =>
      `    ${group}) echo "${lines
        .filter(({ words }) => words[0] === group)
        .map(({ words }) => words[1])
        .join(' ')}" ;;`,
  )
  .join('\n')}
${lines.map(({ command }) => `    ${command.name()}) echo "${[...choicesOf(command), ...optionsOf(command)].join(' ')}" ;;`).join('\n')}
  esac
}
complete -o default -F _governor governor`;
}

/** In single quotes of a POSIX shell, and without what zsh's descriptions and fish would read. */
const quoted = (text: string): string => `'${text.replaceAll("'", '’').replaceAll(/[[\]:\\`]/g, ' ')}'`;

function zsh(program: Command): string {
  const lines = linesOf(program);
  const top = program.commands.map(
    (command) => `    ${quoted(command.name()).slice(0, -1)}:${quoted(summaryOf(command)).slice(1)}`,
  );
  const argumentsOf = (command: Command): string =>
    [
      ...command.options.flatMap((option) => {
        const [long] = longOf(option);
        if (long === undefined) return [];
        const repeated = option.required || option.optional ? '*' : '';
        const value =
          option.argChoices === undefined
            ? takesPath(option)
              ? ':file:_files'
              : ':value:'
            : `:value:(${option.argChoices.join(' ')})`;
        return [`'${repeated}${long}[${quoted(option.description).slice(1, -1)}]${repeated === '' ? '' : value}'`];
      }),
      ...choicesOf(command)
        .slice(0, 1)
        .map(() => `'1:choice:(${choicesOf(command).join(' ')})'`),
    ].join(' ');
  const cases = lines.map(
    ({ words, command }) => `    ${quoted(words.join(' '))}) _arguments -s ${argumentsOf(command)} ;;`,
  );
  const groups = program.commands.filter(({ commands }) => commands.length > 0);
  return `#compdef governor
_governor() {
  local -a commands
  commands=(
${top.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe 'command' commands
    return
  fi
  local line="$words[2]"
  case "$line" in
${groups
  .map(
    (group) => `    ${group.name()})
      if (( CURRENT == 3 )); then
        compadd ${group.commands.map((sub) => sub.name()).join(' ')}
        return
      fi
      line="$line $words[3]"
      shift words; (( CURRENT-- )) ;;`,
  )
  .join('\n')}
  esac
  shift words; (( CURRENT-- ))
  case "$line" in
${cases.join('\n')}
  esac
}
if [ "$funcstack[1]" = "_governor" ]; then _governor "$@"; else compdef _governor governor; fi`;
}

/** In single quotes of fish, in which nothing is read but they and backslashes. */
const quotedForFish = (text: string): string => `'${text.replaceAll("'", '’').replaceAll('\\', ' ')}'`;

function fish(program: Command): string {
  const lines = linesOf(program);
  const rows = ['# fish completion for governor', 'complete -c governor -f'];
  for (const command of program.commands)
    rows.push(
      `complete -c governor -n __fish_use_subcommand -a ${command.name()} -d ${quotedForFish(summaryOf(command))}`,
    );
  for (const { words, command } of lines) {
    const [first, second] = words;
    if (second !== undefined)
      rows.push(
        `complete -c governor -n '__fish_seen_subcommand_from ${first}' -a ${second} -d ${quotedForFish(summaryOf(command))}`,
      );
    const seen = `-n '__fish_seen_subcommand_from ${second ?? first}'`;
    for (const choice of choicesOf(command)) rows.push(`complete -c governor ${seen} -a ${choice}`);
    for (const option of command.options) {
      const [long] = longOf(option);
      if (long === undefined) continue;
      const value = option.required || option.optional ? (takesPath(option) ? ' -r -F' : ' -x') : '';
      const choices = option.argChoices === undefined ? '' : ` -a ${quotedForFish(option.argChoices.join(' '))}`;
      rows.push(
        `complete -c governor ${seen} -l ${long.slice(2)}${value}${choices} -d ${quotedForFish(option.description)}`,
      );
    }
  }
  return rows.join('\n');
}
