/** A tenant's program that is killed in its second call: the first one is told to the ledger and in a usage record. */
import { BedrockRuntimeClient, ConverseCommand } from '@aws-sdk/client-bedrock-runtime';
import { costGovernor } from '../../invoke/index.ts';

const [table = '', tenant = ''] = process.argv.slice(2);
const client = new BedrockRuntimeClient({ maxAttempts: 1 });
const governor = costGovernor({ table, tags: { tenant } });
client.middlewareStack.use(governor);
const call = () =>
  client.send(
    new ConverseCommand({
      modelId: 'amazon.nova-pro-v1:0',
      messages: [{ role: 'user', content: [{ text: 'claim '.repeat(50) }] }],
      inferenceConfig: { maxTokens: 1_000 },
    }),
  );
await call();
await governor.flush();
await call();
