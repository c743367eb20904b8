import { isoTime } from '../../domain/clock.ts';
import type { Exhaustion } from '../../domain/outlook/exhaustion.ts';
import { type BudgetStatus, shareOf } from '../../domain/status/budget-status.ts';
import { usd } from '../output/print.ts';

/** A budget as `--json` shows it. */
export function statusDocument(status: BudgetStatus): object {
  const { budget, tenant, period, figures } = status;
  return {
    budget: budget.id,
    ...(tenant === undefined ? {} : { tenant }),
    period: period.id,
    startsAt: isoTime(period.startsAt),
    endsAt: isoTime(period.endsAt),
    mode: budget.isShadow ? 'shadow' : 'enforce',
    limitUsd: usd(budget.limit),
    figures:
      figures === undefined
        ? null
        : {
            standing: figures.standing,
            until: isoTime(figures.until),
            ...(figures.reason === undefined
              ? {}
              : {
                  reason: {
                    ...figures.reason,
                    ...(figures.reason.when === undefined ? {} : { when: isoTime(figures.reason.when) }),
                  },
                }),
            spentUsd: usd(figures.spent),
            settledUsd: usd(figures.item.settled),
            unconfirmedUsd: usd(figures.item.unconfirmed),
            unattributedUsd: usd(figures.item.unattributed),
            leasedUsd: usd(figures.item.leased),
            committedUsd: usd(figures.item.committed),
            ceilingUsd: usd(figures.ceiling),
            raisedUsd: usd(figures.raised),
            leftUsd: usd(figures.left),
            percent: shareOf(status),
            forecast: forecastDocument(figures.forecast),
          },
  };
}

function forecastDocument(forecast: Exhaustion): object {
  if (forecast.kind !== 'foreseen') return { kind: forecast.kind };
  const { perHour, expectedAt, earliestAt, latestAt, atEnd } = forecast;
  return {
    kind: forecast.kind,
    perHourUsd: usd(perHour),
    expectedAt: isoTime(expectedAt),
    earliestAt: isoTime(earliestAt),
    ...(latestAt === undefined ? {} : { latestAt: isoTime(latestAt) }),
    atEndUsd: usd(atEnd),
  };
}
