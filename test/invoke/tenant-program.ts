/** A tenant's program: makes one governed call and ends as its argument says, without closing the governor. */
import { BedrockRuntimeClient, ConverseCommand } from '@aws-sdk/client-bedrock-runtime';
import { costGovernor } from '../../invoke/index.ts';

const [table = '', ending = ''] = process.argv.slice(2);
const client = new BedrockRuntimeClient();
client.middlewareStack.use(costGovernor({ table, tags: { tenant: 'acme' } }));
await client.send(
  new ConverseCommand({
    modelId: 'amazon.nova-lite-v1:0',
    messages: [{ role: 'user', content: [{ text: 'Hello' }] }],
    inferenceConfig: { maxTokens: 100 },
  }),
);
process.stdout.write('called\n');
if (ending === 'stays') setInterval(() => {}, 1_000);
