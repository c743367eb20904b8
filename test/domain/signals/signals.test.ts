import { beforeEach, describe, expect, it } from 'vitest';
import type { BudgetId } from '../../../domain/budgets/budget-id.ts';
import { epochMs, isoTime } from '../../../domain/clock.ts';
import { nanoUsd } from '../../../domain/money.ts';
import { governProfile } from '../../../domain/profiles/govern-profile.ts';
import { answerAlarm, type MetricAlarm, readAlarmEvent } from '../../../domain/signals/alarm.ts';
import { type Anomaly, answerAnomaly, readAnomalies } from '../../../domain/signals/anomaly.ts';
import { answerLedgerHint } from '../../../domain/signals/ledger-hint.ts';
import { watchLedger } from '../../../domain/signals/ledger-watch.ts';
import type { OverrideChange, OverrideId } from '../../../domain/standing/override.ts';
import { event } from '../event-fixtures.ts';
import { policyDocument, policyOf } from '../example-policy.ts';
import { GovernedAccount } from '../governed-account.ts';
import { anOverride } from '../standing/memory-evidence.ts';

const ACME = 'tenant-monthly/acme';
const LAKESIDE = 'tenant-monthly/lakeside';
const HOUR = 3_600_000;
const dayBefore = (now: number) => isoTime(epochMs(now - 24 * HOUR)).slice(0, 10);

/** Acme alone, with its monthly budget and perhaps another one, which say this. */
async function accountWith(more: object, ...others: string[]): Promise<GovernedAccount> {
  const budgets = ['tenant-monthly', ...others].map((name) => ({ name, per: 'tenant', limit: '20 USD', ...more }));
  const made = new GovernedAccount(policyOf(policyDocument({ budgets })));
  await governProfile(made.ports, made.profile('acme', { tenant: 'acme', environment: 'prod', team: 'x' }));
  return made;
}

const OURS = { accountId: '123456789012' };
const PAYER = '999999999999';
const changed = (file: string, change: object) => ({ ...(event(file) as object), ...change });
const here = (name: string) => ({ name, region: 'us-east-1', label: name });

describe('signals about money', () => {
  let account: GovernedAccount;
  beforeEach(async () => {
    account = new GovernedAccount(
      policyOf(policyDocument({ alarms: { 'acme-tokens': ACME, gone: 'tenant-monthly/nobody' } })),
    );
    for (const tenant of ['acme', 'lakeside'])
      await governProfile(account.ports, account.profile(tenant, { tenant, environment: 'prod', team: 'x' }));
    account.changes = [];
  });

  const ledgerReadings = {
    readMany: async (keys: Parameters<typeof account.ledger.item>[0][]) => keys.map((key) => account.ledger.item(key)),
  };
  const watch = () =>
    watchLedger({ ...account.ports, ledgerReadings: { readMany: (keys) => ledgerReadings.readMany([...keys]) } });
  const hint = (budget: string) => answerLedgerHint(account.ports, budget as BudgetId);

  describe('a hint', () => {
    it('is answered by what the ledger says: nothing, where nothing was crossed', async () => {
      account.spend(ACME, 15.99);
      expect(await hint(ACME)).toEqual({ kind: 'nothing-new' });
      expect(account.changes).toEqual([]);
    });

    it('tells a crossed threshold once, and closes what is spent', async () => {
      account.spend(ACME, 16);
      expect(await hint(ACME)).toMatchObject({ kind: 'reviewed', restriction: undefined });
      expect(await hint(ACME)).toEqual({ kind: 'nothing-new' });
      account.spend(ACME, 4);
      expect(await hint(ACME)).toMatchObject({ kind: 'reviewed', restriction: { kind: 'budget-used-up' } });
      expect(await hint(ACME)).toEqual({ kind: 'nothing-new' });
      expect(account.noticesOf('threshold-crossed')).toHaveLength(1);
      expect(account.noticesOf('tenant-closed')).toHaveLength(1);
    });

    it.each(['tenant-monthly/nobody', 'unknown', 'tenant-monthly', 'support-chat/x', ''])(
      'about %j makes no budget',
      async (budget) => {
        expect(await hint(budget)).toEqual({ kind: 'unknown-budget' });
        expect(account.changes).toEqual([]);
        expect(account.ledger.items.filter(({ key }) => key.budget === budget)).toEqual([]);
      },
    );
  });

  describe('the watch', () => {
    it('reviews those that have news, and no other', async () => {
      account.spend(ACME, 20);
      account.spend(LAKESIDE, 1);
      expect(await watch()).toEqual({ watched: 2, reviewed: [ACME], failed: [] });
      expect(account.ledgerItem(ACME, '2026-11').terms.standing).toBe('closed');
      account.changes = [];
      expect(await watch()).toEqual({ watched: 2, reviewed: [], failed: [] });
      expect(account.changes).toEqual([]);
    });

    it.each<[string, OverrideChange, object]>([
      ['a disable', { kind: 'disable' }, { standing: 'closed', heldBy: 'operator' }],
      ['an enable', { kind: 'enable' }, { standing: 'open', heldBy: 'operator' }],
      ['a raise', { kind: 'raise', amount: nanoUsd(5_000_000_000n) }, { raises: [{ amount: 5_000_000_000n }] }],
    ])('reviews a budget of which %s was kept and nothing more, once', async (_, change, terms) => {
      await account.overrides.keep(anOverride(account, change, HOUR));
      expect((await watch()).reviewed).toEqual([ACME]);
      expect(account.ledgerItem(ACME, '2026-11').terms).toMatchObject(terms);
      expect((await watch()).reviewed).toEqual([]);
    });

    it('hears an enable that takes the place of a disable with the same end', async () => {
      const disable = anOverride(account, { kind: 'disable' }, HOUR);
      await account.overrides.keep(disable);
      await watch();
      const before = await account.overrides.lastWord(disable.target);
      const enable = { ...disable, id: 'said-after' as OverrideId, change: { kind: 'enable' } } as const;
      expect(await account.overrides.keep(enable, before)).toBe('kept');
      expect((await watch()).reviewed).toEqual([ACME]);
      expect(account.ledgerItem(ACME, '2026-11').terms).toMatchObject({ standing: 'open', heldBy: 'operator' });
      expect((await watch()).reviewed).toEqual([]);
    });

    it('leaves alone what an operator holds open past its limit, and closes it when that ends', async () => {
      await account.overrides.keep(anOverride(account, { kind: 'enable' }, HOUR));
      account.spend(ACME, 25);
      expect((await watch()).reviewed).toEqual([ACME]);
      expect((await watch()).reviewed).toEqual([]);
      account.wait(HOUR);
      expect((await watch()).reviewed).toEqual([ACME]);
      expect(account.ledgerItem(ACME, '2026-11').terms.standing).toBe('closed');
      expect((await watch()).reviewed).toEqual([]);
    });

    it('enforces on all profiles but the one that fails, and says so', async () => {
      const [bad] = account.stored.keys();
      const good = account.profile('acme2', { tenant: 'acme', environment: 'prod', team: 'x' });
      await governProfile(account.ports, good);
      if (bad !== undefined) account.unreadable.add(bad);
      account.spend(ACME, 20);
      expect(await watch()).toMatchObject({ reviewed: [], failed: [ACME] });
      expect(account.tagsOf(good)).toMatchObject({ 'governor:standing': 'closed' });
    });

    it('goes on where one budget cannot be reviewed, and reviews it the next minute', async () => {
      account.spend(ACME, 20);
      account.spend(LAKESIDE, 5);
      const { ports } = account;
      const entries = account.indexed.size;
      const broken = {
        ...ports,
        ledgerReadings: { readMany: (keys: readonly never[]) => ledgerReadings.readMany([...keys]) },
        outbox: {
          ...ports.outbox,
          enter: async (notice: Parameters<typeof ports.outbox.enter>[0]) => {
            if (notice.budget === ACME) throw new Error('throttled');
            await ports.outbox.enter(notice);
          },
        },
      };
      expect(entries).toBe(2);
      expect(await watchLedger(broken)).toEqual({ watched: 2, reviewed: [LAKESIDE], failed: [ACME] });
      expect((await watch()).failed).toEqual([]);
      expect(account.noticesOf('tenant-closed')).toHaveLength(2);
    });
  });

  describe('an alarm', () => {
    const alarm = (name: string, found: MetricAlarm | undefined) =>
      answerAlarm({ ...account.ports, alarms: { find: async () => found } }, here(name));
    const RINGING: MetricAlarm = { isInAlarm: true, changedAt: undefined };

    it.each([
      'acme-tokens',
      'governor/prod/tenant-monthly/acme',
      'governor/prod/tenant-monthly/acme: input tokens',
      'governor/prod/tenant-monthly/acme tokens',
    ])('named %j stands for its budget', async (name) => {
      account.spend(ACME, 20);
      expect(await alarm(name, RINGING)).toMatchObject({ kind: 'reviewed', budget: ACME });
      expect(account.ledgerItem(ACME, '2026-11').terms.standing).toBe('closed');
    });

    it.each([
      'somebody-elses',
      'gone',
      'constructor',
      'governor/prod/tenant-monthly/acme2',
      'governor/prod/tenant-monthly/nobody',
      'governor/dev/tenant-monthly/acme',
    ])('named %j stands for none', async (name) => {
      expect(await alarm(name, RINGING)).toEqual({ kind: 'unknown-alarm' });
      expect(account.changes).toEqual([]);
    });

    it('that CloudWatch does not have, or not lately, changes nothing; one that is just over counts', async () => {
      account.spend(ACME, 20);
      const over = (minutes: number): MetricAlarm => ({
        isInAlarm: false,
        changedAt: epochMs(account.now - minutes * 60_000),
      });
      expect(await alarm('acme-tokens', undefined)).toEqual({ kind: 'unconfirmed' });
      expect(await alarm('acme-tokens', over(61))).toEqual({ kind: 'unconfirmed' });
      expect(account.changes).toEqual([]);
      expect(await alarm('acme-tokens', over(59))).toMatchObject({ kind: 'reviewed' });
    });

    it.each<[string, object, object]>([
      ['the home Region', {}, { kind: 'alarm', region: 'us-east-1', label: 'acme' }],
      ['a governed Region', { region: 'eu-west-1' }, { kind: 'alarm', region: 'eu-west-1', label: 'acme (eu-west-1)' }],
      ['a Region that is not governed', { region: 'eu-north-1' }, { kind: 'unreadable' }],
      ['no Region', { region: undefined }, { kind: 'unreadable' }],
      ['another account', { account: PAYER }, { kind: 'unreadable' }],
    ])('of %s is heard, or is not', (_, change, expected) => {
      const alarmed = changed('aws.cloudwatch-AlarmStateChange', { detail: { alarmName: 'acme' }, ...change });
      const origins = { ...OURS, regions: ['eu-west-1'], homeRegion: 'us-east-1' };
      expect(readAlarmEvent(alarmed, origins)).toMatchObject(expected);
    });

    it('of one name in two Regions are two: the end of one is not that of the other', async () => {
      account = await accountWith({ signals: { alarm: 'disable', holds: '6h' } });
      const alarms = {
        find: async (_: string, region: string): Promise<MetricAlarm> => ({
          isInAlarm: region === 'us-east-1',
          changedAt: account.now,
        }),
      };
      const name = `governor/prod/${ACME}`;
      await answerAlarm({ ...account.ports, alarms }, here(name));
      const elsewhere = { name, region: 'eu-west-1', label: `${name} (eu-west-1)` };
      expect(await answerAlarm({ ...account.ports, alarms }, elsewhere)).toMatchObject({ kind: 'reviewed' });
      expect(account.ledgerItem(ACME, '2026-11').terms.standing).toBe('closed');
    });

    it('closes where the policy says so, until it is over', async () => {
      account = await accountWith({ signals: { alarm: 'disable', holds: '6h' } });
      const name = 'governor/prod/tenant-monthly/acme';
      const rang = account.now;
      await alarm(name, { isInAlarm: true, changedAt: rang });
      expect(account.ledgerItem(ACME, '2026-11').terms).toMatchObject({
        standing: 'closed',
        heldBy: 'signal',
        standingUntil: rang + 6 * HOUR,
      });
      expect(account.events.all.map(({ type }) => type)).toContain('TenantDisabled');
      account.wait(HOUR);
      await alarm(name, { isInAlarm: false, changedAt: account.now });
      expect(account.ledgerItem(ACME, '2026-11').terms.standing).toBe('open');
      expect(account.noticesOf('tenant-reopened')).toHaveLength(1);
      expect(account.events.all.map(({ type }) => type)).toContain('TenantReopened');
    });
  });

  it('an alarm is kept before its metrics are read: the sweep closes where they cannot be', async () => {
    account = await accountWith({ signals: { alarm: 'disable', holds: '6h' } });
    const alarms = { find: async (): Promise<MetricAlarm> => ({ isInAlarm: true, changedAt: account.now }) };
    const readings = new Proxy(account.ports.readings, {
      get: () => () => Promise.reject(new Error('throttled')),
    });
    const answer = answerAlarm({ ...account.ports, alarms, readings }, here(`governor/prod/${ACME}`));
    await expect(answer).rejects.toThrow('throttled');
    expect(await account.signals.lasting(ACME as BudgetId, account.now)).toHaveLength(1);
  });

  describe('an anomaly', () => {
    const HINT = { anomalyId: 'a-1', monitorArn: 'arn:aws:ce::123456789012:anomalymonitor/m', startDay: '2026-11-20' };
    const answer = (found: Partial<Anomaly> | undefined, ports: Partial<GovernedAccount['ports']> = {}) =>
      answerAnomaly(
        {
          ...account.ports,
          ...ports,
          anomalies: {
            find: async () =>
              found && {
                id: 'a-1',
                dimensionValue: undefined,
                firstDay: '2026-11-20',
                lastDay: '2026-11-20',
                impact: nanoUsd(102_500_000_000n),
                ...found,
              },
          },
        },
        HINT,
      );

    it.each(['tenant:acme', 'tenant$acme'])('of %s is told once, and its budget reviewed', async (dimensionValue) => {
      account.spend(ACME, 20);
      expect(await answer({ dimensionValue })).toEqual({ kind: 'told', reviewed: [ACME] });
      await answer({ dimensionValue, impact: nanoUsd(1_000n) });
      expect(account.noticesOf('spend-anomaly')).toEqual(['anomaly|a-1']);
      const [notice] = account.notices.all.filter(({ kind }) => kind === 'spend-anomaly');
      expect(notice).toMatchObject({ tenant: 'acme', budget: ACME, facts: { impactUsd: '102.50' } });
      expect(account.ledgerItem(ACME, '2026-11').terms.standing).toBe('closed');
    });

    it.each(['Amazon Bedrock', 'tenant:nobody', 'tenantacme', undefined])(
      'of %s is told, and restricts nobody',
      async (dimensionValue) => {
        account.spend(ACME, 20);
        expect(await answer({ dimensionValue })).toEqual({ kind: 'told', reviewed: [] });
        expect(account.ledgerItem(ACME, '2026-11').terms.standing).toBe('open');
      },
    );

    it('that AWS does not know changes nothing', async () => {
      account.spend(ACME, 20);
      expect(await answer(undefined)).toEqual({ kind: 'unconfirmed' });
      expect(account.changes).toEqual([]);
    });

    it('does not close a budget by its figure alone', async () => {
      account.spend(ACME, 1);
      await answer({ dimensionValue: 'tenant:acme', impact: nanoUsd(9_999_000_000_000n) });
      expect(account.ledgerItem(ACME, '2026-11').terms.standing).toBe('open');
      expect(account.noticesOf('tenant-closed')).toEqual([]);
    });

    describe('where the policy says what follows', () => {
      beforeEach(async () => {
        account = await accountWith({ signals: { anomaly: 'throttle', holds: '48h' } });
      });
      const terms = () => account.ledgerItem(ACME, '2026-11').terms;

      it('restricts the budget from the end of its last day on, tells why, and hearing it again prolongs nothing', async () => {
        const found = { dimensionValue: 'tenant:acme', lastDay: dayBefore(account.now) };
        for (let time = 0; time < 2; time++) {
          await answer(found);
          expect(terms()).toMatchObject({
            standing: 'throttled',
            heldBy: 'signal',
            reason: 'an anomaly of 102.50 USD since 2026-11-20',
            standingUntil: Date.parse(`${found.lastDay}T00:00:00Z`) + 72 * HOUR,
          });
          account.wait(HOUR);
        }
        expect(account.noticesOf('tenant-throttled')).toHaveLength(1);
        const [event] = account.events.all.filter(({ type }) => type === 'TenantThrottled');
        expect(event?.detail).toMatchObject({ budget: ACME, until: isoTime(epochMs(terms().standingUntil ?? 0)) });
      });

      it('that is over for longer than it holds restricts nobody', async () => {
        await answer({ dimensionValue: 'tenant:acme', lastDay: '2026-11-01' });
        expect(terms().standing).toBe('open');
      });

      it('reviews all its budgets where one cannot be, and fails for that one', async () => {
        account = await accountWith({ signals: { anomaly: 'disable', holds: '48h' } }, 'second');
        const { ledger } = account.ports;
        const changeTerms: typeof ledger.changeTerms = async (key, changed) => {
          if (key.budget === ACME) throw new Error('throttled');
          return await ledger.changeTerms(key, changed);
        };
        const broken = new Proxy(ledger, {
          get: (target, member) => (member === 'changeTerms' ? changeTerms : (Reflect.get(target, member) as unknown)),
        });
        const found = { dimensionValue: 'tenant:acme', lastDay: dayBefore(account.now) };
        await expect(answer(found, { ledger: broken })).rejects.toThrow('throttled');
        expect(account.ledgerItem('second/acme', '2026-11').terms).toMatchObject({ standing: 'closed' });
        // Kept before its review failed: the sweep finds it.
        expect(await account.signals.lasting(ACME as BudgetId, account.now)).toHaveLength(1);
      });
    });

    it.each(['aws.ce-AnomalyDetected-doc', 'aws.ce-AnomalyDetected-tag-monitor'])('is read from %s', (file) => {
      const { hints, unreadable } = readAnomalies(event(file), OURS);
      expect(unreadable).toBe(0);
      expect(hints).toEqual([
        {
          anomalyId: expect.any(String),
          monitorArn: expect.stringMatching(/:anomalymonitor\//),
          startDay: expect.stringMatching(/^20\d\d-\d\d-\d\d$/),
        },
      ]);
    });

    it.each<[string, object, number]>([
      ['this account', {}, 1],
      ['the account that pays', { account: PAYER }, 1],
      ['another account', { account: '222222222222' }, 0],
      ['no account', { account: undefined }, 0],
      ['another Region', { region: 'eu-west-1' }, 0],
    ])('of %s is heard, or is not', (_, change, heard) => {
      const forged = changed('aws.ce-AnomalyDetected-tag-monitor', change);
      expect(readAnomalies(forged, { ...OURS, payerAccountId: PAYER })).toMatchObject({ unreadable: 1 - heard });
    });

    it('of the account that pays is not heard where none was named', () => {
      const forwarded = changed('aws.ce-AnomalyDetected-tag-monitor', { account: PAYER });
      expect(readAnomalies(forwarded, OURS).unreadable).toBe(1);
    });

    it('is read from SNS too, where each message counts for itself', () => {
      const { detail } = event('aws.ce-AnomalyDetected-tag-monitor') as { detail: { dimensionValue: string } };
      const { dimensionValue, ...rest } = detail;
      const bySns = { ...rest, dimensionalValue: dimensionValue, monitorType: 'CUSTOM', subscriptionName: 's' };
      const record = (Message: unknown) => ({ Sns: { Message } });
      const { hints, unreadable } = readAnomalies(
        {
          Records: [
            record(JSON.stringify(bySns)),
            record('{'),
            record('{}'),
            record(5),
            null,
            record(JSON.stringify([])),
          ],
        },
        OURS,
      );
      expect(hints).toEqual(readAnomalies(event('aws.ce-AnomalyDetected-tag-monitor'), OURS).hints);
      expect(unreadable).toBe(5);
    });
  });
});
