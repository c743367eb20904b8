import { BedrockRuntimeClient, ConverseCommand } from '@aws-sdk/client-bedrock-runtime';
import { costGovernor } from '../../invoke/cost-governor.ts';
import type { EmbeddedAws } from '../../local/embedded-aws.ts';
import { clientConfig } from '../../test/aws/client-config.ts';
import { dynamoDbClient, TABLE } from '../../test/aws/dynamodb/governor-table.ts';
import { MODEL } from './tenant-project.ts';

/** After so many the embedded table answers within two milliseconds; the first takes it ten, as it takes no table of AWS. */
const FIRST_CALLS = 300;

/** Makes first calls of governors in this process: what is to be measured of others is not how the server gets warm. */
export async function makeFirstCalls(aws: EmbeddedAws): Promise<void> {
  const dynamodb = dynamoDbClient(aws);
  for (let made = 0; made < FIRST_CALLS; made++) {
    const client = new BedrockRuntimeClient(clientConfig(aws));
    const governor = costGovernor({ table: TABLE, tags: { tenant: 'acme' }, dynamodb });
    client.middlewareStack.use(governor);
    const messages = [{ role: 'user' as const, content: [{ text: 'Hello' }] }];
    await client.send(new ConverseCommand({ modelId: MODEL, messages, inferenceConfig: { maxTokens: 100 } }));
    await governor.close();
    client.destroy();
  }
}
