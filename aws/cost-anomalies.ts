import { type CostExplorerClient, GetAnomaliesCommand } from '@aws-sdk/client-cost-explorer';
import { type Clock, isoTime } from '../domain/clock.ts';
import { parseUsdRoundedUp, ZERO } from '../domain/money.ts';
import type { CostAnomalies } from '../domain/signals/anomaly.ts';
import { asking } from './asking.ts';

const PAGE = 100;
/** An anomaly alert is about the last days; more pages than this are not one monitor's. */
const MAX_PAGES = 10;

/** Anomalies as Cost Anomaly Detection has them. Its API is in us-east-1 alone. */
export const costAnomalies = (client: CostExplorerClient, clock: Clock): CostAnomalies => ({
  async find({ anomalyId, monitorArn, startDay }) {
    const today = isoTime(clock.now()).slice(0, 10);
    // Nothing has begun tomorrow, and AWS refuses to be asked.
    if (startDay > today) return undefined;
    let NextPageToken: string | undefined;
    for (let page = 0; page < MAX_PAGES; page++) {
      const answer = await asking(`reading the anomaly ${anomalyId}`, () =>
        client.send(
          new GetAnomaliesCommand({
            MonitorArn: monitorArn,
            DateInterval: { StartDate: startDay, EndDate: today },
            MaxResults: PAGE,
            ...(NextPageToken === undefined ? {} : { NextPageToken }),
          }),
        ),
      );
      const found = answer.Anomalies?.find((anomaly) => anomaly.AnomalyId === anomalyId);
      if (found !== undefined)
        return {
          id: anomalyId,
          dimensionValue: found.DimensionValue,
          firstDay: dayOf(found.AnomalyStartDate) ?? startDay,
          lastDay: dayOf(found.AnomalyEndDate) ?? dayOf(found.AnomalyStartDate) ?? startDay,
          impact: parseUsdRoundedUp((found.Impact?.TotalImpact ?? 0).toFixed(9)) ?? ZERO,
        };
      NextPageToken = answer.NextPageToken;
      if (NextPageToken === undefined) return undefined;
    }
    return undefined;
  },
});

/** Its day, of `2026-11-20` as of `2026-11-20T00:00:00Z`: AWS's examples have both. */
const dayOf = (date = ''): string | undefined => {
  const day = date.slice(0, 10);
  return /^\d{4}-\d{2}-\d{2}$/.test(day) && !Number.isNaN(Date.parse(day)) ? day : undefined;
};
