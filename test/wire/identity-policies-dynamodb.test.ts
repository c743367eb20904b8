import {
  type AttributeValue,
  BatchGetItemCommand,
  BatchWriteItemCommand,
  CreateTableCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  ScanCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';
import type { JsonObject } from '../../local/service.ts';
import { clientConfig, denied, registerAcme } from './policed-principal.ts';

describe('identity policies on DynamoDB', () => {
  let aws: EmbeddedAws;
  const config = (accessKeyId: string) => clientConfig(aws, accessKeyId);
  const register = (...statements: JsonObject[]) => registerAcme(aws, ...statements);
  const TABLE = 'arn:aws:dynamodb:us-east-1:123456789012:table/ledger';
  const item = (pk: string): Record<string, AttributeValue> => ({ pk: { S: pk }, sk: { S: 'x' } });
  let acme: DynamoDBClient;

  beforeEach(async () => {
    aws = await startEmbeddedAws();
    for (const TableName of ['ledger', 'other']) {
      await new DynamoDBClient(config('admin')).send(
        new CreateTableCommand({
          TableName,
          BillingMode: 'PAY_PER_REQUEST',
          AttributeDefinitions: [
            { AttributeName: 'pk', AttributeType: 'S' },
            { AttributeName: 'sk', AttributeType: 'S' },
          ],
          KeySchema: [
            { AttributeName: 'pk', KeyType: 'HASH' },
            { AttributeName: 'sk', KeyType: 'RANGE' },
          ],
        }),
      );
    }
    acme = new DynamoDBClient(config('ACME'));
    // biome-ignore lint/suspicious/noTemplateCurlyInString: IAM does the substitution
    const own = ['${aws:PrincipalTag/tenant}', '${aws:PrincipalTag/tenant}#*'];
    register(
      {
        Effect: 'Allow',
        Action: ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:Query', 'dynamodb:Batch*'],
        Resource: 'arn:aws:dynamodb:*:*:table/ledger',
        Condition: {
          'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': own },
          Null: { 'dynamodb:LeadingKeys': 'false' },
        },
      },
      {
        Effect: 'Deny',
        Action: 'dynamodb:PutItem',
        Resource: '*',
        Condition: { 'ForAnyValue:StringEquals': { 'dynamodb:LeadingKeys': 'acme#closed' } },
      },
    );
  });
  afterEach(() => aws.close());

  it('touches its own partitions', async () => {
    await acme.send(new PutItemCommand({ TableName: 'ledger', Item: item('acme') }));
    await acme.send(new UpdateItemCommand({ TableName: 'ledger', Key: item('acme#nov') }));
    expect(await acme.send(new GetItemCommand({ TableName: 'ledger', Key: item('acme#nov') }))).toHaveProperty('Item');
    const keys = { ledger: { Keys: [item('acme'), item('acme#nov')] } };
    expect((await acme.send(new BatchGetItemCommand({ RequestItems: keys }))).Responses?.['ledger']).toHaveLength(2);
    for (const [KeyConditionExpression, ExpressionAttributeNames] of [
      ['pk = :pk', undefined],
      ['begins_with(sk, :x) AND (:pk = #key)', { '#key': 'pk' }],
    ] as const) {
      const query = new QueryCommand({
        TableName: 'ledger',
        KeyConditionExpression,
        ExpressionAttributeNames,
        ExpressionAttributeValues: { ':pk': { S: 'acme' }, ...(ExpressionAttributeNames && { ':x': { S: 'x' } }) },
      });
      expect(await acme.send(query)).toMatchObject({ Count: 1 });
    }
  });

  it('touches no others, not even beside its own or by members that the operation does not read', async () => {
    const refusals: [string, Promise<unknown>][] = [
      ['GetItem', acme.send(new GetItemCommand({ TableName: 'ledger', Key: item('umbrella') }))],
      ['PutItem', acme.send(new PutItemCommand({ TableName: 'ledger', Item: item('acmeX') }))],
      ['UpdateItem', acme.send(new UpdateItemCommand({ TableName: 'ledger', Key: item('') }))],
      [
        'BatchGetItem',
        acme.send(new BatchGetItemCommand({ RequestItems: { ledger: { Keys: [item('acme'), item('umbrella')] } } })),
      ],
      [
        'BatchWriteItem',
        acme.send(
          new BatchWriteItemCommand({
            RequestItems: {
              ledger: [{ PutRequest: { Item: item('acme') } }, { DeleteRequest: { Key: item('umbrella') } }],
            },
          }),
        ),
      ],
      [
        'Query',
        acme.send(
          new QueryCommand({
            TableName: 'ledger',
            KeyConditionExpression: '#p = :other AND sk = :own',
            ExpressionAttributeNames: { '#p': 'pk' },
            ExpressionAttributeValues: { ':other': { S: 'umbrella' }, ':own': { S: 'acme' } },
          }),
        ),
      ],
      ['Scan', acme.send(new ScanCommand({ TableName: 'ledger' }))],
    ];
    for (const [operation, sending] of refusals)
      await expect(sending, operation).rejects.toMatchObject(denied(`dynamodb:${operation}`, TABLE));
    const disguised = await fetch(aws.endpoint, {
      method: 'POST',
      headers: {
        authorization: 'AWS4-HMAC-SHA256 Credential=ACME/20261123/us-east-1/dynamodb/aws4_request, Signature=0',
        'x-amz-target': 'DynamoDB_20120810.PutItem',
      },
      body: JSON.stringify({ TableName: 'ledger', Item: item('umbrella'), Key: item('acme'), RequestItems: {} }),
    });
    expect(await disguised.json()).toMatchObject({ __type: 'AccessDeniedException' });
  });

  it('touches no other table, and nothing that is denied', async () => {
    await expect(acme.send(new GetItemCommand({ TableName: 'other', Key: item('acme') }))).rejects.toMatchObject(
      denied('dynamodb:GetItem', TABLE.replace('ledger', 'other')),
    );
    await expect(
      acme.send(new PutItemCommand({ TableName: 'ledger', Item: item('acme#closed') })),
    ).rejects.toMatchObject({ ...denied('dynamodb:PutItem', TABLE, 'explicit'), $metadata: { httpStatusCode: 400 } });
  });
});
