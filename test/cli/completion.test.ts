import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { scriptFor } from '../../cli/completion/scripts.ts';
import { governorProgram, withSubcommands } from '../../cli/program.ts';
import { governor } from './command.ts';

const program = governorProgram('governor');
const leaves = withSubcommands(program).filter(({ commands }) => commands.length === 0);

const lines = (text: string) => text.split('\n').filter((line) => line !== '');
const isThere = (shell: string) => spawnSync(shell, ['-c', ':']).status === 0;

/** What a shell offers for words of which the last is being typed. */
const offeredBy: Readonly<Record<string, (...words: readonly string[]) => string[]>> = {
  bash: (...words) => {
    const script = `${scriptFor('bash', program)}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _governor; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return lines(execFileSync('bash', ['-c', script], { encoding: 'utf8' }));
  },
  zsh: (...words) => {
    const folder = mkdtempSync(join(tmpdir(), 'governor-zsh-'));
    const file = join(folder, '_governor');
    writeFileSync(file, scriptFor('zsh', program));
    const harness = new URL('offered-by.zsh', import.meta.url).pathname;
    const told = execFileSync('zsh', ['-f', harness, file, words.join(' ')], { encoding: 'utf8', timeout: 20_000 });
    rmSync(folder, { recursive: true });
    return lines(told.replaceAll('\r', '').split('\nBEGIN\n')[1] ?? 'it offered nothing');
  },
  fish: (...words) => {
    const script = `${scriptFor('fish', program)}\ncomplete -C ${JSON.stringify(words.join(' '))}`;
    const told = execFileSync('fish', ['--no-config', '-c', script], { encoding: 'utf8' });
    return lines(told).map((line) => line.split('\t')[0] ?? '');
  },
};

describe('governor completion', () => {
  // Where a shell is not installed its test is skipped, and shown as skipped.
  describe.each(Object.entries(offeredBy))('in %s', (shell, offered) => {
    it.skipIf(!isThere(shell))('offers commands, subcommands, options and choices', () => {
      const commands = program.commands.map((command) => command.name());
      expect(offered('governor', 'st')).toEqual(['status']);
      expect(new Set(offered('governor', ''))).toEqual(new Set(shell === 'bash' ? [...commands, '--help'] : commands));
      expect(offered('governor', 'prices', '')).toEqual(['check']);
      expect(offered('governor', 'prices', 'check', '--det')).toEqual(['--detailed-exitcode']);
      expect(offered('governor', 'report', '--fo')).toEqual(['--format']);
      expect(offered('governor', 'report', '--format', 'm')).toEqual(['markdown']);
      expect(offered('governor', 'completion', 'f')).toEqual(['fish']);
      expect(offered('governor', 'disable', '--rea')).toEqual(['--reason']);
    });
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
