import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { KEY, type PlacedTemplate, packagedRegions } from './packaged-regions.ts';

const json = z.record(z.string(), z.json());

let regions: Awaited<ReturnType<typeof packagedRegions>>;
beforeAll(async () => {
  regions = await packagedRegions();
});
afterAll(() => regions.remove());

const ofType = (from: PlacedTemplate, type: string) => [...from.ofType(type, json)];

describe('a key of the customer', () => {
  it('encrypts table, topics, queues and log groups, and functions may use it through these services alone', () => {
    const [[, table] = []] = ofType(regions.home, 'AWS::DynamoDB::Table');
    expect(table).toMatchObject({ SSESpecification: { SSEEnabled: true, SSEType: 'KMS', KMSMasterKeyId: KEY } });
    const encrypted = [...ofType(regions.home, 'AWS::SNS::Topic'), ...ofType(regions.home, 'AWS::SQS::Queue')];
    expect(encrypted.length).toBeGreaterThanOrEqual(8);
    for (const [id, { KmsMasterKeyId }] of encrypted) expect([id, KmsMasterKeyId]).toEqual([id, KEY]);
    const logGroups = ofType(regions.home, 'AWS::Logs::LogGroup');
    expect(logGroups).toHaveLength(ofType(regions.home, 'AWS::Lambda::Function').length);
    for (const [id, { KmsKeyId, RetentionInDays }] of logGroups)
      expect([id, KmsKeyId, RetentionInDays]).toEqual([id, KEY, 90]);
    const roles = ofType(regions.home, 'AWS::IAM::Role').map(([id]) => id);
    const policies = ofType(regions.home, 'AWS::IAM::Policy').map(([, properties]) => properties);
    expect(policies.map(({ Roles }) => [Roles].flat().sort())).toEqual([
      roles.toSorted(),
      roles.filter((id) => id !== 'LeaseRole').sort(),
    ]);
    const services = policies.map(({ PolicyDocument }) => JSON.stringify(PolicyDocument).match(/\w+\.eu-west-1\.\w+/g));
    expect(services).toEqual([['dynamodb.eu-west-1.AWS'], ['sqs.eu-west-1.AWS', 'sns.eu-west-1.AWS']]);
  });

  it('encrypts the queue and the topic of further Regions by its replica, and none of the payer', () => {
    const expected: Readonly<Record<string, string | undefined>> = {
      'region-us-east-1': KEY.replace('eu-west-1', 'us-east-1'),
      'region-us-west-2': KEY.replace('eu-west-1', 'us-west-2'),
      payer: undefined,
    };
    expect(regions.further.map(({ name }) => name)).toEqual(Object.keys(expected));
    for (const stack of regions.further) {
      const encryptable = [...ofType(stack, 'AWS::SQS::Queue'), ...ofType(stack, 'AWS::SNS::Topic')];
      expect(encryptable.length).toBeGreaterThanOrEqual(2);
      for (const [id, { KmsMasterKeyId }] of encryptable)
        expect([stack.name, id, KmsMasterKeyId]).toEqual([stack.name, id, expected[stack.name]]);
    }
  });

  const DOCUMENTED = [
    ...readFileSync(new URL('../../docs/deploying.md', import.meta.url), 'utf8').matchAll(/^```json\n(.*?)^```/gms),
  ].flatMap(([, text = '']) => z.array(json).parse(JSON.parse(text)));
  const keyPolicy = z.object({
    Sid: z.string(),
    Effect: z.literal('Allow'),
    Principal: z.object({
      Service: z.union([z.string(), z.array(z.string())]).transform((services) => [services].flat()),
    }),
    Action: z.array(z.string()),
    Condition: z.json(),
  });
  const documented = (sid: string) => keyPolicy.parse(DOCUMENTED.find(({ Sid }) => Sid === sid));

  it('is documented with statements for its own policy, which admit every service that puts something into what it encrypts', () => {
    const principals = (from: PlacedTemplate) => {
      const policies = [...ofType(from, 'AWS::SNS::TopicPolicy'), ...ofType(from, 'AWS::SQS::QueuePolicy')];
      const statements = policies.flatMap(
        ([, { PolicyDocument }]) =>
          z
            .object({ Statement: z.array(z.object({ Principal: z.object({ Service: z.string() }) })) })
            .parse(PolicyDocument).Statement,
      );
      return [...new Set(statements.map(({ Principal }) => Principal.Service))].sort();
    };
    const atHome = documented('AwsServicesSendToTopicsAndQueues');
    expect(atHome.Principal.Service.toSorted()).toEqual(principals(regions.home));
    const there = documented('AwsServicesSendInFurtherRegions');
    for (const stack of regions.further.filter(({ name }) => name !== 'payer'))
      expect(there.Principal.Service.toSorted()).toEqual(principals(stack));
    // Who sends to an encrypted queue or topic needs both (SQS and SNS developer guides, key management).
    for (const { Action, Condition } of [atHome, there]) {
      expect(Action).toEqual(['kms:GenerateDataKey*', 'kms:Decrypt']);
      expect(JSON.stringify(Condition)).toContain('aws:SourceAccount');
    }
  });

  it('is documented with what CloudWatch Logs needs for the log groups, for these alone', () => {
    const { Principal, Action, Condition } = documented('LogsOfTheFunctions');
    expect(Principal.Service).toEqual(['logs.eu-west-1.amazonaws.com']);
    expect(Action.toSorted()).toEqual([
      'kms:Decrypt*',
      'kms:Describe*',
      'kms:Encrypt*',
      'kms:GenerateDataKey*',
      'kms:ReEncrypt*',
    ]);
    const [pattern = ''] = z
      .object({ ArnLike: z.object({ 'kms:EncryptionContext:aws:logs:arn': z.string().transform((text) => [text]) }) })
      .parse(Condition).ArnLike['kms:EncryptionContext:aws:logs:arn'];
    expect(pattern).toMatch(/^arn:aws:logs:eu-west-1:\d{12}:log-group:[\w/-]+\*$/);
    const prefix = pattern.split(':log-group:')[1]?.replace('*', '') ?? '';
    for (const [, { LogGroupName }] of ofType(regions.home, 'AWS::Logs::LogGroup'))
      expect(String(LogGroupName).startsWith(prefix)).toBe(true);
  });
});
