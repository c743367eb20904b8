import { type BedrockRuntimeClient, ConverseStreamCommand } from '@aws-sdk/client-bedrock-runtime';
import { pluginOf } from '../../invoke/plugin.ts';
import { governedProcess } from './governed-process.ts';
import { MODEL, manyProfiles, PROFILES_OF_AN_ARM } from './profiles.ts';
import { EVENTS, QUESTION, stubbedRuntime } from './stubbed-runtime.ts';

/** Streams of each client in a block. */
const STREAMS = 12;

/** What a block has shown. */
export interface StreamBlock {
  /** What the helper added, as a share of what the SDK took. */
  readonly share: number;
  /** CPU time of the SDK alone for an event, in µs. */
  readonly sdkMicros: number;
}

/** A process that streams through a client with the helper and one without in turns, in as many blocks as it is told. */
const alone = stubbedRuntime();
const helped = stubbedRuntime();
helped.middlewareStack.use(pluginOf((await governedProcess(manyProfiles(PROFILES_OF_AN_ARM))).calls(0)));

process.on('message', (blocks: number) => void answer(blocks));
process.once('disconnect', () => process.exit());
process.send?.('ready');

async function answer(blocks: number): Promise<void> {
  const measured: StreamBlock[] = [];
  // The first block is for the compiler.
  for (let block = -1; block < blocks; block++) {
    const spent = { alone: 0, helped: 0 };
    for (let turn = 0; turn < STREAMS; turn++) {
      const isFirst = (turn + block) % 2 === 0;
      if (isFirst) spent.alone += await microsecondsOfEvents(alone);
      spent.helped += await microsecondsOfEvents(helped);
      if (!isFirst) spent.alone += await microsecondsOfEvents(alone);
    }
    if (block >= 0) measured.push({ share: spent.helped / spent.alone - 1, sdkMicros: spent.alone / STREAMS / EVENTS });
  }
  process.send?.(measured);
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
