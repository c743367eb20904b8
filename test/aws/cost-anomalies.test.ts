import { CostExplorerClient } from '@aws-sdk/client-cost-explorer';
import { describe, expect, it } from 'vitest';
import { costAnomalies } from '../../aws/cost-anomalies.ts';
import { epochMs } from '../../domain/clock.ts';
import { type Answer, answering } from './answering.ts';

const CLOCK = { now: () => epochMs(Date.UTC(2026, 10, 23, 12)) };
const HINT = {
  anomalyId: 'a-2',
  monitorArn: 'arn:aws:ce::123456789012:anomalymonitor/m',
  startDay: '2026-11-20',
};
const anomaly = (AnomalyId: string, TotalImpact = 102.5) => ({
  AnomalyId,
  AnomalyStartDate: '2026-11-20T00:00:00Z',
  AnomalyEndDate: '2026-11-21',
  DimensionValue: 'tenant:acme',
  Impact: { MaxImpact: 1, TotalImpact },
});

describe('anomalies of Cost Anomaly Detection', () => {
  const find = async (answer: (input: Record<string, unknown>) => Answer, hint = HINT) => {
    const asked: Record<string, unknown>[] = [];
    const client = new CostExplorerClient(
      answering((_, input) => {
        asked.push(input);
        return answer(input);
      }),
    );
    return { found: await costAnomalies(client, CLOCK).find(hint), asked };
  };

  it('are looked up by monitor and day, and known by their id', async () => {
    const { found, asked } = await find(() => ({ Anomalies: [anomaly('a-1', 1), anomaly('a-2')] }));
    expect(found).toEqual({
      id: 'a-2',
      dimensionValue: 'tenant:acme',
      firstDay: '2026-11-20',
      lastDay: '2026-11-21',
      impact: 102_500_000_000n,
    });
    expect(asked).toMatchObject([
      { MonitorArn: HINT.monitorArn, DateInterval: { StartDate: '2026-11-20', EndDate: '2026-11-23' } },
    ]);
  });

  it('that do not tell their days were on the day of the alert', async () => {
    const { AnomalyStartDate: _, AnomalyEndDate: __, ...undated } = anomaly('a-2');
    const { found } = await find(() => ({ Anomalies: [undated] }));
    expect(found).toMatchObject({ firstDay: '2026-11-20', lastDay: '2026-11-20' });
    const open = await find(() => ({
      Anomalies: [{ ...undated, AnomalyStartDate: '2026-11-19', AnomalyEndDate: '' }],
    }));
    expect(open.found).toMatchObject({ firstDay: '2026-11-19', lastDay: '2026-11-19' });
  });

  it('are looked for on every page', async () => {
    const { found, asked } = await find(({ NextPageToken }) =>
      NextPageToken === undefined ? { Anomalies: [], NextPageToken: 'more' } : { Anomalies: [anomaly('a-2')] },
    );
    expect([found?.id, asked.length]).toEqual(['a-2', 2]);
  });

  it('that are not there are none, and those of tomorrow are not asked for', async () => {
    expect((await find(() => ({ Anomalies: [anomaly('a-1')] }))).found).toBeUndefined();
    const { found, asked } = await find(() => ({ Anomalies: [] }), { ...HINT, startDay: '2026-11-24' });
    expect([found, asked]).toEqual([undefined, []]);
  });

  it('that cannot be read are a fault, and not none', async () => {
    await expect(find(() => ({ error: 'LimitExceededException' }))).rejects.toMatchObject({
      name: 'Fault',
      code: 'LimitExceededException',
    });
  });
});
