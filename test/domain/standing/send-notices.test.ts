import { describe, expect, it } from 'vitest';
import { epochMs } from '../../../domain/clock.ts';
import { deliveryOf, type Outbox, type OutboxMessage } from '../../../domain/outbox.ts';
import { type Notice, profileReleased } from '../../../domain/standing/notice.ts';
import { measureUnsent, sendEntered, sendNotices } from '../../../domain/standing/send-notices.ts';
import { type Crash, GovernedAccount, PortFailure, profileArn } from '../governed-account.ts';
import { MemoryOutbox } from '../memory-outbox.ts';

async function accountWithNotices(): Promise<GovernedAccount> {
  const account = new GovernedAccount();
  const { outbox } = account.ports;
  for (const id of ['a', 'b', 'c']) {
    const profile = { arn: profileArn(id), name: id, tags: {}, tenant: 'acme', quarantine: 1 };
    await outbox.enter(profileReleased(profile));
  }
  account.calls = 0;
  return account;
}
const send = async (account: GovernedAccount) => {
  await sendNotices(account.ports).catch((error: unknown) => {
    if (!(error instanceof PortFailure)) throw error;
  });
};
const idsOf = (account: GovernedAccount) => account.published.map(({ id }) => id);

describe('sendNotices', () => {
  it('publishes what waits, each once, and nothing the second time', async () => {
    const account = await accountWithNotices();
    await send(account);
    expect(idsOf(account)).toEqual([...account.notices.keys()]);
    await send(account);
    account.wait(60_000);
    await send(account);
    expect(idsOf(account)).toHaveLength(account.notices.size);
  });

  it('publishes a notice once although two senders are at it', async () => {
    const account = await accountWithNotices();
    await Promise.all([send(account), send(account)]);
    expect(new Set(idsOf(account)).size).toBe(idsOf(account).length);
  });

  it('lets a notice that SNS does not take hold up no other, and sends it later', async () => {
    const account = await accountWithNotices();
    const [first] = account.notices.keys();
    const publish = async (notice: Notice) =>
      notice.id === first ? Promise.reject(new PortFailure('refused')) : void account.published.push(notice);
    const picky = deliveryOf('notices', account.notices, publish, ({ kind }) => kind);
    await sendNotices({ ...account.ports, deliveries: [picky] });
    expect(idsOf(account)).toHaveLength(account.notices.size - 1);
    expect(account.counted.filter((metric) => metric === 'NoticeFailed')).toHaveLength(1);
    account.wait(60_000);
    await send(account);
    expect(idsOf(account)).toContain(first);
    expect(new Set(idsOf(account)).size).toBe(account.notices.size);
  });

  it('tells everything in the end whichever port call fails on the way, and twice only what it could not mark as sent', async () => {
    const smooth = await accountWithNotices();
    await send(smooth);
    const crashes = Array.from({ length: smooth.calls }, (_, at) => at).flatMap((at): Crash[] => [
      { at, when: 'before' },
      { at, when: 'after' },
    ]);
    for (const crash of crashes) {
      const account = await accountWithNotices();
      account.crash = crash;
      await send(account);
      account.crash = undefined;
      // Past the claim that the crash left behind.
      account.wait(60_000);
      await send(account);
      await send(account);
      expect(new Set(idsOf(account)), `after a crash ${crash.when} port call ${crash.at}`).toEqual(
        new Set(account.notices.keys()),
      );
      expect(idsOf(account).length - account.notices.size).toBeLessThanOrEqual(1);
    }
  });

  it('tells what is still unsent, and since when', async () => {
    const account = await accountWithNotices();
    const enteredAt = account.now;
    account.wait(40_000);
    const [first] = account.notices.keys();
    const publish = async (notice: Notice) =>
      notice.id === first ? Promise.reject(new PortFailure('refused')) : undefined;
    const picky = deliveryOf('notices', account.notices, publish, ({ kind }) => kind);
    const ports = { ...account.ports, deliveries: [picky] };
    expect(await sendNotices(ports)).toEqual({ messages: 1, oldestAt: enteredAt });
    // Now it is claimed, perhaps by somebody who is no more: it waits all the same.
    const remaining = await sendNotices(ports);
    expect(remaining).toEqual({ messages: 1, oldestAt: enteredAt });
    measureUnsent(ports, remaining);
    expect([account.measured.get('OutboxWaiting'), account.measured.get('OutboxOldestSeconds')]).toEqual([1, 40]);
    account.wait(60_000);
    measureUnsent(ports, await sendNotices(account.ports));
    expect([account.measured.get('OutboxWaiting'), account.measured.get('OutboxOldestSeconds')]).toEqual([0, 0]);
  });

  it('counts what cannot be read as unsent, and says nothing where an outbox cannot be read at all', async () => {
    const account = await accountWithNotices();
    const odd = deliveryOf(
      'notices',
      { ...emptyOutbox, unsent: async () => ({ waiting: [], unreadable: ['odd'] }) },
      async () => {},
      () => 'none',
    );
    expect(await sendNotices({ ...account.ports, deliveries: [odd] })).toEqual({ messages: 1 });
    const failing = deliveryOf(
      'chat',
      { ...emptyOutbox, unsent: async () => Promise.reject(new PortFailure('gone')) },
      async () => {},
      () => 'none',
    );
    await expect(sendNotices({ ...account.ports, deliveries: [odd, failing] })).rejects.toThrow(PortFailure);
  });
});

describe('sending what was entered', () => {
  it('looks into no outbox into which this process has entered nothing since it last looked', async () => {
    const { ports } = new GovernedAccount();
    let looks = 0;
    const outbox = {
      ...emptyOutbox,
      async unsent() {
        looks++;
        return { waiting: [], unreadable: [] };
      },
    };
    const quiet = deliveryOf('quiet', outbox, async () => {}, String);
    const busy = deliveryOf('busy', { ...outbox, hasNews: true }, async () => {}, String);
    await sendEntered({ ...ports, deliveries: [quiet] });
    expect(looks).toBe(0);
    await sendEntered({ ...ports, deliveries: [quiet, busy] });
    expect(looks).toBe(1);
  });

  it('knows of news from when something is entered until the next look', async () => {
    const outbox = new MemoryOutbox<OutboxMessage>(() => epochMs(0));
    expect(outbox.hasNews).toBe(false);
    await outbox.enter({ id: 'one' });
    expect(outbox.hasNews).toBe(true);
    await outbox.unsent();
    expect(outbox.hasNews).toBe(false);
  });
});

const emptyOutbox: Outbox<OutboxMessage> = {
  hasNews: false,
  has: async () => false,
  enter: async () => {},
  unsent: async () => ({ waiting: [], unreadable: [] }),
  claim: async () => true,
  markSent: async () => {},
};
