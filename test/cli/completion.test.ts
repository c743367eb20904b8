import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { scriptFor } from '../../cli/completion/scripts.ts';
import { governorProgram, withSubcommands } from '../../cli/program.ts';
import { governor } from './command.ts';

const program = governorProgram('governor');
const leaves = withSubcommands(program).filter(({ commands }) => commands.length === 0);

/** What bash offers for words of which the last is being typed. */
function offered(...words: readonly string[]): string[] {
  const script = `${scriptFor('bash', program)}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _governor; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['-c', script], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line !== '');
}

describe('governor completion', () => {
  it('offers in bash commands, subcommands, options and choices', () => {
    expect(offered('governor', 'st')).toEqual(['status']);
    expect(offered('governor', '').sort()).toEqual(
      [...program.commands.map((command) => command.name()), '--help'].sort(),
    );
    expect(offered('governor', 'prices', '')).toEqual(['check']);
    expect(offered('governor', 'prices', 'check', '--det')).toEqual(['--detailed-exitcode']);
    expect(offered('governor', 'report', '--fo')).toEqual(['--format']);
    expect(offered('governor', 'report', '--format', 'm')).toEqual(['markdown']);
    expect(offered('governor', 'completion', 'f')).toEqual(['fish']);
  });

  it.each(['bash', 'zsh', 'fish'])('knows every command and option in %s, with its quotes in pairs', (shell) => {
    const script = scriptFor(shell, program);
    for (const command of leaves) {
      expect(script).toContain(command.name());
      for (const { long } of command.options)
        expect(script).toContain(shell === 'fish' ? `-l ${long?.slice(2)}` : (long ?? ''));
    }
    for (const line of script.split('\n').filter((each) => !each.startsWith('#')))
      expect((line.match(/'/g) ?? []).length % 2, line).toBe(0);
  });

  it('is printed by the command, the same each time, and refuses another shell', async () => {
    const { code, stdout } = await governor({}, 'completion', 'bash').ended;
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${scriptFor('bash', governorProgram('governor'))}\n` });
    const other = await governor({}, 'completion', 'csh').ended;
    expect(other).toMatchObject({ code: 2, stdout: '' });
    expect(other.stderr).toMatch(/Allowed choices are bash, zsh, fish/);
  });
});
