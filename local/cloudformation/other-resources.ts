import { AwsFault, type Json } from '../service.ts';
import type { Perform } from './messaging-resources.ts';
import {
  type Created,
  type Desired,
  optionalProperty,
  physicalName,
  type ResourceType,
  stringProperty,
} from './resource-type.ts';

/** Tables and parameters, and what has a name here but does nothing: keys, buckets, log groups, alarms, dashboards. */
export function otherResources(perform: Perform, keepsTables: boolean): Readonly<Record<string, ResourceType>> {
  const table: ResourceType = {
    used: ['TableName', ...TABLE_MEMBERS],
    // The embedded DynamoDB has no expiry, backups or encryption.
    ignored: [
      'TimeToLiveSpecification',
      'PointInTimeRecoverySpecification',
      'SSESpecification',
      'DeletionProtectionEnabled',
      'TableClass',
      'Tags',
      'ContributorInsightsSpecification',
      'OnDemandThroughput',
      'ResourcePolicy',
      'WarmThroughput',
    ],
    async put(desired) {
      const TableName = stringProperty(desired, 'TableName', physicalName(desired, 255));
      const definition = Object.fromEntries(
        TABLE_MEMBERS.flatMap((name): [string, Json][] => {
          const value = desired.properties[name];
          return value === undefined ? [] : [[name, value]];
        }),
      );
      try {
        await perform('dynamodb', 'CreateTable', { TableName, ...definition }, desired.region);
      } catch (error) {
        // A table is kept as it is when the stack is deployed again, or when it was kept on disk. Of another stack, or of
        // none, it is in the way, as on AWS.
        const isThere = error instanceof AwsFault && /ResourceInUseException$/.test(error.code);
        if (!isThere) throw error;
        if (desired.previous === undefined && !keepsTables)
          throw new AwsFault('AlreadyExists', `a table ${TableName} already exists`);
      }
      return {
        ref: TableName,
        attributes: { Arn: `arn:aws:dynamodb:${desired.region}:${desired.accountId}:table/${TableName}` },
        remove: async () => void (await perform('dynamodb', 'DeleteTable', { TableName }, desired.region)),
      };
    },
  };

  const parameter: ResourceType = {
    used: ['Name', 'Type', 'Value', 'Tier'],
    ignored: ['AllowedPattern', 'DataType', 'Description', 'Policies', 'Tags'],
    async put(desired) {
      const Name = stringProperty(desired, 'Name', `CFN-${physicalName(desired)}`);
      const [Type, Value] = [stringProperty(desired, 'Type'), stringProperty(desired, 'Value')];
      const Tier = optionalProperty(desired, 'Tier');
      await perform('ssm', 'PutParameter', { Name, Type, Value, Tier, Overwrite: true }, desired.region);
      return {
        ref: Name,
        attributes: { Type, Value },
        remove: async () => void (await perform('ssm', 'DeleteParameter', { Name }, desired.region)),
      };
    },
  };
  return { 'AWS::DynamoDB::Table': table, 'AWS::SSM::Parameter': parameter, ...NAMED };
}

const TABLE_MEMBERS = [
  'AttributeDefinitions',
  'KeySchema',
  'BillingMode',
  'ProvisionedThroughput',
  'GlobalSecondaryIndexes',
  'LocalSecondaryIndexes',
] as const;

/** A type whose resources only have to be referred to. All its properties are accepted. */
function named(
  ref: (desired: Desired) => string,
  attributes: (ref: string, desired: Desired) => Created['attributes'],
): ResourceType {
  return {
    used: [],
    ignored: ['*'],
    put(desired) {
      const name = ref(desired);
      return { ref: name, attributes: attributes(name, desired) };
    },
  };
}

const nameOr =
  (property: string, max?: number) =>
  (desired: Desired): string =>
    stringProperty(desired, property, physicalName(desired, max));

const pathOf = (desired: Desired): string => stringProperty(desired, 'Path', '/');

const NAMED: Readonly<Record<string, ResourceType>> = {
  'AWS::IAM::ManagedPolicy': named(
    (desired) =>
      `arn:aws:iam::${desired.accountId}:policy${pathOf(desired)}${stringProperty(desired, 'ManagedPolicyName', physicalName(desired, 128))}`,
    (arn) => ({ PolicyArn: arn }),
  ),
  'AWS::IAM::Policy': named(nameOr('PolicyName', 128), () => ({})),
  'AWS::Logs::LogGroup': named(nameOr('LogGroupName', 512), (name, desired) => ({
    Arn: `arn:aws:logs:${desired.region}:${desired.accountId}:log-group:${name}:*`,
  })),
  'AWS::Logs::MetricFilter': named(nameOr('FilterName', 512), () => ({})),
  'AWS::KMS::Key': named(keyId, (id, desired) => ({
    KeyId: id,
    Arn: `arn:aws:kms:${desired.region}:${desired.accountId}:key/${id}`,
  })),
  'AWS::KMS::Alias': named(nameOr('AliasName'), () => ({})),
  'AWS::S3::Bucket': named(
    (desired) => stringProperty(desired, 'BucketName', physicalName(desired, 63).toLowerCase()),
    (name, desired) => ({
      Arn: `arn:aws:s3:::${name}`,
      DomainName: `${name}.s3.amazonaws.com`,
      RegionalDomainName: `${name}.s3.${desired.region}.amazonaws.com`,
    }),
  ),
  'AWS::S3::BucketPolicy': named(nameOr('Bucket'), () => ({})),
  'AWS::CloudWatch::Alarm': named(nameOr('AlarmName', 255), (name, desired) => ({
    Arn: `arn:aws:cloudwatch:${desired.region}:${desired.accountId}:alarm:${name}`,
  })),
  'AWS::CloudWatch::Dashboard': named(nameOr('DashboardName', 255), () => ({})),
};

/** In the form of a UUID, the same each time the stack is deployed. */
function keyId(desired: Desired): string {
  const hex = Buffer.from(physicalName(desired).slice(-12)).toString('hex').padEnd(32, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
