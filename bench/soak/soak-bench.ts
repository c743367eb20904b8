import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { figure, median, note } from '../figures.ts';
import type { Reckoning, Sample, SoakedAccount } from './soak-protocol.ts';

const HOOKS = fileURLToPath(new URL('../typescript.mjs', import.meta.url));
const ACCOUNT = fileURLToPath(new URL('./account-process.ts', import.meta.url));
const SERVER = fileURLToPath(new URL('./server-process.ts', import.meta.url));
const MINUTE_MS = 60_000;
const CALLS_AT_ONCE = 64;

/**
 * The helper under full load in real time, for an hour (`--full`) or for four minutes: a server with twenty tenants, four of
 * them with a budget that is used up, on the deployed stack, whose schedules run. In the middle of it the month turns.
 * Memory and what keeps a process alive must not grow, and in the end the ledger says what AWS bills.
 */
export async function run(full: boolean): Promise<void> {
  const minutes = full ? 60 : 4;
  const everyMs = full ? 20_000 : 4_000;
  const startAt = Date.parse('2026-12-01T00:00:00Z') - (minutes / 2) * MINUTE_MS;
  const account = start(ACCOUNT, [String(startAt), full ? '0.05 USD' : '0.005 USD'], process.env);
  const children = [account];
  try {
    const { environment, table } = await answerOf<SoakedAccount>(account);
    const env = { ...process.env, ...environment };
    const server = start(SERVER, [table, String(CALLS_AT_ONCE), String(everyMs)], env);
    children.push(server);
    const samples: Sample[] = [];
    server.on('message', (sample) => {
      samples.push(sample as Sample);
      if (full && samples.length % 15 === 0) note(progressOf(samples));
    });
    await new Promise((resolve) => setTimeout(resolve, minutes * MINUTE_MS));
    await ended(server);
    account.send('reckon');
    report(samples, await answerOf<Reckoning>(account));
  } finally {
    for (const child of children) child.kill();
  }
}

const start = (program: string, args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess =>
  fork(program, args, { env, execArgv: ['--import', HOOKS, '--expose-gc', '--max-old-space-size=8192'] });

async function answerOf<Answer>(child: ChildProcess): Promise<Answer> {
  const answer = once(child, 'message');
  const end = once(child, 'exit').then(([code]) => {
    throw new Error(`a process of the soak has ended with ${String(code)}`);
  });
  const [message] = await Promise.race([answer, end]);
  return message as Answer;
}

async function ended(server: ChildProcess): Promise<void> {
  const end = once(server, 'exit');
  server.send('end');
  const [code] = await end;
  if (code !== 0) throw new Error(`the server has ended with ${String(code)}`);
}

const absolute = (amount: bigint): bigint => (amount < 0n ? -amount : amount);

const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MB`;

function progressOf(samples: readonly Sample[]): string {
  const last = samples.at(-1);
  return last === undefined
    ? ''
    : `${last.calls} calls, ${last.refused} refused, ${megabytes(last.heapBytes)}, ${last.resources} resources`;
}

function report(samples: readonly Sample[], { tenants, ...seen }: Reckoning): void {
  note(progressOf(samples));
  for (const [name, count] of Object.entries(samples.at(-1)?.failed ?? {})) note(`failed: ${count} ${name}`);
  // The first third warms up. The last sample is of a process that has closed its helper.
  const third = Math.floor((samples.length - 1) / 3);
  const middle = samples.slice(third, 2 * third);
  const late = samples.slice(2 * third, -1);
  const heap = (part: readonly Sample[]): number => median(part.map(({ heapBytes }) => heapBytes));
  // The fewest that there were: how many calls are in flight as a sample is taken says nothing, and a leak raises the floor.
  const resources = (part: readonly Sample[]): number => Math.min(...part.map((sample) => sample.resources));
  note(`heap ${megabytes(heap(middle))}, then ${megabytes(heap(late))}; ${seen.invocations} invocations of functions`);
  const errors = new Map<string, bigint>();
  let atTheTurn = 0n;
  let billed = 0n;
  let over = 0n;
  let usedUp = 0;
  for (const tenant of tenants) {
    const bill = BigInt(tenant.billed);
    const error = BigInt(tenant.settled) + BigInt(tenant.unconfirmed) + BigInt(tenant.leased) - bill;
    errors.set(tenant.name, (errors.get(tenant.name) ?? 0n) + error);
    atTheTurn += absolute(error);
    billed += bill;
    const beyond = bill - BigInt(tenant.limit);
    if (beyond > 0n) over += beyond;
    if (tenant.isTight && beyond > -BigInt(tenant.limit) / 20n) usedUp++;
  }
  const error = [...errors.values()].reduce((sum, each) => sum + absolute(each), 0n);
  const last = samples.at(-1);
  figure('soak_calls', last?.calls ?? 0, { atLeast: 1_000 });
  figure('soak_refused', last?.refused ?? 0, { atLeast: 1 });
  figure('soak_budgets_used_up', usedUp, { atLeast: 1 });
  figure(
    'soak_failed_calls',
    Object.values(last?.failed ?? {}).reduce((sum, count) => sum + count, 0),
    { atMost: 0 },
  );
  figure('soak_heap_growth', heap(late) / heap(middle), { atMost: 1.05 });
  figure('soak_resources_growth', resources(late) / resources(middle), { atMost: 1.25 });
  figure('soak_bill_error_nano_usd', Number(error), { atMost: 0 });
  // A call belongs to the month in which it was admitted, and AWS bills it when it has run.
  const callsAtTheTurn = (Number(atTheTurn) / 2 / Number(billed)) * (last?.calls ?? 0);
  figure('soak_calls_at_the_turn', callsAtTheTurn, { atMost: CALLS_AT_ONCE });
  figure('soak_overshoot_nano_usd', Number(over), { atMost: 0 });
  figure('soak_failed_invocations', seen.failedInvocations, { atMost: 0 });
  figure('soak_dead_letters', seen.deadLetters, { atMost: 0 });
}
