import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { OUTBOX_INDEX } from '../../../aws/dynamodb/outbox-table.ts';
import type { EmbeddedAws } from '../../../local/embedded-aws.ts';
import { clientConfig } from '../client-config.ts';

export const TABLE = 'governor';

export const dynamoDbClient = (aws: EmbeddedAws, maxAttempts = 3): DynamoDBClient =>
  new DynamoDBClient({ ...clientConfig(aws), maxAttempts });

/** Makes the governor's table as its stack does. */
export async function createGovernorTable(client: DynamoDBClient): Promise<void> {
  await client.send(
    new CreateTableCommand({
      TableName: TABLE,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: ['pk', 'sk', 'outbox', 'enteredAt'].map((AttributeName) => ({
        AttributeName,
        AttributeType: AttributeName === 'enteredAt' ? ('N' as const) : ('S' as const),
      })),
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
      GlobalSecondaryIndexes: [
        {
          IndexName: OUTBOX_INDEX,
          KeySchema: [
            { AttributeName: 'outbox', KeyType: 'HASH' },
            { AttributeName: 'enteredAt', KeyType: 'RANGE' },
          ],
          Projection: { ProjectionType: 'ALL' },
        },
      ],
    }),
  );
}
