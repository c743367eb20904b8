import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { upperBound95 } from '../bootstrap.ts';
import { figure, median, note, pseudoMedian } from '../figures.ts';

const ARMS = ['alone', 'again', 'governed'] as const;
type Arm = (typeof ARMS)[number];

/** Until everything is compiled that will be. */
const WARM_UP_CALLS = 4_000;
/** Calls in a row of one process: short beside whatever else goes on in the machine. */
const CALLS = 400;
/** Turns of each process: in changing order, so that all of them see the same machine and temperature. */
const TURNS = 6;

/**
 * CPU of the SDK with the helper against the SDK alone, and of the SDK against itself, which shows what the noise is.
 *
 * Each works in a process of its own, as in life: in a common one, what the compiler learns of the objects of the one slows
 * the other. Processes differ by what their compiler made of the first calls, by 10 % and more, so that many generations of
 * them are measured, and the helper's process is held against two of the SDK alone.
 */
export async function cpuRatio(generations: number): Promise<void> {
  const measured: Record<Arm, number>[] = [];
  for (let generation = 0; generation < generations; generation++) measured.push(await oneGeneration(generation));
  const governedRatio = ratioOf(({ governed, alone, again }) => governed / Math.sqrt(alone * again));
  const governed = governedRatio(measured);
  const upper = upperBound95(measured, governedRatio);
  const again = ratioOf((micros) => micros.again / micros.alone)(measured);
  note(
    `CPU: SDK alone ${median(measured.map(({ alone }) => alone)).toFixed(0)} µs a call; with the helper ${governed.toFixed(4)} times that (at most ${upper.toFixed(4)}), itself again ${again.toFixed(4)}; pseudo-medians of ${generations} times three processes`,
  );
  figure('cpu_ratio_upper95', upper, { atMost: 1.06 });
  figure('cpu_ratio_control', again, { atLeast: 0.95, atMost: 1.05 });
}

/** What is typical of all generations: their pseudo-median on the logarithmic scale, on which half and double are alike. */
const ratioOf =
  (ratio: (micros: Record<Arm, number>) => number) =>
  (drawn: readonly Record<Arm, number>[]): number =>
    Math.exp(pseudoMedian(drawn.map((micros) => Math.log(ratio(micros)))));

/** CPU time of a call in each of three new processes, in µs: the median of their turns. */
async function oneGeneration(generation: number): Promise<Record<Arm, number>> {
  const [alone, again, governed] = await Promise.all([start('alone'), start('again'), start('governed')]);
  const processes = { alone, again, governed };
  try {
    await Promise.all(ARMS.map((arm) => measure(processes[arm], WARM_UP_CALLS)));
    const turns: Record<Arm, number[]> = { alone: [], again: [], governed: [] };
    for (let turn = 0; turn < TURNS; turn++)
      for (const arm of order(turn + generation)) turns[arm].push(await measure(processes[arm], CALLS));
    return { alone: median(turns.alone), again: median(turns.again), governed: median(turns.governed) };
  } finally {
    for (const arm of ARMS) processes[arm].disconnect();
  }
}

/** The young generation has one size: V8 changes it with what survives, and that would change more than is to be measured. */
const HEAP = '--min-semi-space-size=16';

async function start(arm: Arm): Promise<ChildProcess> {
  const child = fork(fileURLToPath(new URL('cpu-arm.ts', import.meta.url)), [arm], {
    execArgv: [...process.execArgv, HEAP],
  });
  await once(child, 'message');
  return child;
}

async function measure(child: ChildProcess, calls: number): Promise<number> {
  child.send(calls);
  const [micros] = (await once(child, 'message')) as [number];
  return micros;
}

/** Each arm comes as often first as last. */
function order(turn: number): readonly Arm[] {
  const rotated = ARMS.map((_, place) => ARMS[(place + (turn >> 1)) % ARMS.length] ?? 'alone');
  return turn % 2 === 0 ? rotated : rotated.reverse();
}
