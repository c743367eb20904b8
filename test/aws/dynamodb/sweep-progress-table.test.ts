import { expect, it } from 'vitest';
import { sweepProgressTable } from '../../../aws/dynamodb/sweep-progress-table.ts';
import { startEmbeddedAws } from '../../../local/embedded-aws.ts';
import { createGovernorTable, dynamoDbClient, TABLE } from './governor-table.ts';

it('keeps in DynamoDB how far a sweep came, until one comes to its end', async () => {
  const aws = await startEmbeddedAws();
  try {
    const client = dynamoDbClient(aws, 1);
    await createGovernorTable(client);
    const progress = sweepProgressTable(client, TABLE);
    expect(await progress.read()).toEqual({});
    for (const cursor of [{ budget: 'tenant-monthly/acme' }, { budget: 'b', profile: 'arn:p' }, { profile: 'q' }, {}]) {
      await progress.keep(cursor);
      expect(await progress.read()).toEqual(cursor);
    }
  } finally {
    await aws.close();
  }
});
