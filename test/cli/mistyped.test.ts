import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Failure, failureOf } from '../../cli/failure.ts';
import { governorProgram, withSubcommands } from '../../cli/program.ts';

type Program = ReturnType<typeof governorProgram>;

const leaves = (program: Program) => withSubcommands(program).filter(({ commands }) => commands.length === 0);

const pathOf = (command: Program): string[] =>
  command.parent === null ? [] : [...pathOf(command.parent), command.name()];

/** What the program says of a command line that it must not begin to work on. */
async function saidOf(line: readonly string[]): Promise<string> {
  const program = governorProgram('governor');
  const said: string[] = [];
  for (const command of withSubcommands(program))
    command
      .exitOverride()
      .configureOutput({ outputError: (text) => said.push(text), writeErr: () => {} })
      .showHelpAfterError(false);
  let failure: Failure | undefined;
  await expect(
    program.parseAsync([...line], { from: 'user' }).catch((error: unknown) => {
      failure = failureOf(error);
      throw error;
    }),
  ).rejects.toThrow();
  return (failure?.lines ?? said).join('\n').trimEnd();
}

/** Values that the parsers of required options take. */
const TYPED: Readonly<Record<string, string>> = { '--by': '1 USD', '--tag': 'tenant=acme' };

describe('what was mistyped', () => {
  beforeEach(() => {
    vi.stubEnv('GOVERNOR_TABLE', 'a-table');
    vi.stubEnv('AWS_REGION', 'us-east-1');
    // No endpoint answers: whatever begins to work fails in another way.
    vi.stubEnv('AWS_ENDPOINT_URL', 'http://127.0.0.1:1');
  });
  afterEach(() => void vi.unstubAllEnvs());

  const withValues = leaves(governorProgram('governor')).flatMap((command) =>
    command.options
      .filter(({ required, optional }) => required || optional)
      .map((option) => ({ command, long: option.long ?? '', line: pathOf(command).join(' ') })),
  );

  it.each(withValues)('is told where it is empty: $line $long', async ({ command, long }) => {
    const operands = command.registeredArguments.filter(({ required }) => required).map(() => 'bash');
    const others = command.options
      .filter((option) => option.mandatory && option.long !== long)
      .flatMap((option) => [option.long ?? '', TYPED[option.long ?? ''] ?? 'some']);
    const said = await saidOf([...pathOf(command), ...operands, ...others, long, '']);
    expect(said).toMatch(new RegExp(`^(?:error: option '${long} |${long}: expected )`));
    expect(said.split('\n')).toHaveLength(1);
  });

  it.each(leaves(governorProgram('governor')).map((command) => ({ command, line: pathOf(command).join(' ') })))(
    'is told before what is missing, with the option that is near: $line',
    async ({ command }) => {
      for (const { long } of command.options) {
        const [first = '', second = ''] = (long ?? '').slice(2);
        const slip = `--${second}${first}${(long ?? '').slice(4)}`;
        if (command.options.some((option) => option.long === slip)) continue;
        const said = await saidOf([...pathOf(command), slip, 'some']);
        expect(said).toMatch(new RegExp(`^error: unknown option '${slip}'\n\\(Did you mean .*${long}`));
      }
    },
  );

  it('is an option with its value behind "=" too, which is not needed to tell what is near', async () => {
    expect(await saidOf(['plan', '--polciy=governance.yaml'])).toBe(
      "error: unknown option '--polciy=governance.yaml'\n(Did you mean --policy?)",
    );
    expect(await saidOf(['plan'])).toBe("error: required option '--policy <file>' not specified");
    expect(await saidOf(['plan', '--moonbase'])).toBe("error: unknown option '--moonbase'");
  });

  it('is an empty operand', async () => {
    expect(await saidOf(['take-back', '', '--reason', 'it is over'])).toBe('expected id, not an empty text');
    expect(await saidOf(['status', ' '])).toBe('expected tenant, not an empty text');
  });

  it.each([
    ['x', 'no decision has this name. All of them: docs/observability.md'],
    ['publish idnex', 'no decision has this name; near: "publish index". All of them: docs/observability.md'],
    [
      'close',
      'no decision has this name; near: "close budget", "close restored table". All of them: docs/observability.md',
    ],
  ])('is the name of a decision: %s', async (kind, problem) => {
    expect(await saidOf(['audit', '--kind', kind])).toBe(
      `error: option '--kind <name>' argument '${kind}' is invalid. ${problem}`,
    );
  });
});
