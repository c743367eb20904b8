import { setTimeout as wait } from 'node:timers/promises';
import * as z from 'zod';
import { startEmbeddedAws } from '../../local/embedded-aws.ts';

/**
 * The embedded AWS in a process of its own, so that its work is nobody's who calls it. Its parent says how long each
 * answer takes; it answers how many requests there were since then. It ends with its parent.
 */
const orderSchema = z.object({ latencyMs: z.number() });

const aws = await startEmbeddedAws();
let latencyMs = 0;
let requests = 0;
aws.intercept(async () => {
  requests++;
  if (latencyMs > 0) await wait(latencyMs);
  return undefined;
});
process.on('message', (order) => {
  ({ latencyMs } = orderSchema.parse(order));
  process.send?.({ requests });
  requests = 0;
});
process.on('disconnect', () => process.exit());
process.send?.({ environment: aws.environment(), accountId: aws.accountId });
