import * as z from 'zod';
import { budgetsInUse } from '../budgets/budgets-in-use.ts';
import { type Budget, tenantOf } from '../budgets/definition.ts';
import { type BudgetFigures, readOutsideFigures } from '../budgets/hear-alert.ts';
import { epochMs } from '../clock.ts';
import type { Origins } from '../events/origin.ts';
import { awsAmount, displayUsd, type NanoUsd } from '../money.ts';
import type { Policy } from '../policy/policy.ts';
import { keepSignal, type Seen } from '../standing/keep-signal.ts';
import { type Notice, noticeId } from '../standing/notice.ts';
import { type Heard, readIndex, reviewOnSignal } from './review-on-signal.ts';
import { jsonOf, snsMessages } from './sns-messages.ts';

/** Which anomaly somebody says to look at; its figures are read from Cost Anomaly Detection. */
export interface AnomalyHint {
  readonly anomalyId: string;
  readonly monitorArn: string;
  /** UTC day, such as `2026-11-20`. */
  readonly startDay: string;
}

/** An anomaly as AWS has it. */
export interface Anomaly {
  readonly id: string;
  /** A service, or the key and value of a tag. */
  readonly dimensionValue: string | undefined;
  /** The first UTC day of it, and the last on which AWS has detected it so far, such as `2026-11-20`. */
  readonly firstDay: string;
  readonly lastDay: string;
  /** What was spent beyond the expected. For people: AWS computes it in floating point. */
  readonly impact: NanoUsd;
}

export interface CostAnomalies {
  /** Undefined where AWS knows no such anomaly of this monitor. */
  find(hint: AnomalyHint): Promise<Anomaly | undefined>;
}

/** The members that both ways of an alert share. Source: Cost Management user guide, EventBridge and SNS of anomaly detection. */
const Alert = z.object({
  anomalyId: z.string().min(1).max(200),
  monitorArn: z.string().regex(/^arn:aws[a-z-]*:ce::\d{12}:anomalymonitor\/[\w-]{1,100}$/),
  anomalyStartDate: z.string().regex(/^\d{4}-\d{2}-\d{2}/),
});

/** AWS's Region for Cost Anomaly Detection: its events come from there alone (Cost Management user guide, EventBridge). */
export const ANOMALIES_REGION = 'us-east-1';

const Event = z.object({
  source: z.literal('aws.ce'),
  'detail-type': z.literal('Anomaly Detected'),
  account: z.string(),
  region: z.literal(ANOMALIES_REGION),
  detail: Alert,
});

const hintOf = ({ anomalyId, monitorArn, anomalyStartDate }: z.output<typeof Alert>): AnomalyHint => ({
  anomalyId,
  monitorArn,
  startDay: anomalyStartDate.slice(0, 10),
});

/**
 * Reads an alert from EventBridge, of this account or of the one that pays, or several from SNS, whatever it is; counts what
 * is none. Never throws.
 */
export function readAnomalies(
  event: unknown,
  { accountId, payerAccountId }: Pick<Origins, 'accountId' | 'payerAccountId'>,
): { readonly hints: readonly AnomalyHint[]; readonly unreadable: number } {
  const messages = snsMessages(event);
  if (messages === undefined) {
    const parsed = Event.safeParse(event);
    const isOurs = parsed.success && [accountId, payerAccountId].includes(parsed.data.account);
    return isOurs ? { hints: [hintOf(parsed.data.detail)], unreadable: 0 } : { hints: [], unreadable: 1 };
  }
  const hints = messages.flatMap((message) => {
    const parsed = Alert.safeParse(message === undefined ? undefined : jsonOf(message));
    return parsed.success ? [hintOf(parsed.data)] : [];
  });
  return { hints, unreadable: messages.length - hints.length };
}

export type AnomalyOutcome =
  /** AWS knows no such anomaly: made up, or gone. Nothing is done. */
  { readonly kind: 'unconfirmed' } | { readonly kind: 'told'; readonly reviewed: readonly string[] };

/**
 * Answers an anomaly alert: the anomaly is looked up, people are told once, and the budgets of the tag that it names are
 * reviewed with what AWS Budgets says now. What else follows from it is the policy's to say (`signals` of the budget), and
 * by default nothing: it is a day old, and says nothing of limits.
 *
 * @throws what the review of one budget threw, after the others were reviewed
 */
export async function answerAnomaly(
  ports: BudgetFigures & { readonly anomalies: CostAnomalies },
  hint: AnomalyHint,
): Promise<AnomalyOutcome> {
  const anomaly = await ports.anomalies.find(hint);
  if (anomaly === undefined) return { kind: 'unconfirmed' };
  const entries = await readIndex(ports);
  const tag = tagOf(ports.policy, anomaly);
  const budgets =
    tag === undefined
      ? []
      : budgetsInUse(ports, entries).filter(({ selector }) => selector[tag.key]?.includes(tag.value) === true);
  await ports.outbox.enter(spendAnomaly(ports.policy, anomaly, budgets));
  const failures: unknown[] = [];
  for (const budget of budgets) {
    const heard: Heard = { signal: 'anomaly', because: `Cost Anomaly Detection has confirmed ${anomaly.id}` };
    try {
      await keepSignal(ports, budget, seenIn(anomaly));
      await reviewOnSignal(ports, budget, entries, heard, await readOutsideFigures(ports, budget));
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
  return { kind: 'told', reviewed: budgets.map(({ id }) => id) };
}

/**
 * AWS names days, and no end: the last day moves on while the anomaly does. So it was seen when that day was over. Told
 * by AWS alone, so that hearing of the same again prolongs nothing.
 */
const seenIn = ({ id, impact, firstDay, lastDay }: Anomaly): Seen => ({
  kind: 'anomaly',
  name: id,
  because: `an anomaly of ${displayUsd(impact)} since ${firstDay}`,
  seenAt: epochMs(Date.parse(`${lastDay}T00:00:00Z`) + DAY_MS),
});

const DAY_MS = 24 * 3_600_000;

/** `tenant:acme` of a monitor of tags. UNVERIFIED which sign stands between key and value; Cost Explorer's groups have `$`. */
function tagOf(policy: Policy, { dimensionValue = '' }: Anomaly): { key: string; value: string } | undefined {
  const keys = [...Object.keys(policy.tags.required), ...Object.keys(policy.tags.optional)];
  for (const key of keys)
    for (const sign of [':', '$'])
      if (dimensionValue.startsWith(`${key}${sign}`)) return { key, value: dimensionValue.slice(key.length + 1) };
  return undefined;
}

function spendAnomaly(policy: Policy, anomaly: Anomaly, budgets: readonly Budget[]): Notice {
  const [budget] = budgets;
  const tenant = budget && tenantOf(policy, budget);
  const what = anomaly.dimensionValue ?? 'unknown';
  return {
    id: noticeId('anomaly', anomaly.id),
    kind: 'spend-anomaly',
    severity: 'warning',
    ...(tenant === undefined || tenant === '' ? {} : { tenant }),
    ...(budget !== undefined && budgets.length === 1 ? { budget: budget.id } : {}),
    facts: { anomaly: anomaly.id, dimension: what, impactUsd: awsAmount(anomaly.impact) },
    subject: `Unusual spend: ${what}`,
    text:
      `Cost Anomaly Detection sees ${displayUsd(anomaly.impact)} beyond the expected for ${what}. Billing data is up to a day old. ` +
      (budgets.length === 0
        ? 'It names no tag that a budget selects.'
        : `Reviewed: ${budgets.map(({ id }) => id).join(', ')}.`),
  };
}
