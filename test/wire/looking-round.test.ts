import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConverseCommand } from '@aws-sdk/client-bedrock-runtime';
import { CloudWatchClient, GetMetricStatisticsCommand } from '@aws-sdk/client-cloudwatch';
import { CostExplorerClient, GetCostAndUsageCommand } from '@aws-sdk/client-cost-explorer';
import { LambdaClient, ListFunctionsCommand, paginateListFunctions } from '@aws-sdk/client-lambda';
import {
  CreateSecretCommand,
  DescribeSecretCommand,
  ListSecretsCommand,
  PutSecretValueCommand,
  paginateListSecrets,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import {
  DescribeParametersCommand,
  GetParametersByPathCommand,
  type ParameterStringFilter,
  PutParameterCommand,
  paginateDescribeParameters,
  paginateGetParametersByPath,
  SSMClient,
} from '@aws-sdk/client-ssm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';
import { clientConfig } from '../aws/client-config.ts';
import { runtimeClient } from './clients.ts';

const START = Date.UTC(2026, 9, 20);
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const MODEL = 'amazon.nova-lite-v1:0';

async function all<Page, Item>(pages: AsyncIterable<Page>, of: (page: Page) => readonly Item[] | undefined) {
  const found: Item[][] = [];
  for await (const page of pages) found.push([...(of(page) ?? [])]);
  return found;
}

describe('who looks round in the embedded AWS', () => {
  let aws: EmbeddedAws;
  const config = (region = 'us-east-1') => ({ ...clientConfig(aws, region), maxAttempts: 1 });
  beforeEach(async () => {
    aws = await startEmbeddedAws({ startAt: START });
  });
  afterEach(() => aws.close());

  const call = async () =>
    await runtimeClient(aws).send(
      new ConverseCommand({ modelId: MODEL, messages: [{ role: 'user', content: [{ text: 'x'.repeat(4_000) }] }] }),
    );

  describe('in Parameter Store', () => {
    let ssm: SSMClient;
    beforeEach(async () => {
      ssm = new SSMClient(config());
      for (const Name of ['/governor/prod/index', '/governor/prod/deep/er', '/governor/dev', '/governors', 'alone'])
        await ssm.send(new PutParameterCommand({ Name, Value: Name, Type: 'String' }));
      const secret = { Name: '/governor/secret', Value: 'hush', Type: 'SecureString' } as const;
      await ssm.send(new PutParameterCommand(secret));
      const elsewhere = new SSMClient(config('eu-west-1'));
      await elsewhere.send(new PutParameterCommand({ Name: '/governor/far', Value: 'far', Type: 'String' }));
    });
    const namesAt = async (Path: string, Recursive?: boolean) =>
      (await ssm.send(new GetParametersByPathCommand({ Path, Recursive }))).Parameters?.map(({ Name }) => Name);

    it('finds what is in a path, one level or all of them', async () => {
      expect(await namesAt('/governor')).toEqual(['/governor/dev', '/governor/secret']);
      expect(await namesAt('/governor/')).toEqual(['/governor/dev', '/governor/secret']);
      expect(await namesAt('/governor', true)).toEqual([
        '/governor/dev',
        '/governor/prod/deep/er',
        '/governor/prod/index',
        '/governor/secret',
      ]);
      expect(await namesAt('/')).toEqual(['/governors', 'alone']);
      expect(await namesAt('/nothing')).toEqual([]);
      await expect(namesAt('governor')).rejects.toMatchObject({ name: 'ValidationException' });
    });

    it('reads values with it, decrypted where asked', async () => {
      const read = async (WithDecryption: boolean) =>
        (await ssm.send(new GetParametersByPathCommand({ Path: '/governor', WithDecryption }))).Parameters?.[1];
      expect(await read(true)).toMatchObject({ Name: '/governor/secret', Value: 'hush', Version: 1 });
      expect((await read(false))?.Value).not.toBe('hush');
    });

    it('gets both lists in pages', async () => {
      const paths = paginateGetParametersByPath({ client: ssm, pageSize: 3 }, { Path: '/governor', Recursive: true });
      expect((await all(paths, ({ Parameters }) => Parameters)).map(({ length }) => length)).toEqual([3, 1]);
      const described = paginateDescribeParameters({ client: ssm, pageSize: 4 }, {});
      expect((await all(described, ({ Parameters }) => Parameters)).map(({ length }) => length)).toEqual([4, 2]);
      await expect(ssm.send(new DescribeParametersCommand({ NextToken: 'x' }))).rejects.toMatchObject({
        name: 'InvalidNextToken',
      });
      const tooMany = new GetParametersByPathCommand({ Path: '/', MaxResults: 11 });
      await expect(ssm.send(tooMany)).rejects.toMatchObject({ name: 'ValidationException' });
    });

    it.each<[ParameterStringFilter, string[]]>([
      [{ Key: 'Name', Values: ['alone', '/governors'] }, ['/governors', 'alone']],
      [
        { Key: 'Name', Option: 'BeginsWith', Values: ['/governor/prod'] },
        ['/governor/prod/deep/er', '/governor/prod/index'],
      ],
      [{ Key: 'Name', Option: 'Contains', Values: ['lon'] }, ['alone']],
      [{ Key: 'Type', Values: ['SecureString'] }, ['/governor/secret']],
      [{ Key: 'Path', Values: ['/governor'] }, ['/governor/dev', '/governor/secret']],
      [
        { Key: 'Path', Option: 'Recursive', Values: ['/governor/prod'] },
        ['/governor/prod/deep/er', '/governor/prod/index'],
      ],
      [{ Key: 'Tier', Values: ['Advanced'] }, []],
    ])('is told of parameters, but not their values: %j', async (filter, names) => {
      const { Parameters = [] } = await ssm.send(new DescribeParametersCommand({ ParameterFilters: [filter] }));
      expect(Parameters.map(({ Name }) => Name)).toEqual(names);
      for (const parameter of Parameters) expect(parameter).not.toHaveProperty('Value');
    });

    it('is refused a filter that is not there', async () => {
      const ParameterFilters = [{ Key: 'KeyId', Values: ['x'] }];
      await expect(ssm.send(new DescribeParametersCommand({ ParameterFilters }))).rejects.toMatchObject({
        name: 'InvalidFilterKey',
      });
    });
  });

  describe('in Secrets Manager', () => {
    it('is told of secrets, their versions and labels, but not their values', async () => {
      const client = new SecretsManagerClient(config());
      const Tags = [{ Key: 'team', Value: 'search' }];
      const made = { Name: 'governor/index', SecretString: 'one', Description: 'the index', Tags };
      const { ARN, VersionId: first = '' } = await client.send(new CreateSecretCommand(made));
      await aws.clock.advance(HOUR);
      const put = new PutSecretValueCommand({ SecretId: 'governor/index', SecretString: 'two' });
      const { VersionId: second = '' } = await client.send(put);
      const VersionIdsToStages = { [first]: ['AWSPREVIOUS'], [second]: ['AWSCURRENT'] };
      const described = await client.send(new DescribeSecretCommand({ SecretId: 'governor/index' }));
      expect(described).toMatchObject({
        ARN,
        Name: 'governor/index',
        Description: 'the index',
        Tags,
        VersionIdsToStages,
      });
      expect(
        (described.LastChangedDate?.getTime() ?? 0) - (described.CreatedDate?.getTime() ?? 0),
      ).toBeGreaterThanOrEqual(HOUR);
      expect(JSON.stringify(described)).not.toContain('two');
      await expect(client.send(new DescribeSecretCommand({ SecretId: 'none' }))).rejects.toMatchObject({
        name: 'ResourceNotFoundException',
      });
      for (const Name of ['a', 'governor/b']) await client.send(new CreateSecretCommand({ Name, SecretString: 'x' }));
      await new SecretsManagerClient(config('eu-west-1')).send(
        new CreateSecretCommand({ Name: 'far', SecretString: 'x' }),
      );
      const pages = await all(paginateListSecrets({ client, pageSize: 2 }, {}), ({ SecretList }) => SecretList);
      expect(pages.map((page) => page.map(({ Name }) => Name))).toEqual([['governor/index', 'a'], ['governor/b']]);
      expect(pages[0]?.[0]).toMatchObject({ ARN, SecretVersionsToStages: VersionIdsToStages });
      const list = async (...Values: string[]) => {
        const Filters = [{ Key: 'name' as const, Values }];
        const { SecretList } = await client.send(
          new ListSecretsCommand({ Filters, SortBy: 'name', SortOrder: 'desc' }),
        );
        return SecretList?.map(({ Name }) => Name);
      };
      expect(await list('governor/')).toEqual(['governor/index', 'governor/b']);
      expect(await list('!governor/')).toEqual(['a']);
      const byTag = new ListSecretsCommand({ Filters: [{ Key: 'tag-key', Values: ['team'] }] });
      await expect(client.send(byTag)).rejects.toMatchObject({ name: 'InvalidParameterException' });
    });
  });

  it('lists functions with their versions, in pages', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'list-functions-'));
    const one = (FunctionName: string) => ({
      Type: 'AWS::Lambda::Function',
      Properties: {
        FunctionName,
        Runtime: 'nodejs22.x',
        Handler: 'index.handler',
        Code: { ZipFile: 'exports.handler = async () => 1;' },
        Role: 'arn:aws:iam::123456789012:role/any',
      },
    });
    const Resources = {
      Sweep: one('sweep'),
      Lease: one('lease'),
      First: { Type: 'AWS::Lambda::Version', Properties: { FunctionName: { Ref: 'Lease' } } },
    };
    try {
      const templatePath = join(folder, 'template.json');
      await writeFile(templatePath, JSON.stringify({ Resources }));
      await aws.deploy({ templatePath, artifactsDir: folder });
    } finally {
      await rm(folder, { recursive: true });
    }
    const client = new LambdaClient(config());
    const { Functions = [] } = await client.send(new ListFunctionsCommand({}));
    const arn = 'arn:aws:lambda:us-east-1:123456789012:function:lease';
    expect(Functions.map(({ FunctionName }) => FunctionName)).toEqual(['lease', 'sweep']);
    expect(Functions[0]).toMatchObject({ FunctionArn: arn, Version: '$LATEST', Handler: 'index.handler' });
    expect(Functions[0]).not.toHaveProperty('State');
    const pages = paginateListFunctions({ client, pageSize: 2 }, { FunctionVersion: 'ALL' });
    const arns = (await all(pages, (page) => page.Functions)).map((page) => page.map((each) => each.FunctionArn));
    expect(arns).toEqual([[`${arn}:$LATEST`, `${arn}:1`], [expect.stringMatching(/:sweep:\$LATEST$/)]]);
    expect(await new LambdaClient(config('eu-west-1')).send(new ListFunctionsCommand({}))).toMatchObject({
      Functions: [],
    });
    await expect(client.send(new ListFunctionsCommand({ Marker: 'x' }))).rejects.toMatchObject({
      name: 'InvalidParameterValueException',
    });
  });

  it('is told the costs of months, of which the first and the last are as long as was asked', async () => {
    await call();
    await aws.clock.moveTo(Date.UTC(2026, 10, 3));
    await call();
    await call();
    await aws.clock.advance(2 * DAY);
    const ce = new CostExplorerClient({ ...config(), disableClockSkewCorrection: true });
    const costs = async (granularity: 'DAILY' | 'MONTHLY', Start: string, End: string) => {
      const { ResultsByTime = [] } = await ce.send(
        new GetCostAndUsageCommand({
          TimePeriod: { Start, End },
          Granularity: granularity,
          Metrics: ['UnblendedCost'],
        }),
      );
      return ResultsByTime.map(({ TimePeriod, Total, Estimated }) => ({
        from: TimePeriod?.Start,
        until: TimePeriod?.End,
        usd: Number(Total?.['UnblendedCost']?.Amount),
        Estimated,
      }));
    };
    const months = await costs('MONTHLY', '2026-10-10', '2026-11-05');
    expect(months).toMatchObject([
      { from: '2026-10-10', until: '2026-11-01', Estimated: false },
      { from: '2026-11-01', until: '2026-11-05', Estimated: true },
    ]);
    const days = await costs('DAILY', '2026-10-10', '2026-11-05');
    expect(days).toHaveLength(26);
    const sum = (part: typeof days) => part.reduce((total, { usd }) => total + usd, 0);
    expect(months.map(({ usd }) => usd)).toEqual([
      expect.closeTo(sum(days.filter(({ from = '' }) => from < '2026-11')), 9),
      expect.closeTo(sum(days.filter(({ from = '' }) => from >= '2026-11')), 9),
    ]);
    expect(months[1]?.usd).toBeGreaterThan(months[0]?.usd ?? 0);
    expect(months[0]?.usd).toBeGreaterThan(0);
  });

  it('gets several statistics of a metric at once', async () => {
    await call();
    await call();
    await aws.clock.advance(2 * HOUR);
    await call();
    await aws.clock.advance(HOUR);
    const client = new CloudWatchClient(config());
    const request = (more: object = {}) =>
      new GetMetricStatisticsCommand({
        Namespace: 'AWS/Bedrock',
        MetricName: 'Invocations',
        Dimensions: [{ Name: 'ModelId', Value: MODEL }],
        StartTime: new Date(START),
        EndTime: new Date(START + DAY),
        Period: 3_600,
        Statistics: ['Sum', 'Average'],
        ...more,
      });
    const { Label, Datapoints = [] } = await client.send(request());
    expect(Label).toBe('Invocations');
    expect(Datapoints).toEqual([
      { Timestamp: new Date(START), Sum: 2, Average: 1, Unit: 'Count' },
      { Timestamp: new Date(START + 2 * HOUR), Sum: 1, Average: 1, Unit: 'Count' },
    ]);
    expect(await client.send(request({ MetricName: 'Nothing' }))).toMatchObject({ Datapoints: [] });
    for (const [more, name] of [
      [{ Period: 30 }, 'InvalidParameterCombinationException'],
      [{ StartTime: new Date(START + 2 * DAY) }, 'InvalidParameterCombinationException'],
      [{ Statistics: [] }, 'MissingRequiredParameterException'],
      [{ Statistics: ['Median'] }, 'InvalidParameterValueException'],
      [{ Statistics: undefined, ExtendedStatistics: ['p99'] }, 'InvalidParameterValueException'],
    ] as const)
      await expect(client.send(request(more))).rejects.toMatchObject({ name });
  });

  it('sends and deletes messages in batches, in which one that is wrong fails alone', async () => {
    const client = new SQSClient(config());
    const { QueueUrl } = await client.send(new CreateQueueCommand({ QueueName: 'work' }));
    const send = async (Entries: { Id: string; MessageBody: string; DelaySeconds?: number }[], url = QueueUrl) =>
      await client.send(new SendMessageBatchCommand({ QueueUrl: url, Entries }));
    const { Successful = [], Failed } = await send([
      { Id: 'a', MessageBody: 'one' },
      { Id: 'b', MessageBody: 'two', DelaySeconds: 901 },
      { Id: 'c', MessageBody: 'three' },
    ]);
    expect(Successful.map(({ Id }) => Id)).toEqual(['a', 'c']);
    expect(Failed).toEqual([
      { Id: 'b', SenderFault: true, Code: 'InvalidParameterValue', Message: expect.stringContaining('DelaySeconds') },
    ]);
    const receive = new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: 0 });
    const { Messages = [] } = await client.send(receive);
    expect(Messages.map(({ Body }) => Body)).toEqual(['one', 'three']);
    const Entries = Messages.map(({ ReceiptHandle }, place) => ({ Id: `m${place}`, ReceiptHandle }));
    const deleted = await client.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
    expect(deleted).toMatchObject({ Successful: [{ Id: 'm0' }, { Id: 'm1' }], Failed: [] });
    expect((await client.send(receive)).Messages ?? []).toEqual([]);

    const many = Array.from({ length: 11 }, (_, place) => ({ Id: `n${place}`, MessageBody: 'x' }));
    const half = 'x'.repeat(600_000);
    for (const [entries, name] of [
      [[], 'EmptyBatchRequest'],
      [many, 'TooManyEntriesInBatchRequest'],
      [many.slice(0, 2).map((entry) => ({ ...entry, Id: 'same' })), 'BatchEntryIdsNotDistinct'],
      [[{ Id: 'a b', MessageBody: 'x' }], 'InvalidBatchEntryId'],
      [many.slice(0, 2).map((entry) => ({ ...entry, MessageBody: half })), 'BatchRequestTooLong'],
    ] as const)
      await expect(send([...entries])).rejects.toMatchObject({ name });
    await expect(send(many.slice(0, 1), `${QueueUrl}-none`)).rejects.toMatchObject({ name: 'QueueDoesNotExist' });
  });
});
