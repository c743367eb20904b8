import { endOfDay, startOfDay } from '../budgets/drift.ts';
import { type EpochMs, isoTime } from '../clock.ts';
import { howMany } from '../how-many.ts';
import { awsAmount, ZERO } from '../money.ts';
import { periodAt } from '../period.ts';
import { accountOf, regionOf } from '../profiles/profile-arn.ts';
import { tagValue } from '../tags.ts';
import type { RecordedDay } from './recorded-days.ts';

/** The version of the FinOps Open Cost and Usage Specification whose column names are used. */
export const FOCUS_VERSION = '1.2';

/**
 * A row of FOCUS columns for chargeback: one profile on one day. Of the specification's columns those that the governor
 * knows; none is guessed, so that the rows are no complete FOCUS dataset: who is invoiced, list prices and discounts are
 * AWS's to know. Custom columns begin with `x_`, as the specification asks.
 */
export const FOCUS_COLUMNS = [
  'BilledCost',
  'EffectiveCost',
  'BillingCurrency',
  'BillingPeriodStart',
  'BillingPeriodEnd',
  'ChargeCategory',
  'ChargeDescription',
  'ChargeFrequency',
  'ChargePeriodStart',
  'ChargePeriodEnd',
  'ConsumedQuantity',
  'ConsumedUnit',
  'ProviderName',
  'RegionId',
  'ResourceId',
  'ResourceName',
  'ResourceType',
  'ServiceCategory',
  'ServiceSubcategory',
  'ServiceName',
  'SubAccountId',
  'Tags',
  'x_Tenant',
  'x_BaseModelId',
  'x_Calls',
  'x_UnconfirmedCost',
  'x_CostSource',
] as const;

export type FocusRow = Readonly<Record<(typeof FOCUS_COLUMNS)[number], string>>;

/**
 * Costs are what calls cost by the prices that they were metered with, to the nano-dollar; not what AWS invoices, which is
 * told apart (`x_CostSource`). Money whose fate is unknown is in `x_UnconfirmedCost` and in no other column.
 */
export function focusRows(days: readonly RecordedDay[], tenantTag: string): readonly FocusRow[] {
  return days
    .filter(({ totals }) => totals.calls > 0 || totals.settled !== ZERO || totals.unconfirmed !== ZERO)
    .map(({ day, profile, entry, tags, totals }): FocusRow => {
      const month = periodAt('month', 'UTC', startOfDay(day));
      const { inputTokens, outputTokens, cacheReadInputTokens, cacheWrite5mInputTokens, cacheWrite1hInputTokens } =
        totals.usage;
      const tokens =
        inputTokens + outputTokens + cacheReadInputTokens + cacheWrite5mInputTokens + cacheWrite1hInputTokens;
      const cost = awsAmount(totals.settled);
      return {
        BilledCost: cost,
        // Nothing is paid ahead, so that nothing is spread over time.
        EffectiveCost: cost,
        BillingCurrency: 'USD',
        BillingPeriodStart: instant(month.startsAt),
        BillingPeriodEnd: instant(month.endsAt),
        ChargeCategory: 'Usage',
        ChargeDescription: `${howMany(totals.calls, 'call')} of ${entry?.baseModelId ?? 'a model that is not known any more'}`,
        ChargeFrequency: 'Usage-Based',
        ChargePeriodStart: instant(startOfDay(day)),
        ChargePeriodEnd: instant(endOfDay(day)),
        ConsumedQuantity: String(tokens),
        ConsumedUnit: 'Tokens',
        ProviderName: 'AWS',
        RegionId: regionOf(profile),
        ResourceId: profile,
        ResourceName: entry?.name ?? '',
        ResourceType: 'Application Inference Profile',
        // Source: FOCUS 1.2, the allowed values of ServiceCategory and ServiceSubcategory.
        ServiceCategory: 'AI and Machine Learning',
        ServiceSubcategory: 'Generative AI',
        ServiceName: 'Amazon Bedrock',
        SubAccountId: accountOf(profile),
        Tags: tags === undefined ? '' : JSON.stringify(tags),
        x_Tenant: (tags && tagValue(tags, tenantTag)) ?? '',
        x_BaseModelId: entry?.baseModelId ?? '',
        x_Calls: String(totals.calls),
        x_UnconfirmedCost: awsAmount(totals.unconfirmed),
        x_CostSource: 'bedrock-cost-governor usage records',
      };
    });
}

/** Whole seconds, as the specification writes them (FOCUS 1.2, Date/Time Format). */
const instant = (at: EpochMs): string => `${isoTime(at).slice(0, 19)}Z`;
