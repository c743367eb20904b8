import {
  type AttributeValue,
  CreateTableCommand,
  DeleteTableCommand,
  DescribeTableCommand,
  type DynamoDBClient,
  PutItemCommand,
  paginateScan,
} from '@aws-sdk/client-dynamodb';

/** What a backup of a table holds. */
export type Backup = readonly Record<string, AttributeValue>[];

export async function backUp(client: DynamoDBClient, table: string): Promise<Backup> {
  const items: Record<string, AttributeValue>[] = [];
  for await (const page of paginateScan({ client }, { TableName: table, ConsistentRead: true }))
    items.push(...(page.Items ?? []));
  return items;
}

/** As AWS restores a table under its old name: the old one is deleted, and another one has the items of the backup. */
export async function restore(client: DynamoDBClient, table: string, backup: Backup): Promise<void> {
  const { Table } = await client.send(new DescribeTableCommand({ TableName: table }));
  await client.send(new DeleteTableCommand({ TableName: table }));
  for (let isThere = true; isThere; )
    isThere = await client.send(new DescribeTableCommand({ TableName: table })).then(
      () => true,
      () => false,
    );
  await client.send(
    new CreateTableCommand({
      TableName: table,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: Table?.AttributeDefinitions,
      KeySchema: Table?.KeySchema,
      GlobalSecondaryIndexes: Table?.GlobalSecondaryIndexes?.map(({ IndexName, KeySchema, Projection }) => ({
        IndexName,
        KeySchema,
        Projection,
      })),
    }),
  );
  await rollBack(client, table, backup);
}

/** Puts the items of a backup into the table that is there. */
export async function rollBack(client: DynamoDBClient, table: string, backup: Backup): Promise<void> {
  for (const Item of backup) await client.send(new PutItemCommand({ TableName: table, Item }));
}
