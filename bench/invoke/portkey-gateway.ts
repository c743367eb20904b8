import { execFile, spawn } from 'node:child_process';
import { access } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const FOLDER = fileURLToPath(new URL('portkey', import.meta.url));
const PROGRAM = join(FOLDER, 'node_modules/@portkey-ai/gateway/build/start-server.js');

export interface Gateway {
  readonly port: number;
  stop(): void;
}

/** Installs the gateway, where that was not done before, and starts it on loopback. */
export async function startPortkey(): Promise<Gateway> {
  await access(PROGRAM).catch(() =>
    promisify(execFile)('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: FOLDER }),
  );
  const port = await freePort();
  const preload = pathToFileURL(join(FOLDER, 'loopback-only.mjs')).href;
  const child = spawn(process.execPath, ['--import', preload, PROGRAM, `--port=${port}`, '--headless'], {
    cwd: FOLDER,
    env: { PATH: process.env['PATH'], NODE_ENV: 'production' },
    stdio: 'ignore',
  });
  for (let attempt = 0; attempt < 100; attempt++) {
    if (await listens(port)) return { port, stop: () => child.kill() };
    await setTimeout(100);
  }
  child.kill();
  throw new Error('the gateway does not listen after ten seconds');
}

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? (address?.port ?? 0) : 0));
    });
  });

const listens = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('close', () => socket.destroy());
    socket.once('connect', () => socket.end());
  });
