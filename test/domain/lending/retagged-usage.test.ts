import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { type EpochMs, epochMs } from '../../../domain/clock.ts';
import { Fault } from '../../../domain/fault.ts';
import { rememberedHistories } from '../../../domain/lending/foreign-totals.ts';
import { lend } from '../../../domain/lending/lend.ts';
import type { ProfileArn } from '../../../domain/profiles/profile-arn.ts';
import { MAX_INTERVALS, withTags } from '../../../domain/profiles/tag-history.ts';
import { NO_USAGE } from '../../../domain/spending/usage.ts';
import type { Tags } from '../../../domain/tags.ts';
import { policyOf } from '../example-policy.ts';
import { ACME, BETA, LENDING_POLICY, LendingAccount, NOW, PROCESS } from './lending-account.ts';

const MINUTE = 60_000;
const at = (time: string, month = 11): EpochMs => epochMs(Date.parse(`2026-${month}-${time}Z`));

describe('a usage record of a profile that was retagged', () => {
  let account: LendingAccount;
  let arn: ProfileArn;
  beforeEach(() => {
    account = new LendingAccount();
    account.profile('b1', { tenant: 'beta' });
  });

  /** `a1` had these tags one after the other, each from a moment on, and the index says the last. */
  async function tagged(...changes: readonly { readonly from: EpochMs; readonly tags: Tags }[]): Promise<void> {
    account.entries.splice(1);
    arn = account.profile('a1', changes.at(-1)?.tags ?? {}).arn;
    const history = changes.map(({ from, tags }, place) => {
      const until = changes[place + 1]?.from;
      return { from, tags, ...(until === undefined ? {} : { until }) };
    });
    await account.histories.put(arn, history, (await account.histories.get(arn)).version);
  }
  const acme = { tenant: 'acme' };
  const beta = { tenant: 'beta' };
  /** Acme's from the beginning, and beta's since. */
  const changedAt = async (when: string): Promise<void> =>
    await tagged({ from: epochMs(0), tags: acme }, { from: at(when), tags: beta });

  let sequence = 0;
  const tell = async (hour: string, by = ACME, more: readonly ProfileArn[] = []) =>
    await account.ask(by, {
      protocol: 1,
      do: 'record',
      process: PROCESS,
      hour,
      chunk: 0,
      sequence: ++sequence,
      watermark: NOW,
      totals: [arn, ...more].map((profile) => ({ profile, calls: 1, usage: NO_USAGE, settled: '5', unconfirmed: '0' })),
    });
  const taken = { protocol: 1, kind: 'recorded' };
  const leftOut = () => ({ ...taken, leftOut: [arn] });

  it('is taken from its former owner for the hours before the change, the hour of it, and the next', async () => {
    await changedAt('23T08:30:00');
    for (const hour of ['2026-11-22T10', '2026-11-23T07', '2026-11-23T08', '2026-11-23T09', '2026-11-23T09'])
      expect(await tell(hour)).toEqual(taken);
    expect(account.counted).toEqual([]);
  });

  it('is left out for hours that began an hour and more after the change', async () => {
    await changedAt('23T08:30:00');
    expect(await tell('2026-11-23T10')).toEqual(leftOut());
    await changedAt('23T09:00:00');
    expect(await tell('2026-11-23T10')).toEqual(leftOut());
  });

  it('is left out for hours before it was its former owner’s', async () => {
    const ours = { from: at('23T09:00:00'), tags: acme };
    await tagged({ from: epochMs(0), tags: beta }, ours, { from: at('23T09:30:00'), tags: beta });
    expect(await tell('2026-11-23T08')).toEqual(leftOut());
    expect(await tell('2026-11-23T09')).toEqual(taken);
  });

  it('is left out where it never was the caller’s, and the rest of the record is taken', async () => {
    await changedAt('23T09:30:00');
    const theirs = account.profile('g1', { tenant: 'gamma' }).arn;
    expect(await tell('2026-11-23T10', { name: 'alias tenant-gamma', tags: { tenant: 'gamma' } }, [theirs])).toEqual(
      leftOut(),
    );
    expect([...(account.usage.records[0]?.totals.keys() ?? [])]).toEqual([theirs]);
    expect(await tell('2026-11-23T10', BETA)).toEqual(taken);
  });

  it('is taken also where the profile was deleted since', async () => {
    await changedAt('23T09:30:00');
    account.entries[1] = { ...(account.entries[1] ?? account.profile('a1', beta)), endedAt: NOW };
    expect(await tell('2026-11-23T09')).toEqual(taken);
  });

  it('is left out where nothing is known of its past', async () => {
    arn = account.profile('a1', beta).arn;
    expect(await tell('2026-11-23T10')).toEqual(leftOut());
  });

  it('is left out where it was retagged so often that nobody knows any more whose it was', async () => {
    let history = withTags([], acme, at('23T06:00:00'));
    for (let change = 1; change <= MAX_INTERVALS; change++)
      history = withTags(
        history,
        change % 2 === 0 ? beta : { tenant: 'gamma' },
        epochMs(at('23T08:00:00') + (change * MINUTE) / 2),
      );
    arn = account.profile('a1', beta).arn;
    await account.histories.put(arn, history, 0);
    expect(await tell('2026-11-23T07')).toEqual(leftOut());
  });

  it('says nothing of a period in which the profile never was the caller’s', async () => {
    // A month begins.
    account.now = at('01T00:40:00');
    await tagged({ from: epochMs(0), tags: acme }, { from: epochMs(at('01T00:00:00') - 1), tags: beta });
    expect(await tell('2026-10-31T23')).toEqual(taken);
    expect(await tell('2026-11-01T00')).toEqual(leftOut());
    await tagged({ from: epochMs(0), tags: acme }, { from: epochMs(at('01T00:00:00') + 1), tags: beta });
    expect(await tell('2026-11-01T00')).toEqual(taken);
  });

  it('says nothing of a period that is over, from who has the profile since', async () => {
    account.now = at('01T01:00:00');
    await tagged({ from: epochMs(0), tags: beta }, { from: at('01T00:30:00'), tags: acme });
    expect(await tell('2026-10-31T23')).toEqual(leftOut());
    expect(await tell('2026-11-01T00')).toEqual(taken);
    await tagged({ from: epochMs(0), tags: beta }, { from: at('31T22:30:00', 10), tags: acme });
    expect(await tell('2026-10-31T23')).toEqual(taken);
    // Of one that was always the caller’s there need be no history.
    arn = account.profile('a2', acme).arn;
    expect(await tell('2026-10-31T23')).toEqual(taken);
  });

  it('knows each budget’s own periods: those of the profile’s owner count', async () => {
    const budgets = [{ name: 'daily', per: 'tenant', limit: '1 USD', period: 'day' }];
    account = new LendingAccount(policyOf({ ...LENDING_POLICY, timeZone: 'Asia/Kolkata', budgets }));
    // A day begins there at 18:30.
    account.now = at('22T19:40:00');
    await changedAt('22T18:29:00');
    expect(await tell('2026-11-22T18')).toEqual(taken);
    expect(await tell('2026-11-22T19')).toEqual(leftOut());
  });

  it('is neither taken nor left out while the history cannot be read', async () => {
    await changedAt('23T09:30:00');
    const { get } = account.histories;
    account.histories.get = async () => {
      throw new Fault('TagHistoryUnreadable', { doing: 'reading', problem: 'unreadable', next: 'Try again.' });
    };
    await expect(tell('2026-11-23T09')).rejects.toMatchObject({ code: 'TagHistoryUnreadable' });
    expect(account.usage.records).toEqual([]);
    account.histories.get = get;
    expect(await tell('2026-11-23T09')).toEqual(taken);
  });

  it('stays taken for good: what was taken once is not left out of a later version', async () => {
    const change = fc.record({ minute: fc.integer({ min: -180, max: 180 }), isAcmes: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 8 }), fc.nat(59), async (changes, first) => {
        account = new LendingAccount();
        arn = account.profile('a1', beta).arn;
        const due = [...changes].sort((a, b) => a.minute - b.minute);
        let history = withTags([], acme, epochMs(NOW - 1e9));
        let wasTaken = false;
        // One record is told every few minutes of the hour that began at NOW and of the next, while tags change.
        for (let minute = -180; minute <= 150; minute++) {
          account.now = epochMs(NOW + minute * MINUTE);
          for (const { isAcmes } of due.filter((one) => one.minute === minute))
            history = withTags(history, isAcmes ? acme : beta, account.now);
          if (minute < first) continue;
          account.entries.splice(0, 1, account.profile('a1', history.at(-1)?.tags ?? beta));
          account.entries.length = 1;
          const { version } = await account.histories.get(arn);
          await account.histories.put(arn, history, version);
          const answer = await tell('2026-11-23T10');
          if (wasTaken) expect(answer).toEqual(taken);
          // An honest process tells of an hour in which the profile was its own.
          wasTaken ||= minute < 60 && !('leftOut' in answer);
        }
      }),
    );
  });
});

describe('a caller who names many profiles of others', () => {
  it('has each history read once in a while, and none of profiles that there are not', async () => {
    const account = new LendingAccount();
    const read: ProfileArn[] = [];
    const histories = rememberedHistories(
      {
        get: async (arn) => {
          read.push(arn);
          return await account.histories.get(arn);
        },
      },
      account.ports.clock,
    );
    const arns = Array.from({ length: 50 }, (_, number) => account.profile(`x${number}`, { tenant: 'beta' }).arn);
    const totals = [...arns, ...arns.map((arn) => `${arn}none` as ProfileArn)].map((profile) => ({
      profile,
      calls: 1,
      usage: NO_USAGE,
      settled: '5',
      unconfirmed: '0',
    }));
    const naming = async (sequence: number) => {
      const asked = { protocol: 1, do: 'record', process: PROCESS, hour: '2026-11-23T09', chunk: 0, watermark: NOW };
      return await lend({ ...account.ports, histories }, ACME, { ...asked, sequence, totals });
    };
    expect(await naming(1)).toMatchObject({ kind: 'recorded' });
    expect(await naming(2)).toMatchObject({ kind: 'recorded' });
    expect(read.sort()).toEqual([...arns].sort());
    account.now = epochMs(NOW + 16_000);
    await naming(3);
    expect(read).toHaveLength(100);
    account.now = epochMs(NOW - 1_000);
    await naming(4);
    expect(read).toHaveLength(150);
  });
});
