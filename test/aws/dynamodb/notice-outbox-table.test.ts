import { type DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { chatOutboxTable, eventOutboxTable, noticeOutboxTable } from '../../../aws/dynamodb/notice-outbox-table.ts';
import { epochMs } from '../../../domain/clock.ts';
import type { EventId } from '../../../domain/events/governor-event.ts';
import { deliveryOf, type Outbox } from '../../../domain/outbox.ts';
import type { Notice, NoticeId } from '../../../domain/standing/notice.ts';
import { sendNotices } from '../../../domain/standing/send-notices.ts';
import { type EmbeddedAws, startEmbeddedAws } from '../../../local/embedded-aws.ts';
import { AwsFault } from '../../../local/service.ts';
import { createGovernorTable, dynamoDbClient, TABLE } from './governor-table.ts';

const notice = (id: string, change: Partial<Notice> = {}): Notice => ({
  id: id as NoticeId,
  kind: 'threshold-crossed',
  severity: 'warning',
  subject: `Subject of ${id}`,
  text: 'Zürich – 日本 🙂',
  ...change,
});

describe('the outbox of notices', () => {
  let aws: EmbeddedAws;
  let client: DynamoDBClient;
  let outbox: Outbox<Notice>;
  beforeEach(async () => {
    aws = await startEmbeddedAws();
    client = dynamoDbClient(aws);
    await createGovernorTable(client);
    outbox = noticeOutboxTable(client, TABLE, { now: () => epochMs(aws.clock.now()) });
  });
  afterEach(() => aws.close());
  const unsent = async (): Promise<Notice[]> => (await outbox.unsent()).waiting.map(({ message }) => message);

  it('holds what was entered, oldest first, until it is sent', async () => {
    const first = notice('closed|tenant-monthly/acme|2026-11', { tenant: 'acme', budget: 'tenant-monthly/acme' });
    const second = notice('a-later-one');
    await outbox.enter(first);
    await aws.clock.advance(1);
    await outbox.enter(second);
    expect(await unsent()).toEqual([first, second]);
    await outbox.markSent(first.id);
    expect(await unsent()).toEqual([second]);
  });

  it('takes an occasion once for good, also after it was sent [F30]', async () => {
    await outbox.enter(notice('once', { text: 'the first words' }));
    await outbox.enter(notice('once', { text: 'other words' }));
    expect(await unsent()).toMatchObject([{ text: 'the first words' }]);
    await outbox.markSent('once' as NoticeId);
    await aws.clock.advance(400 * 86_400_000);
    await outbox.enter(notice('once'));
    expect(await unsent()).toEqual([]);
  });

  it('takes an occasion once that many enter at the same time', async () => {
    await Promise.all(Array.from({ length: 8 }, (_, number) => outbox.enter(notice('race', { text: `${number}` }))));
    expect(await unsent()).toHaveLength(1);
  });

  it('knows of news from when something is entered until it was looked for, also what is entered meanwhile', async () => {
    expect(outbox.hasNews).toBe(false);
    await outbox.enter(notice('one'));
    expect(outbox.hasNews).toBe(true);
    const down = aws.intercept(({ operation }) =>
      operation === 'Query' ? new AwsFault('AccessDeniedException', 'No') : undefined,
    );
    await expect(outbox.unsent()).rejects.toThrow('AccessDenied');
    down();
    expect(outbox.hasNews).toBe(true);
    let entering: Promise<void> | undefined;
    const stop = aws.intercept(({ operation }) => {
      if (operation === 'Query') entering ??= outbox.enter(notice('meanwhile'));
      return undefined;
    });
    await outbox.unsent();
    stop();
    await entering;
    expect(outbox.hasNews).toBe(true);
    await outbox.unsent();
    expect(outbox.hasNews).toBe(false);
  });

  it('lets one sender at a time have a notice, and another one after a minute', async () => {
    await outbox.enter(notice('claimed'));
    const id = 'claimed' as NoticeId;
    const claims = await Promise.all(Array.from({ length: 8 }, () => outbox.claim(id)));
    expect(claims.filter((claimed) => claimed)).toHaveLength(1);
    await aws.clock.advance(59_000);
    expect(await outbox.claim(id)).toBe(false);
    await aws.clock.advance(1_100);
    expect(await outbox.claim(id)).toBe(true);
    await outbox.markSent(id);
    await aws.clock.advance(120_000);
    expect(await outbox.claim(id)).toBe(false);
    expect(await outbox.claim('unknown' as NoticeId)).toBe(false);
  });

  it('reads more notices than one page holds', async () => {
    const long = 'x'.repeat(300_000);
    for (let number = 0; number < 5; number++) await outbox.enter(notice(`long-${number}`, { text: long }));
    expect((await unsent()).map(({ id }) => id)).toHaveLength(5);
  });

  it('is told once by two senders at once, all of it', async () => {
    for (let number = 0; number < 5; number++) await outbox.enter(notice(`n-${number}`));
    const told: string[] = [];
    const publish = async ({ id }: Notice) => void told.push(id);
    const journal = { decided: () => {}, counted: () => {} };
    const deliveries = [deliveryOf('notices', outbox, publish, ({ kind }) => kind)];
    await Promise.all([sendNotices({ deliveries, journal }), sendNotices({ deliveries, journal })]);
    expect(told.sort()).toEqual(['n-0', 'n-1', 'n-2', 'n-3', 'n-4']);
    expect(await unsent()).toEqual([]);
  });

  it.each(['no JSON', '{"kind":"from-the-future"}', '{}'])(
    'lets %j, which is no notice of this version, stop no other, and names it',
    async (text) => {
      await client.send(
        new PutItemCommand({
          TableName: TABLE,
          Item: {
            pk: { S: 'NOTICE#bad|one' },
            sk: { S: 'NOTICE' },
            notice: { S: text },
            outbox: { S: 'unsent' },
            enteredAt: { N: '1' },
          },
        }),
      );
      await outbox.enter(notice('good'));
      const told: string[] = [];
      const counted: unknown[] = [];
      const publish = async ({ id }: Notice) => void told.push(id);
      const journal = {
        decided: () => {},
        counted: (metric: string, facts?: unknown) => void counted.push([metric, facts]),
      };
      await sendNotices({ deliveries: [deliveryOf('notices', outbox, publish, ({ kind }) => kind)], journal });
      expect(told).toEqual(['good']);
      expect(counted).toEqual([
        ['NoticeUnreadable', { to: 'notices', notice: 'bad|one' }],
        ['NoticeSent', { to: 'notices', notice: 'good', kind: 'threshold-crossed' }],
      ]);
    },
  );

  it('keeps what goes to chat and to the bus apart from the notice of the same occasion', async () => {
    const clock = { now: () => epochMs(aws.clock.now()) };
    const chat = chatOutboxTable(client, TABLE, clock);
    const events = eventOutboxTable(client, TABLE, clock);
    const event = {
      id: 'released|arn' as EventId,
      type: 'ProfileReleased',
      detail: { tenant: 'acme', profile: 'arn:aws:bedrock:x', name: 'chat' },
    } as const;
    const both = notice('released|arn', { event, facts: { profile: 'arn:aws:bedrock:x', writes: 5 } });
    await outbox.enter(both);
    await chat.enter(both);
    await events.enter(event);
    const { event: _, ...told } = both;
    expect(await unsent()).toEqual([told]);
    await outbox.markSent(both.id);
    expect((await chat.unsent()).waiting.map(({ message }) => message)).toEqual([told]);
    await chat.markSent(both.id);
    expect((await events.unsent()).waiting.map(({ message }) => message)).toEqual([event]);
    await events.markSent(event.id);
    await events.enter(event);
    expect((await events.unsent()).waiting).toEqual([]);
    expect(await events.has(event.id)).toBe(true);
  });
});
