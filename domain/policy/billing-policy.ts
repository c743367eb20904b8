import * as z from 'zod';
import { NANO_PER_USD } from '../money.ts';
import { Amount } from './amount.ts';
import { expected, section } from './schema.ts';

/** What is done in AWS's own billing services, beside the AWS budgets. */
export const AwsBudgetRules = section('the rules for AWS budgets', {
  /** Whether AWS budgets that the governor has made go when no budget of the policy stands for them any more. */
  removeStale: z.boolean(expected('true or false')).default(false),
});

export const CostTags = z
  .enum(['activate', 'leave'], expected('"activate" or "leave"'))
  /** Whether the tag keys that budgets select by are activated as cost allocation tags. */
  .default('activate');

/** The largest threshold of an anomaly subscription (API reference, AnomalySubscription), in nano-dollars. */
const MOST_IMPACT = 10_000_000_000n * NANO_PER_USD;
const Impact = Amount.refine((amount) => amount <= MOST_IMPACT, 'expected an amount of at most 10,000,000,000 USD');

/** Cost Anomaly Detection on the tenant tag, or nothing of it. */
export const Anomalies = z
  .union([z.literal('off'), section('the anomaly settings', { impact: Impact.prefault('100 USD') })], {
    error: () => 'expected "off" or anomaly settings with impact, such as { impact: "100 USD" }',
  })
  .prefault({});

const PERCENT = 'a whole number of percent from 1 to 100';

/** How far the ledger and AWS's bill may lie apart. */
export const Drift = section('the drift settings', {
  alarmPercent: z.int(expected(PERCENT)).min(1, `expected ${PERCENT}`).max(100, `expected ${PERCENT}`).default(10),
  /** A difference below it raises no alarm, whatever its share. */
  ignoreBelow: Amount.prefault('1 USD'),
});
