import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clone } from '../docs/clone.ts';
import { fencesOf } from '../docs/fences.ts';
import { notPrinted } from '../docs/shown.ts';
import { Command, isFree, start } from './command.ts';

const READY = 'Ctrl-C ends it.';

describe('npm start -- --keep', () => {
  const kept: Command[] = [];
  const environmentOf = (command: Command): Record<string, string> =>
    Object.fromEntries(
      [...command.stdout.matchAll(/^ {2}export ([A-Z_]+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]),
    );
  const portOf = (command: Command): number => Number(new URL(environmentOf(command)['AWS_ENDPOINT_URL'] ?? '').port);
  const keep = async (): Promise<Command> => {
    const command = start('--keep', '--port', '0');
    kept.push(command);
    await command.printed(READY);
    return command;
  };
  let command: Command;
  let other: Command;

  beforeAll(async () => {
    [command, other] = await Promise.all([keep(), keep()]);
  });

  afterAll(async () => {
    for (const left of kept) left.signal('SIGKILL');
    await Promise.all(kept.map(({ ended }) => ended));
  });

  it('goes on governing whatever any AWS client does, which needs nothing but the printed environment', async () => {
    const client = new Command('test/cli/foreign-client.ts', [], {
      ...environmentOf(command),
      HOME: '/nonexistent',
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    });
    const { code, stdout, stderr } = await client.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({
      tags: {
        dept: 'support',
        team: 'desk',
        app: 'answers',
        tenant: 'foreign-broker',
        environment: 'dev',
        costcenter: 'cc-0000',
      },
      budgets: ['governor/dev/tenant-monthly/foreign-broker'],
    });
  });

  it('tells the story that the README shows, and answers its example, which runs as it is', async () => {
    const fences = await fencesOf('README.md');
    const textOf = (language: string) => fences.find((fence) => fence.language === language)?.text ?? '';
    expect(textOf('text').split('\n').length).toBeGreaterThan(20);
    expect(notPrinted(command.stdout, textOf('text'))).toEqual([]);
    // Notices are told in their text, as people get them.
    expect(command.stdout).toMatch(
      / {2}notice {4}Bedrock budget tenant-monthly\/lakeside .*\n +because Tenant lakeside /,
    );
    expect(command.stdout).not.toContain('{"version":1');
    const folder = await clone();
    try {
      await writeFile(join(folder, 'example.ts'), textOf('ts'));
      const { code, stdout, stderr } = await new Command(join(folder, 'example.ts'), [], {
        ...environmentOf(command),
        HOME: '/nonexistent',
        AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
      }).ended;
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(/inputTokens: \d+/);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('moves its clock for whoever asks it to, and governs what falls due', async () => {
    const move = async (body: object) => {
      const endpoint = environmentOf(command)['AWS_ENDPOINT_URL'];
      const answer = await fetch(`${endpoint}/_embedded/clock`, { method: 'POST', body: JSON.stringify(body) });
      return (await answer.json()) as { now: string };
    };
    const { now: before } = await move({ advance: 'PT0S' });
    const { now: after } = await move({ advance: 'PT10M' });
    expect(Date.parse(after) - Date.parse(before)).toBeGreaterThanOrEqual(600_000);
  });

  it('has a port of its own: a second one that is told to use it says so and ends', async () => {
    const port = portOf(command);
    const { code, stderr } = await start('--port', String(port)).ended;
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: `port ${port} is in use; name another with --port, or none\n`,
    });
  });

  it('ends well on Ctrl-C and frees its port', async () => {
    const port = portOf(command);
    expect(await isFree(port)).toBe(false);
    command.signal('SIGINT');
    const { code, stderr } = await command.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(await isFree(port)).toBe(true);
  });

  it('does not hang when Ctrl-C is pressed twice', async () => {
    const port = portOf(other);
    other.signal('SIGINT');
    other.signal('SIGINT');
    const { stderr } = await other.ended;
    expect(stderr).toBe('');
    expect(await isFree(port)).toBe(true);
  });
});
