import { describe, expect, it } from 'vitest';
import { start } from './command.ts';

describe('the options of npm start', () => {
  it.concurrent.each([
    [['--verbosely'], "error: unknown option '--verbosely'\n"],
    [['--port', 'any'], "error: option '--port <port>' argument 'any' is invalid. expected a port from 0 to 65535\n"],
    [
      ['--port', '65536'],
      "error: option '--port <port>' argument '65536' is invalid. expected a port from 0 to 65535\n",
    ],
    [['--policy'], "error: option '--policy <file>' argument missing\n"],
    [['governance.yaml'], 'error: too many arguments. Expected 0 arguments but got 1.\n'],
  ])('refuses %j in one line', async (args, stderr) => {
    expect(await start(...args).ended).toEqual({ code: 2, signal: null, stdout: '', stderr });
  });

  it.concurrent('explains itself', async () => {
    const { code, stdout, stderr } = await start('--help').ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const option of ['--policy <file>', '--keep', '--json', '--port <port>']) expect(stdout).toContain(option);
  });
});
