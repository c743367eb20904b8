import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { notesOf } from '../../cli/command-line.ts';
import { commandsDocument } from '../../cli/documentation.ts';
import { governorProgram, withSubcommands } from '../../cli/program.ts';
import { governor, ROOT } from './command.ts';

const leaves = () => withSubcommands(governorProgram('governor')).filter(({ commands }) => commands.length === 0);

describe('what the governor command says of itself', () => {
  it('is in docs/commands.md as it is now (npm run docs:commands)', async () => {
    expect(await readFile(`${ROOT}/docs/commands.md`, 'utf8')).toBe(commandsDocument(governorProgram('governor')));
  });

  it('has for each command a description and examples that begin with its name', () => {
    expect(leaves().length).toBeGreaterThan(10);
    for (const command of leaves()) {
      expect(command.description(), command.name()).not.toBe('');
      const examples = notesOf(command)?.examples ?? [];
      expect(examples.length, command.name()).toBeGreaterThan(0);
      for (const [line] of examples) expect(line.split(' '), command.name()).toContain(command.name());
    }
  });

  it('has --json, with its shape, for every command that prints anything but a script or a server', () => {
    for (const command of leaves().filter((each) => !['bash', 'zsh', 'fish'].includes(each.name()))) {
      expect(
        command.options.map(({ long }) => long),
        command.name(),
      ).toContain('--json');
      expect(notesOf(command)?.json, command.name()).toBeDefined();
    }
  });

  it('is told with --help, examples and exit codes included', async () => {
    const program = await governor({}, '--help').ended;
    expect(program).toMatchObject({ code: 0, stderr: '' });
    for (const text of ['Usage: governor', 'status [options] [tenant]', 'Exit codes: 0 done;'])
      expect(program.stdout).toContain(text);
    const command = await governor({ npm_lifecycle_event: 'governor' }, 'report', '--help').ended;
    expect(command).toMatchObject({ code: 0, stderr: '' });
    expect(command.stdout).toContain('$ npm run governor -- report --by app');
  });
});
