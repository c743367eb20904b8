import { describe, expect, it } from 'vitest';
import { deliveryOf } from '../../../domain/outbox.ts';
import { type Notice, profileReleased } from '../../../domain/standing/notice.ts';
import { sendNotices } from '../../../domain/standing/send-notices.ts';
import { type Crash, GovernedAccount, PortFailure, profileArn } from '../governed-account.ts';

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
});
