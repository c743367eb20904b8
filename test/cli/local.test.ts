import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { type Command, governor, isFree } from './command.ts';

const Endpoint = z.strictObject({
  type: z.literal('endpoint'),
  url: z.string().startsWith('http://127.0.0.1:'),
  table: z.literal('bedrock-cost-governor-dev'),
  at: z.iso.datetime(),
  environment: z.record(z.string(), z.string()),
});

describe('governor local', () => {
  it('runs the embedded AWS that other commands talk to, until Ctrl-C, and then leaves its port', async () => {
    const local = governor({}, 'local', '--json');
    await local.printed('\n');
    const { url, environment } = Endpoint.parse(JSON.parse(local.stdout));
    const status = await governor(environment, 'status').ended;
    expect(status).toMatchObject({ code: 0, stderr: '' });
    expect(status.stdout).toMatch(/^No profile is covered by a budget yet/);
    local.signal('SIGINT');
    expect(await local.ended).toMatchObject({ code: 0, signal: null, stderr: '' });
    expect(await isFree(Number(new URL(url).port))).toBe(true);
  });

  it('prints lines to export, for people, at the port that was named, without a policy where none is wanted', async () => {
    const port = await freePort();
    const local = governor({}, 'local', '--port', String(port), '--no-policy');
    await local.printed('Ctrl-C ends it.');
    expect(local.stdout).toContain(`  export AWS_ENDPOINT_URL=http://127.0.0.1:${port}\n`);
    expect(local.stdout).toContain('  export GOVERNOR_TABLE=bedrock-cost-governor-dev\n');
    expect(local.stdout).not.toContain('\u001b');
    const another = await governor({}, 'local', '--port', String(port)).ended;
    expect(another).toMatchObject({
      code: 2,
      stdout: '',
      stderr: `--port: ${port} is in use; name another, or none\n`,
    });
    const status = await governor({ ...exported(local), NO_COLOR: '1' }, 'status').ended;
    expect(status.code).toBe(1);
    expect(status.stderr).toMatch(/^NoPolicy: /);
    local.signal('SIGTERM');
    expect(await local.ended).toMatchObject({ code: 0, signal: null });
  });

  it('refuses a policy that is invalid before anything starts', async () => {
    const ending = await governor({}, 'local', '--policy', '/nonexistent.yaml').ended;
    expect(ending).toMatchObject({
      code: 2,
      stdout: '',
      stderr: '/nonexistent.yaml: there is no such file (ENOENT)\n',
    });
  });
});

const exported = ({ stdout }: Command): Record<string, string> =>
  Object.fromEntries(
    [...stdout.matchAll(/^ {2}export (\w+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]),
  );

async function freePort(): Promise<number> {
  const server = createServer();
  return await new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
