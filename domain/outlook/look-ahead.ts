import { budgetsInUse } from '../budgets/budgets-in-use.ts';
import { type Budget, tenantOf } from '../budgets/definition.ts';
import { isoTime, shortTime } from '../clock.ts';
import { add, awsAmount, displayUsd, percentOf } from '../money.ts';
import { type Period, periodAt } from '../period.ts';
import type { StandingEnforcement } from '../profiles/govern-profile.ts';
import { currentKey, readIndex } from '../signals/review-on-signal.ts';
import { type LedgerItem, spent } from '../spending/ledger.ts';
import type { LedgerReadings } from '../spending/ledger-readings.ts';
import { raisedBy } from '../spending/terms.ts';
import { aboutBudget, type BudgetOccasion, type Notice, noticeId, who } from '../standing/notice.ts';
import type { BudgetOutlook } from './budget-outlook.ts';
import { digestDue, digestNotice } from './digest.ts';
import { type ExhaustionForecast, foreseeExhaustion } from './exhaustion.ts';
import { type PaceRecords, withSample } from './pace-samples.ts';

/** It looks and tells: it reaches neither profiles nor AWS Budgets. */
export interface Outlook extends Pick<StandingEnforcement, 'policy' | 'clock' | 'journal' | 'index' | 'outbox'> {
  readonly ledgerReadings: LedgerReadings;
  readonly paces: PaceRecords;
}

export interface OutlookReport {
  readonly budgets: number;
  readonly foreseen: readonly string[];
  readonly failed: readonly string[];
  readonly digest: boolean;
}

/** It is told when so many looks in a row have foreseen it: one busy hour is no forecast. */
const LOOKS_IN_A_ROW = 2;
/** And when it comes so much before the end, as a share of the period: 1/50. Closer than that is chance. */
const MARGIN = 50;

/**
 * The hourly look ahead: takes a sample of what each budget has spent, foresees when it will be used up, tells the owners
 * where that is before the period ends, and once a day tells how all stand.
 */
export async function lookAhead(ports: Outlook): Promise<OutlookReport> {
  const entries = await readIndex(ports);
  const budgets = budgetsInUse(ports, entries);
  const items = await ports.ledgerReadings.readMany(budgets.map((budget) => currentKey(ports, budget)));
  const outlooks: BudgetOutlook[] = [];
  const foreseen: string[] = [];
  const failed: string[] = [];
  for (const [at, budget] of budgets.entries()) {
    const item = items[at];
    if (item === undefined) continue;
    try {
      const outlook = await look(ports, budget, item);
      outlooks.push(outlook);
      if (outlook.exhaustion.kind === 'foreseen' && isEarly(outlook.exhaustion, outlook.period))
        foreseen.push(budget.id);
    } catch (error) {
      failed.push(budget.id);
      ports.journal.counted('ForecastFailed', {
        budget: budget.id,
        error: error instanceof Error ? error.message : String(error),
      });
    }
  }
  const day = digestDue(ports.policy, ports.clock.now());
  // Whole or not at all: who reads it must not take a budget that could not be read for one that is not there.
  const digest = day !== undefined && failed.length === 0;
  if (digest) await ports.outbox.enter(digestNotice(ports.policy, day, outlooks));
  return { budgets: outlooks.length, foreseen, failed, digest };
}

async function look(ports: Outlook, budget: Budget, item: LedgerItem): Promise<BudgetOutlook> {
  const now = ports.clock.now();
  const period = periodAt(budget.period, budget.timeZone, now);
  const before = await ports.paces.read(item.key);
  const stopAt = add(item.terms.stopAt, raisedBy(item.terms, now));
  const { startsAt, endsAt } = period;
  const figure = spent(item);
  const exhaustion = foreseeExhaustion({ samples: before.samples, spent: figure, stopAt, startsAt, endsAt, now });
  const samples = withSample(before.samples, { at: now, spent: figure });
  const isNewHour = samples !== before.samples;
  const early = exhaustion.kind === 'foreseen' && isEarly(exhaustion, period);
  // A second look within the hour has the same evidence, and counts for nothing.
  const inARow = early ? before.foreseen + Number(isNewHour) : 0;
  if (early && inARow >= LOOKS_IN_A_ROW && item.terms.standing !== 'closed') {
    const tenant = tenantOf(ports.policy, budget);
    await ports.outbox.enter(exhaustionForecast({ budget, tenant, period, item, forecast: exhaustion }));
  }
  if (isNewHour) await ports.paces.keep(item.key, { samples, foreseen: inARow });
  return { budget, period, item, exhaustion };
}

const isEarly = ({ expectedAt }: ExhaustionForecast, { startsAt, endsAt }: Period): boolean =>
  expectedAt < endsAt - (endsAt - startsAt) / MARGIN;

/** One for each budget and period, whatever becomes of the forecast afterwards. */
function exhaustionForecast(
  occasion: BudgetOccasion & {
    readonly period: Period;
    readonly item: LedgerItem;
    readonly forecast: ExhaustionForecast;
  },
): Notice {
  const { budget, period, item, forecast } = occasion;
  const { expectedAt, earliestAt, latestAt, perHour, atEnd } = forecast;
  const span = `between ${shortTime(earliestAt)} and ${latestAt === undefined || latestAt > period.endsAt ? 'after the period' : shortTime(latestAt)}`;
  return {
    ...aboutBudget(occasion),
    id: noticeId('forecast', budget.id, period.id),
    kind: 'exhaustion-forecast',
    severity: 'warning',
    facts: {
      period: period.id,
      spentUsd: awsAmount(spent(item)),
      limitUsd: awsAmount(budget.limit),
      perHourUsd: awsAmount(perHour),
      atEndUsd: awsAmount(atEnd),
      expectedAt: isoTime(expectedAt),
      earliestAt: isoTime(earliestAt),
      ...(latestAt === undefined ? {} : { latestAt: isoTime(latestAt) }),
      until: isoTime(period.endsAt),
    },
    subject: `Bedrock budget ${budget.id} may be used up at ${shortTime(expectedAt)}`,
    text:
      `${who(occasion)} spends ${displayUsd(perHour)} an hour. At this pace budget ${budget.id} is used up at ${shortTime(expectedAt)} (${span}), ` +
      `before ${period.id} ends at ${shortTime(period.endsAt)}. Spent ${displayUsd(spent(item))} of ${displayUsd(budget.limit)} (${percentOf(spent(item), budget.limit)}%).`,
  };
}
