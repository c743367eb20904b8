import { type DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { noticeOutboxTable } from '../../../aws/dynamodb/notice-outbox-table.ts';
import { epochMs } from '../../../domain/clock.ts';
import type { Notice, NoticeId, NoticeOutbox } from '../../../domain/standing/notice.ts';
import { sendNotices } from '../../../domain/standing/send-notices.ts';
import { type EmbeddedAws, startEmbeddedAws } from '../../../local/embedded-aws.ts';
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
  let outbox: NoticeOutbox;
  beforeEach(async () => {
    aws = await startEmbeddedAws();
    client = dynamoDbClient(aws);
    await createGovernorTable(client);
    outbox = noticeOutboxTable(client, TABLE, { now: () => epochMs(aws.clock.now()) });
  });
  afterEach(() => aws.close());

  it('holds what was entered, oldest first, until it is sent', async () => {
    const first = notice('closed|tenant-monthly/acme|2026-11', { tenant: 'acme', budget: 'tenant-monthly/acme' });
    const second = notice('a-later-one');
    await outbox.enter(first);
    await aws.clock.advance(1);
    await outbox.enter(second);
    expect(await outbox.unsent()).toEqual([first, second]);
    await outbox.markSent(first.id);
    expect(await outbox.unsent()).toEqual([second]);
  });

  it('takes an occasion once for good, also after it was sent [F30]', async () => {
    await outbox.enter(notice('once', { text: 'the first words' }));
    await outbox.enter(notice('once', { text: 'other words' }));
    expect(await outbox.unsent()).toMatchObject([{ text: 'the first words' }]);
    await outbox.markSent('once' as NoticeId);
    await aws.clock.advance(400 * 86_400_000);
    await outbox.enter(notice('once'));
    expect(await outbox.unsent()).toEqual([]);
  });

  it('takes an occasion once that many enter at the same time', async () => {
    await Promise.all(Array.from({ length: 8 }, (_, number) => outbox.enter(notice('race', { text: `${number}` }))));
    expect(await outbox.unsent()).toHaveLength(1);
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
    expect((await outbox.unsent()).map(({ id }) => id)).toHaveLength(5);
  });

  it('is told once by two senders at once, all of it', async () => {
    for (let number = 0; number < 5; number++) await outbox.enter(notice(`n-${number}`));
    const told: string[] = [];
    const publisher = { publish: async ({ id }: Notice) => void told.push(id) };
    const journal = { decided: () => {}, counted: () => {} };
    await Promise.all([sendNotices({ outbox, publisher, journal }), sendNotices({ outbox, publisher, journal })]);
    expect(told.sort()).toEqual(['n-0', 'n-1', 'n-2', 'n-3', 'n-4']);
    expect(await outbox.unsent()).toEqual([]);
  });

  it.each(['no JSON', '{"kind":"from-the-future"}'])('says that %j is no notice of this version', async (text) => {
    await client.send(
      new PutItemCommand({
        TableName: TABLE,
        Item: {
          pk: { S: 'NOTICE#bad' },
          sk: { S: 'NOTICE' },
          notice: { S: text },
          outbox: { S: 'unsent' },
          enteredAt: { N: '1' },
        },
      }),
    );
    await expect(outbox.unsent()).rejects.toMatchObject({ name: 'Fault', code: 'NoticeUnreadable' });
  });
});
