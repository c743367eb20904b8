/**
 * Runs the chat server: `npx tsx examples/chat-server/main.ts`. From its environment, besides AWS's own variables:
 * `GOVERNOR_TABLE`; `TENANTS`, a JSON object of bearer token → tenant; `PORT` (3000) and `MODEL`.
 */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { BedrockRuntimeClient } from '@aws-sdk/client-bedrock-runtime';
import { costGovernor } from 'bedrock-cost-governor';
import * as z from 'zod';
import { createChatServer } from './chat-server.ts';

const environment = z
  .object({
    GOVERNOR_TABLE: z.string(),
    TENANTS: z.string().transform((json) => z.record(z.string(), z.string()).parse(JSON.parse(json))),
    PORT: z.coerce.number().int().default(3000),
    MODEL: z.string().default('amazon.nova-lite-v1:0'),
  })
  .parse(process.env);

const governor = costGovernor({ table: environment.GOVERNOR_TABLE, tags: { app: 'chat' } });
const client = new BedrockRuntimeClient();
client.middlewareStack.use(governor);
const server = createChatServer({
  client,
  governor,
  modelId: environment.MODEL,
  tenants: new Map(Object.entries(environment.TENANTS)),
});
server.listen(environment.PORT, '127.0.0.1');
await once(server, 'listening');
console.log(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}`);

await once(process, 'SIGTERM');
// Answers that are being streamed end first: what they cost is known only then.
server.close();
await once(server, 'close');
await governor.close();
client.destroy();
