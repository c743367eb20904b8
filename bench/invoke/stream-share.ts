import { type BedrockRuntimeClient, ConverseStreamCommand } from '@aws-sdk/client-bedrock-runtime';
import { pluginOf } from '../../invoke/plugin.ts';
import { upperBound95 } from '../bootstrap.ts';
import { figure, median, note } from '../figures.ts';
import type { GovernedProcess } from './governed-process.ts';
import { MODEL } from './profiles.ts';
import { EVENTS, QUESTION, stubbedRuntime } from './stubbed-runtime.ts';

/** Streams of each arm in a block. */
const STREAMS = 12;

/** What the helper adds to each event of a streamed answer, as a share of what the SDK takes to decode it. */
export async function streamShare(governed: GovernedProcess, blocks: number): Promise<void> {
  const alone = stubbedRuntime();
  const helped = stubbedRuntime();
  helped.middlewareStack.use(pluginOf(governed.calls(0)));
  const shares: number[] = [];
  const sdk: number[] = [];
  // The first block is for the compiler.
  for (let block = -1; block < blocks; block++) {
    const spent = { alone: 0, helped: 0 };
    for (let turn = 0; turn < STREAMS; turn++) {
      const isFirst = (turn + block) % 2 === 0;
      if (isFirst) spent.alone += await microsecondsOfEvents(alone);
      spent.helped += await microsecondsOfEvents(helped);
      if (!isFirst) spent.alone += await microsecondsOfEvents(alone);
    }
    if (block < 0) continue;
    shares.push(spent.helped / spent.alone - 1);
    sdk.push(spent.alone / STREAMS / EVENTS);
  }
  note(
    `streams: the SDK takes ${median(sdk).toFixed(2)} µs an event, the helper adds ${(100 * median(shares)).toFixed(2)} % (at most ${(100 * upperBound95(shares, median)).toFixed(2)} %); medians of ${blocks} blocks of ${STREAMS} streams with ${EVENTS} events`,
  );
  figure('stream_event_share', median(shares), { atMost: 0.02 });
}

/** CPU time from the first event to the end of the stream. */
async function microsecondsOfEvents(client: BedrockRuntimeClient): Promise<number> {
  const { stream } = await client.send(new ConverseStreamCommand({ modelId: MODEL, ...QUESTION }));
  if (stream === undefined) throw new Error('an answer without a stream');
  const began = process.cpuUsage();
  let events = 0;
  for await (const event of stream) if (event.messageStop === undefined) events++;
  const { user, system } = process.cpuUsage(began);
  if (events !== EVENTS - 1) throw new Error(`${events} events of ${EVENTS - 1}`);
  return user + system;
}
