import { BedrockClient } from '@aws-sdk/client-bedrock';
import { BedrockRuntimeClient } from '@aws-sdk/client-bedrock-runtime';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SetQueueAttributesCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import * as z from 'zod';
import { policyTable } from '../../aws/dynamodb/policy-table.ts';
import { epochMs } from '../../domain/clock.ts';
import { mendedKeys } from '../../domain/policy/tag-keys.ts';
import { packageStack } from '../../infra/package.ts';
import { type CostGovernor, costGovernor } from '../../invoke/index.ts';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';
import type { PolicyFile } from '../policy-file.ts';

/** The governor deployed into an embedded AWS, and the clients that everybody in the story uses. */
export interface Deployment {
  readonly aws: EmbeddedAws;
  readonly table: string;
  readonly bedrock: BedrockClient;
  readonly runtime: () => BedrockRuntimeClient;
  readonly dynamodb: DynamoDBClient;
  /** The helper in a tenant's process. */
  helper(tags: Readonly<Record<string, string>>): CostGovernor;
  /** Notices that have arrived since the last time, as a subscriber of the topic receives them. */
  notices(): Promise<readonly { readonly at: number; readonly subject: string; readonly text: string }[]>;
  close(): Promise<void>;
}

export interface BootOptions {
  readonly policy: PolicyFile;
  readonly port?: number;
  readonly startAt?: number;
  readonly beforeDeploy?: (aws: EmbeddedAws) => void;
}

/** Starts the embedded AWS, deploys the packaged stack into it as a deployment would, and applies the policy. */
export async function boot(options: BootOptions): Promise<Deployment> {
  const stack = await packageStack({ mendedTagKeys: mendedKeys(options.policy.policy.tags) });
  const aws = await startEmbeddedAws({
    ...(options.port === undefined ? {} : { port: options.port }),
    ...(options.startAt === undefined ? {} : { startAt: options.startAt }),
  });
  try {
    options.beforeDeploy?.(aws);
    const { outputs } = await aws.deploy({ templatePath: stack.templatePath, artifactsDir: stack.artifactsDir });
    const output = (name: string): string => {
      const value = outputs[name];
      if (value === undefined) throw new Error(`the stack has no output ${name}`);
      return value;
    };
    const config = {
      endpoint: aws.endpoint,
      region: aws.homeRegion,
      credentials: { accessKeyId: 'platform-team', secretAccessKey: 'not-verified' },
      // The endpoint's clock is days away from this machine's. The SDK would take each refusal for one of a wrong clock.
      disableClockSkewCorrection: true,
    };
    const dynamodb = new DynamoDBClient(config);
    await policyTable(dynamodb, output('TableName')).apply(options.policy.document);
    const mailbox = await subscribe(config, output('NoticesTopicArn'));
    const helpers: CostGovernor[] = [];
    return {
      aws,
      table: output('TableName'),
      bedrock: new BedrockClient(config),
      runtime: () => new BedrockRuntimeClient(config),
      dynamodb,
      helper(tags) {
        const governor = costGovernor({
          table: output('TableName'),
          tags,
          region: aws.homeRegion,
          dynamodb: new DynamoDBClient(config),
          clock: { now: () => epochMs(aws.clock.now()) },
        });
        helpers.push(governor);
        return governor;
      },
      notices: mailbox,
      async close() {
        await Promise.all(helpers.map((governor) => governor.close()));
        await aws.close();
      },
    };
  } catch (error) {
    await aws.close();
    throw error;
  }
}

/** A message of SNS as a queue receives it (Amazon SNS Developer Guide, raw delivery off). */
const SnsMessage = z.object({ Subject: z.string(), Message: z.string(), Timestamp: z.string() });

/** What the governor sends to queues: docs/notices.md. People get its text. */
const Notice = z.object({ text: z.string() });

type ClientConfig = ConstructorParameters<typeof SQSClient>[0];

/** A queue that is subscribed to the notices, as any team could have one. */
async function subscribe(config: ClientConfig, topicArn: string): Promise<Deployment['notices']> {
  const sqs = new SQSClient(config ?? {});
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: 'finops-notices' }));
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }));
  const queueArn = Attributes?.['QueueArn'];
  const mayDeliver = {
    Effect: 'Allow',
    Principal: { Service: 'sns.amazonaws.com' },
    Action: 'sqs:SendMessage',
    Resource: queueArn,
    Condition: { ArnEquals: { 'aws:SourceArn': topicArn } },
  };
  const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [mayDeliver] });
  await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { Policy } }));
  await new SNSClient(config ?? {}).send(
    new SubscribeCommand({ TopicArn: topicArn, Protocol: 'sqs', Endpoint: queueArn }),
  );
  return async () => {
    const notices: { at: number; subject: string; text: string }[] = [];
    for (;;) {
      const { Messages: messages = [] } = await sqs.send(
        new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }),
      );
      if (messages.length === 0) return notices;
      for (const { Body } of messages) {
        const { Subject, Message, Timestamp } = SnsMessage.parse(JSON.parse(Body ?? ''));
        const { text } = Notice.parse(JSON.parse(Message));
        notices.push({ at: Date.parse(Timestamp), subject: Subject, text });
      }
      for (const { ReceiptHandle } of messages) await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
    }
  };
}
