import { beforeEach, describe, expect, it } from 'vitest';
import type { BudgetId } from '../../../domain/budgets/budget-id.ts';
import { epochMs } from '../../../domain/clock.ts';
import { nanoUsd } from '../../../domain/money.ts';
import { governProfile } from '../../../domain/profiles/govern-profile.ts';
import { answerAlarm, type MetricAlarm } from '../../../domain/signals/alarm.ts';
import { type Anomaly, answerAnomaly, readAnomalies } from '../../../domain/signals/anomaly.ts';
import { answerLedgerHint } from '../../../domain/signals/ledger-hint.ts';
import { watchLedger } from '../../../domain/signals/ledger-watch.ts';
import { event } from '../event-fixtures.ts';
import { policyDocument, policyOf } from '../example-policy.ts';
import { GovernedAccount } from '../governed-account.ts';

const ACME = 'tenant-monthly/acme';
const LAKESIDE = 'tenant-monthly/lakeside';

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
      answerAlarm({ ...account.ports, alarms: { find: async () => found } }, name);
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
  });

  describe('an anomaly', () => {
    const HINT = { anomalyId: 'a-1', monitorArn: 'arn:aws:ce::123456789012:anomalymonitor/m', startDay: '2026-11-20' };
    const answer = (found: Partial<Anomaly> | undefined) =>
      answerAnomaly(
        {
          ...account.ports,
          anomalies: {
            find: async () =>
              found && { id: 'a-1', dimensionValue: undefined, impact: nanoUsd(102_500_000_000n), ...found },
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

    it.each(['aws.ce-AnomalyDetected-doc', 'aws.ce-AnomalyDetected-tag-monitor'])('is read from %s', (file) => {
      const { hints, unreadable } = readAnomalies(event(file));
      expect(unreadable).toBe(0);
      expect(hints).toEqual([
        {
          anomalyId: expect.any(String),
          monitorArn: expect.stringMatching(/:anomalymonitor\//),
          startDay: expect.stringMatching(/^20\d\d-\d\d-\d\d$/),
        },
      ]);
    });

    it('is read from SNS too, where each message counts for itself', () => {
      const { detail } = event('aws.ce-AnomalyDetected-tag-monitor') as { detail: { dimensionValue: string } };
      const { dimensionValue, ...rest } = detail;
      const bySns = { ...rest, dimensionalValue: dimensionValue, monitorType: 'CUSTOM', subscriptionName: 's' };
      const record = (Message: unknown) => ({ Sns: { Message } });
      const { hints, unreadable } = readAnomalies({
        Records: [
          record(JSON.stringify(bySns)),
          record('{'),
          record('{}'),
          record(5),
          null,
          record(JSON.stringify([])),
        ],
      });
      expect(hints).toEqual(readAnomalies(event('aws.ce-AnomalyDetected-tag-monitor')).hints);
      expect(unreadable).toBe(5);
    });
  });
});
