import type { Budget } from '../budgets/definition.ts';
import { type EpochMs, isoTime } from '../clock.ts';
import { awsAmount } from '../money.ts';
import type { ProfileArn } from '../profiles/profile-arn.ts';
import type { EventDetail, EventId, GovernorEvent } from './governor-event.ts';

/** Events of occasions that people are not told of; those of notices are made with the notice. */

const eventId = (...parts: readonly string[]): EventId => parts.join('|') as EventId;

const ofTenant = (tenant = '') => (tenant === '' ? {} : { tenant });

/** Each change of AWS Budgets is an occasion of its own. */
export const budgetProvisioned = (occasion: {
  readonly budget: Budget;
  readonly awsBudget: string;
  readonly tenant: string | undefined;
  readonly outcome: 'created' | 'updated';
  readonly at: EpochMs;
}): GovernorEvent => ({
  id: eventId('provisioned', occasion.budget.id, isoTime(occasion.at)),
  type: 'BudgetProvisioned',
  detail: {
    ...ofTenant(occasion.tenant),
    budget: occasion.budget.id,
    awsBudget: occasion.awsBudget,
    outcome: occasion.outcome,
    limitUsd: awsAmount(occasion.budget.limit),
  },
});

export const driftDetected = (occasion: {
  readonly arn: ProfileArn;
  readonly tenant: string | undefined;
  readonly difference: EventDetail<'DriftDetected'>['difference'];
  readonly at: EpochMs;
}): GovernorEvent => ({
  id: eventId('drift', occasion.arn, isoTime(occasion.at)),
  type: 'DriftDetected',
  detail: { ...ofTenant(occasion.tenant), profile: occasion.arn, difference: occasion.difference },
});
