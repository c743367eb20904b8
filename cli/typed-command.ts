import { Command, type ErrorOptions, type ParseOptionsResult } from 'commander';
import { nearest } from '../domain/nearest.ts';

/** A command that says what was mistyped before it says what is missing: often the one is the other. */
export class TypedCommand extends Command {
  #unknown: string | undefined;

  override createCommand(name?: string): Command {
    return new TypedCommand(name);
  }

  override parseOptions(typed: string[]): ParseOptionsResult {
    const parsed = super.parseOptions(typed);
    const [first] = parsed.unknown;
    this.#unknown = first?.startsWith('-') === true ? first : undefined;
    return parsed;
  }

  override error(message: string, options?: ErrorOptions): never {
    const flag = this.#unknown;
    const isAboutOptions = options?.code === UNKNOWN || options?.code === 'commander.missingMandatoryOptionValue';
    if (flag === undefined || !isAboutOptions) return super.error(message, options);
    return super.error(`error: unknown option '${flag}'${this.#suggestion(flag)}`, { ...options, code: UNKNOWN });
  }

  #suggestion(flag: string): string {
    const [name = ''] = flag.split('=');
    const known = ['--help', ...this.options.flatMap(({ long, hidden }) => (hidden ? [] : (long ?? [])))];
    const near = name.startsWith('--')
      ? nearest(
          name.slice(2),
          known.map((each) => each.slice(2)),
        )
      : [];
    const [only] = near;
    if (only === undefined) return '';
    const all = near.map((each) => `--${each}`).join(', ');
    return near.length === 1 ? `\n(Did you mean --${only}?)` : `\n(Did you mean one of ${all}?)`;
  }
}

const UNKNOWN = 'commander.unknownOption';

/**
 * What was typed and is empty, such as what a shell makes of a variable that is not set: nothing that a command could mean
 * by it.
 */
export function emptyIn(command: Command): readonly string[] {
  const options = command.options
    .filter((option) => option.required && command.getOptionValueSource(option.attributeName()) === 'cli')
    .filter((option) => [command.getOptionValue(option.attributeName())].flat().some(isEmpty))
    .map(({ long, flags, description }) => {
      const [expected = 'a value'] = /<[^>]+>/.exec(flags) ?? [];
      return `${long}: expected ${expected}, not an empty text (${description.replace(/ \(.*\)$/, '')})`;
    });
  const operands = command.registeredArguments
    .filter((_, place) => isEmpty(command.args[place]))
    .map((argument) => `expected ${argument.name()}, not an empty text`);
  return [...options, ...operands];
}

const isEmpty = (typed: unknown): boolean => typeof typed === 'string' && typed.trim() === '';
