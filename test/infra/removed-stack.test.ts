import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { GetFunctionCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { policyTable } from '../../aws/dynamodb/policy-table.ts';
import { adoptionOf, withAdoptedTable } from '../../infra/adopt-table.ts';
import { type PackagedStack, packageStack } from '../../infra/package.ts';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';
import { clientConfig } from '../aws/client-config.ts';
import { policyDocument } from '../domain/example-policy.ts';

describe('a stack that is removed', () => {
  let aws: EmbeddedAws;
  let packaged: PackagedStack;
  let template: { Resources: Record<string, { Type: string; DeletionPolicy?: string; UpdateReplacePolicy?: string }> };
  let folder: string;
  let dynamodb: DynamoDBClient;
  const table = 'bedrock-cost-governor-dev';
  const tableId = async () => (await dynamodb.send(new DescribeTableCommand({ TableName: table }))).Table?.TableId;

  beforeAll(async () => {
    packaged = await packageStack();
    template = JSON.parse(await readFile(packaged.templatePath, 'utf8'));
    aws = await startEmbeddedAws();
    dynamodb = new DynamoDBClient(clientConfig(aws));
    folder = await mkdtemp(join(tmpdir(), 'adopted-'));
  });
  afterAll(async () => {
    await aws.close();
    await rm(folder, { recursive: true });
  });

  it('retains what is the record of what was spent, and any key that it is encrypted with', () => {
    const kept = Object.values(template.Resources).filter(({ Type }) => /^AWS::(DynamoDB::Table|KMS::Key)$/.test(Type));
    expect(kept.length).toBeGreaterThanOrEqual(1);
    for (const resource of kept)
      expect(resource).toMatchObject({ DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' });
  });

  it('leaves its table, with which the same template is refused, and which the adopting one takes over', async () => {
    await aws.deploy(packaged);
    await policyTable(dynamodb, table).apply(policyDocument());
    const before = await tableId();
    await aws.removeStack();
    expect(await tableId()).toBe(before);
    const lambda = new LambdaClient({ ...clientConfig(aws), maxAttempts: 1 });
    const sweep = new GetFunctionCommand({ FunctionName: `${table}-sweep` });
    await expect(lambda.send(sweep)).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    await expect(aws.deploy(packaged)).rejects.toThrow(/GovernorTable .* could not be made: .*already exists/);

    const templatePath = join(folder, 'template.json');
    await writeFile(templatePath, JSON.stringify(withAdoptedTable(template)));
    const stack = await aws.deploy({ ...packaged, templatePath });
    expect(stack.outputs['TableName']).toBe(table);
    expect(await tableId()).toBe(before);
    expect(await policyTable(dynamodb, table).holds(policyDocument())).toBe(true);
    // Its functions find the table open: it is the same one.
    const { error } = await aws.invoke(`${table}-ledger-watch`, {});
    expect(error).toBeUndefined();
    // Removed once more it does not touch what is not its own.
    await aws.removeStack();
    expect(await tableId()).toBe(before);
  });

  it('can be made to use a table of another name, as one that was restored beside the old one has', () => {
    const text = JSON.stringify(withAdoptedTable(template, 'governor-restored'));
    expect(text).toContain('table/governor-restored/index/outbox');
    expect(text).toContain('"GOVERNOR_TABLE":"governor-restored"');
    expect(adoptionOf(['--stage', 'prod', '--adopt-table=governor-restored'])).toEqual({
      others: ['--stage', 'prod'],
      table: 'governor-restored',
    });
    expect(adoptionOf(['--adopt-table'])).toEqual({ others: [], table: '' });
    expect(adoptionOf(['--stage', 'prod'])).toEqual({ others: ['--stage', 'prod'] });
  });

  it('is not referred to by anything in the adopting template, which names the table in full', () => {
    const text = JSON.stringify(withAdoptedTable(template));
    expect(text).not.toContain('GovernorTable');
    const arn = `arn:\${AWS::Partition}:dynamodb:\${AWS::Region}:\${AWS::AccountId}:table/${table}`;
    expect(text).toContain(JSON.stringify({ 'Fn::Sub': arn }));
    expect(text).toContain(JSON.stringify({ 'Fn::Sub': `${arn}/index/outbox` }));
  });
});
