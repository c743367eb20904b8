import {
  CreateTopicCommand,
  DeleteTopicCommand,
  SetSubscriptionAttributesCommand,
  SNSClient,
  SubscribeCommand,
} from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SetQueueAttributesCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { chatNotices, type NoticePublisher, snsNotices } from '../../aws/sns-notices.ts';
import type { Notice, NoticeId } from '../../domain/standing/notice.ts';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';
import { clientConfig } from './client-config.ts';

const Delivered = z.object({
  Subject: z.string().optional(),
  Message: z.string(),
  MessageAttributes: z.record(z.string(), z.object({ Type: z.string(), Value: z.string() })),
});

const NOTICE: Notice = {
  id: 'closed|tenant-monthly/acme|2026-11' as NoticeId,
  kind: 'tenant-closed',
  severity: 'critical',
  tenant: 'acme',
  budget: 'tenant-monthly/acme',
  subject: 'Bedrock budget tenant-monthly/acme is closed until 2026-12-01T00:00:00.000Z',
  text: 'Tenant acme may not call Amazon Bedrock any more in 2026-11.',
  facts: { period: '2026-11', spentUsd: '20.00', limitUsd: '20.00' },
};

describe('notices on SNS', () => {
  let aws: EmbeddedAws;
  let sns: SNSClient;
  let sqs: SQSClient;
  let topic: string;
  let queue: string;
  let notices: NoticePublisher;
  beforeAll(async () => {
    aws = await startEmbeddedAws();
    sns = new SNSClient(clientConfig(aws));
    sqs = new SQSClient(clientConfig(aws));
    topic = z.string().parse((await sns.send(new CreateTopicCommand({ Name: 'notices' }))).TopicArn);
    queue = z.string().parse((await sqs.send(new CreateQueueCommand({ QueueName: 'owners' }))).QueueUrl);
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: queue, AttributeNames: ['QueueArn'] }),
    );
    const queueArn = z.string().parse(Attributes?.['QueueArn']);
    const Policy = JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Principal: { Service: 'sns.amazonaws.com' },
          Action: 'sqs:SendMessage',
          Resource: queueArn,
          Condition: { ArnEquals: { 'aws:SourceArn': topic } },
        },
      ],
    });
    await sqs.send(new SetQueueAttributesCommand({ QueueUrl: queue, Attributes: { Policy } }));
    const { SubscriptionArn } = await sns.send(
      new SubscribeCommand({ TopicArn: topic, Protocol: 'sqs', Endpoint: queueArn, ReturnSubscriptionArn: true }),
    );
    await sns.send(
      new SetSubscriptionAttributesCommand({
        SubscriptionArn,
        AttributeName: 'FilterPolicy',
        AttributeValue: JSON.stringify({ severity: ['critical', 'warning'] }),
      }),
    );
    notices = snsNotices(sns, topic);
  });
  afterAll(() => aws.close());

  async function received(): Promise<z.infer<typeof Delivered>[]> {
    await aws.settled();
    const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: queue, MaxNumberOfMessages: 10 }));
    return (Messages ?? []).map(({ Body }) => Delivered.parse(JSON.parse(Body ?? '')));
  }

  it('reach a program as JSON, with attributes that subscriptions filter by', async () => {
    await notices.publish(NOTICE);
    await notices.publish({ ...NOTICE, severity: 'info' });
    const value = (Value: string) => ({ Type: 'String', Value });
    expect(await received()).toEqual([
      {
        Subject: NOTICE.subject,
        Message: JSON.stringify({ version: 1, ...NOTICE }),
        MessageAttributes: {
          id: value(NOTICE.id),
          kind: value('tenant-closed'),
          severity: value('critical'),
          tenant: value('acme'),
          budget: value('tenant-monthly/acme'),
        },
      },
    ]);
  });

  it('keep a text in any script, and a subject within what SNS takes', async () => {
    await notices.publish({
      ...NOTICE,
      subject: `Bedrock profile Zürich – 日本 🙂\n is quarantined ${'x'.repeat(200)}`,
      text: 'Zürich – 日本 🙂\nsecond line',
    });
    const [notice] = await received();
    expect(JSON.parse(notice?.Message ?? '')).toMatchObject({ text: 'Zürich – 日本 🙂\nsecond line' });
    expect(notice?.Subject).toMatch(/^Bedrock profile Z\?rich \? [?]+ [?]+ is quarantined x+$/);
    expect(notice?.Subject).toHaveLength(99);
  });

  it('go out without a tenant or a budget, also where the tenant tag is empty', async () => {
    const { tenant: _, budget: __, ...bare } = NOTICE;
    await notices.publish(bare);
    await notices.publish({ ...bare, tenant: '' });
    const names = (await received()).map(({ MessageAttributes }) => Object.keys(MessageAttributes).sort());
    expect(names).toEqual([
      ['id', 'kind', 'severity'],
      ['id', 'kind', 'severity'],
    ]);
  });

  it('reach people as the text alone', async () => {
    const published: string[] = [];
    const stop = aws.observe((observation) => {
      if (observation.kind === 'publish') published.push(observation.message);
    });
    await notices.publish(NOTICE);
    stop();
    expect(published).toEqual([NOTICE.text]);
    await received();
  });

  it('fit into one message however long their text is', async () => {
    await notices.publish({ ...NOTICE, text: '日'.repeat(300_000) });
    const [notice] = await received();
    expect(JSON.parse(notice?.Message ?? '')).toMatchObject({ text: `${'日'.repeat(7_999)}…` });
  });

  it('reach chat as a custom notification, in which names can neither call a channel nor look like a link', async () => {
    await chatNotices(sns, topic).publish({ ...NOTICE, tenant: '<!channel> @here', subject: 'Budget <b> is closed' });
    const [notice] = await received();
    expect(notice?.Subject).toBeUndefined();
    expect(notice?.MessageAttributes['kind']?.Value).toBe('tenant-closed');
    expect(JSON.parse(notice?.Message ?? '')).toEqual({
      version: '1.0',
      source: 'custom',
      id: NOTICE.id,
      content: {
        textType: 'client-markdown',
        title: ':no_entry: Budget ‹b› is closed',
        description: NOTICE.text,
        nextSteps: ['Raise the limit in the policy, or wait for the next period.'],
        keywords: ['critical', 'tenant-closed', '‹!channel› ＠here', 'tenant-monthly/acme'],
      },
      metadata: {
        threadId: 'tenant-monthly/acme|2026-11',
        summary: 'Budget ‹b› is closed',
        eventType: 'tenant-closed',
        relatedResources: [],
        additionalContext: {
          tenant: '‹!channel› ＠here',
          budget: 'tenant-monthly/acme',
          period: '2026-11',
          spentUsd: '20.00',
          limitUsd: '20.00',
        },
      },
    });
  });

  it('fail with a fault that names the notice when SNS does not take them', async () => {
    const other = z.string().parse((await sns.send(new CreateTopicCommand({ Name: 'gone' }))).TopicArn);
    await sns.send(new DeleteTopicCommand({ TopicArn: other }));
    await expect(snsNotices(sns, other).publish(NOTICE)).rejects.toMatchObject({
      name: 'Fault',
      code: 'NotFoundException',
      doing: `publishing notice ${NOTICE.id}`,
    });
  });
});
