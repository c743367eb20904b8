import { Agent } from 'node:http';
import { BedrockRuntimeClient, ConverseCommand } from '@aws-sdk/client-bedrock-runtime';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { pluginOf } from '../../invoke/plugin.ts';
import { CONNECTIONS, medianLatency } from './connections.ts';
import { governedProcess } from './governed-process.ts';
import { arnOf, MODEL, manyProfiles, PROFILES_OF_AN_ARM, REGION } from './profiles.ts';
import { QUESTION } from './stubbed-runtime.ts';

/** A process that makes so many calls on each connection as it is told, and answers with their median latency. */
const [, , arm, endpoint = ''] = process.argv;
const client = new BedrockRuntimeClient({
  region: REGION,
  endpoint,
  credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' },
  requestHandler: new NodeHttpHandler({ httpAgent: new Agent({ keepAlive: true, maxSockets: CONNECTIONS }) }),
});
// In both processes, that they have the same heap.
const governed = await governedProcess(manyProfiles(PROFILES_OF_AN_ARM));
const isGoverned = arm === 'governed';
if (isGoverned) client.middlewareStack.use(pluginOf(governed.calls(0)));
// Without the helper a tenant names the profile itself, and the longer path is the SDK's work.
const modelId = isGoverned ? MODEL : arnOf(0);

process.on('message', (callsEach: number) => void answer(callsEach));
process.once('disconnect', () => process.exit());
process.send?.('ready');

async function answer(callsEach: number): Promise<void> {
  const call = async (): Promise<void> => {
    await client.send(new ConverseCommand({ modelId, ...QUESTION }));
  };
  process.send?.(await medianLatency(call, callsEach));
}
