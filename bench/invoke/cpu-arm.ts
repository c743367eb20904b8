import { ConverseCommand } from '@aws-sdk/client-bedrock-runtime';
import { pluginOf } from '../../invoke/plugin.ts';
import { governedProcess } from './governed-process.ts';
import { arnOf, MODEL, manyProfiles, PROFILES_OF_AN_ARM } from './profiles.ts';
import { QUESTION, stubbedRuntime } from './stubbed-runtime.ts';

/** A process that makes calls when it is told how many, and answers with the CPU time that they took, in µs for each. */
const client = stubbedRuntime();
// In every process, that all have the same heap: a collector that has seen more runs less often.
const governed = await governedProcess(manyProfiles(PROFILES_OF_AN_ARM));
const isGoverned = process.argv[2] === 'governed';
if (isGoverned) client.middlewareStack.use(pluginOf(governed.calls(0)));
// Without the helper a tenant names the profile itself, and the longer path is the SDK's work.
const modelId = isGoverned ? MODEL : arnOf(0);

process.on('message', (calls: number) => void answer(calls));
process.once('disconnect', () => process.exit());
process.send?.('ready');

async function answer(calls: number): Promise<void> {
  const began = process.cpuUsage();
  for (let call = 0; call < calls; call++) await client.send(new ConverseCommand({ modelId, ...QUESTION }));
  const { user, system } = process.cpuUsage(began);
  process.send?.((user + system) / calls);
}
