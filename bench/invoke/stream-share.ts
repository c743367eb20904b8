import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { upperBound95 } from '../bootstrap.ts';
import { figure, median, note } from '../figures.ts';
import type { StreamBlock } from './stream-arm.ts';
import { EVENTS } from './stubbed-runtime.ts';

const BLOCKS = 40;

/**
 * What the helper adds to each event of a streamed answer, as a share of what the SDK takes to decode it: the median of
 * several processes, which differ by a third of it for what their compiler made of the first events.
 */
export async function streamShare(processes: number): Promise<void> {
  const measured: (readonly StreamBlock[])[] = [];
  for (let made = 0; made < processes; made++) measured.push(await blocksOfProcess());
  const shares = measured.map((blocks) => median(blocks.map(({ share }) => share)));
  const sdk = median(measured.flat().map(({ sdkMicros }) => sdkMicros));
  note(
    `streams: the SDK takes ${sdk.toFixed(2)} µs an event, the helper adds ${(100 * median(shares)).toFixed(2)} % (at most ${(100 * upperBound95(shares, median)).toFixed(2)} %); medians of ${processes} processes with ${BLOCKS} blocks of streams with ${EVENTS} events`,
  );
  figure('stream_event_share', median(shares), { atMost: 0.02 });
}

async function blocksOfProcess(): Promise<readonly StreamBlock[]> {
  const child = fork(fileURLToPath(new URL('stream-arm.ts', import.meta.url)), { execArgv: process.execArgv });
  try {
    await once(child, 'message');
    child.send(BLOCKS);
    const [blocks] = (await once(child, 'message')) as [readonly StreamBlock[]];
    return blocks;
  } finally {
    child.disconnect();
  }
}
