import * as z from 'zod';
import { readBudgetAlerts } from '../budgets/budget-alert.ts';
import { hearBudgetAlert } from '../budgets/hear-alert.ts';
import { isRefused } from '../budgets/payer.ts';
import { type BillingReport, runBilling } from '../budgets/run-billing.ts';
import type { Origins } from '../events/origin.ts';
import { howMany } from '../how-many.ts';
import { lookAhead } from '../outlook/look-ahead.ts';
import { governProfile } from '../profiles/govern-profile.ts';
import { readProfileEvent } from '../profiles/profile-event.ts';
import { sweep } from '../profiles/sweep.ts';
import { answerAlarm, readAlarmEvent } from '../signals/alarm.ts';
import { answerAnomaly, readAnomalies } from '../signals/anomaly.ts';
import { answerLedgerHint, readLedgerHint } from '../signals/ledger-hint.ts';
import { watchLedger } from '../signals/ledger-watch.ts';
import { HINT_SOURCE } from '../signals/threshold-hint.ts';
import { reopenEnded } from '../standing/reopen-ended.ts';
import type { AnswerPorts } from './dry-ports.ts';

/** The functions whose answers can be played. */
export type Answering =
  | 'profile-changed'
  | 'budget-alert'
  | 'budget-hint'
  | 'cost-anomaly'
  | 'metric-alarm'
  | 'ledger-watch'
  | 'reopen-ended'
  | 'outlook'
  | 'sweep'
  | 'billing';

export type Routing =
  | {
      readonly kind: 'answer';
      readonly by: Answering;
      readonly about: string;
      readonly play: (ports: AnswerPorts) => Promise<string>;
    }
  /** A rule lets it through, and the function leaves it alone; or no rule does. */
  | { readonly kind: 'left-alone'; readonly by?: Answering; readonly why: string }
  /** It claims to be what the governor listens to, and is not as AWS writes it. */
  | { readonly kind: 'unreadable'; readonly by?: Answering; readonly why: string };

const Envelope = z.looseObject({ source: z.string(), 'detail-type': z.string() });
const Scheduled = z.looseObject({ resources: z.array(z.string()).default([]) });
const SnsRecords = z.looseObject({
  Records: z.array(z.looseObject({ Sns: z.looseObject({ TopicArn: z.string().optional() }) })).min(1),
});

/** Which function an event would reach, and what that would make of it. Asks nothing. Never throws. */
export function routeEvent(event: unknown, origins: Origins): Routing {
  const sns = SnsRecords.safeParse(event);
  if (sns.success) return routeSns(event, origins, sns.data.Records[0]?.Sns.TopicArn);
  const envelope = Envelope.safeParse(event);
  if (!envelope.success)
    return {
      kind: 'unreadable',
      why: 'expected an event of EventBridge ("source", "detail-type", "detail") or of SNS ("Records" with "Sns")',
    };
  const { source } = envelope.data;
  const type = envelope.data['detail-type'];
  switch (source) {
    case 'aws.bedrock':
    case 'aws.tag':
      return routeProfile(event, origins);
    case HINT_SOURCE:
      return routeHint(event, origins);
    case 'aws.ce':
      return routeAnomalies(event, origins);
    case 'aws.cloudwatch':
      return routeAlarm(event, origins);
    case 'aws.events':
      return routeSchedule(event);
    default:
      return { kind: 'left-alone', why: `no rule of the stack takes ${source} / ${type}` };
  }
}

function routeProfile(event: unknown, origins: Origins): Routing {
  const by = 'profile-changed';
  const seen = readProfileEvent(event, origins);
  if (seen.kind === 'not-ours') return { kind: 'left-alone', by, why: seen.why };
  if (seen.kind === 'unreadable') return { kind: 'unreadable', by, why: seen.why };
  return {
    kind: 'answer',
    by,
    about: `profile ${seen.arn}`,
    async play(ports) {
      const outcome = await governProfile(ports, seen.arn);
      return outcome.kind === 'gone'
        ? 'the profile is gone'
        : `the profile is ${outcome.compliance} and ${outcome.entry.standing.state}`;
    },
  };
}

function routeHint(event: unknown, { accountId }: Origins): Routing {
  const by = 'budget-hint';
  const hint = readLedgerHint(event, accountId);
  if (hint.kind === 'unreadable') return { kind: 'unreadable', by, why: hint.why };
  return {
    kind: 'answer',
    by,
    about: `budget ${hint.budget}`,
    async play(ports) {
      const outcome = await answerLedgerHint(ports, hint.budget);
      if (outcome.kind === 'unknown-budget') return 'the policy has no such budget, or the ledger has no item of it';
      if (outcome.kind === 'nothing-new') return 'the ledger says nothing that was not acted on';
      return reviewed(outcome.restriction);
    },
  };
}

function routeAlarm(event: unknown, origins: Origins): Routing {
  const by = 'metric-alarm';
  const seen = readAlarmEvent(event, origins);
  if (seen.kind === 'unreadable') return { kind: 'unreadable', by, why: seen.why };
  return {
    kind: 'answer',
    by,
    about: `alarm "${seen.label}"`,
    async play(ports) {
      const outcome = await answerAlarm(ports, seen);
      if (outcome.kind === 'unknown-alarm') return 'no budget is meant by an alarm of this name';
      if (outcome.kind === 'unconfirmed') return 'CloudWatch says that it is not in alarm, and was not lately';
      return `budget ${outcome.budget}: ${reviewed(outcome.restriction)}`;
    },
  };
}

function routeAnomalies(event: unknown, origins: Origins): Routing {
  const by = 'cost-anomaly';
  const { hints, unreadable } = readAnomalies(event, origins);
  if (hints.length === 0)
    return {
      kind: 'unreadable',
      by,
      why: `${howMany(unreadable, 'message')}, none an alert of Cost Anomaly Detection`,
    };
  return {
    kind: 'answer',
    by,
    about: hints.map(({ anomalyId }) => `anomaly ${anomalyId}`).join(', '),
    async play(ports) {
      const told: string[] = [];
      for (const hint of hints) {
        const outcome = await answerAnomaly(ports, hint);
        told.push(
          outcome.kind === 'unconfirmed'
            ? `AWS knows no anomaly ${hint.anomalyId}`
            : `anomaly ${hint.anomalyId}: ${outcome.reviewed.join(', ') || 'no budget'} reviewed`,
        );
      }
      return told.join('; ');
    },
  };
}

function routeSns(event: unknown, origins: Origins, topic: string | undefined): Routing {
  const { alerts, unreadable } = readBudgetAlerts(event, origins.accountId);
  const isOfAnomalies =
    topic?.endsWith('-anomalies') === true || (alerts.length === 0 && readAnomalies(event, origins).hints.length > 0);
  if (isOfAnomalies) return routeAnomalies(event, origins);
  const by = 'budget-alert';
  if (alerts.length === 0)
    return {
      kind: 'unreadable',
      by,
      why: `${howMany(unreadable, 'message')}, none an alert of AWS Budgets for account ${origins.accountId}`,
    };
  return {
    kind: 'answer',
    by,
    about: alerts.map(({ budgetName }) => `AWS budget ${budgetName}`).join(', '),
    async play(ports) {
      const told: string[] = [];
      for (const { budgetName } of alerts) {
        const outcome = await hearBudgetAlert(ports, budgetName);
        told.push(
          outcome.kind === 'unknown-budget'
            ? `no budget of the policy is named ${budgetName}`
            : `budget ${outcome.budget}: ${reviewed(outcome.restriction)}`,
        );
      }
      return told.join('; ');
    },
  };
}

const SCHEDULES: readonly {
  readonly rule: RegExp;
  readonly by: Answering;
  readonly play: (ports: AnswerPorts) => Promise<string>;
}[] = [
  {
    rule: /-ledger-watch-schedule$/,
    by: 'ledger-watch',
    play: async (ports) => {
      const { watched, reviewed: news } = await watchLedger(ports);
      return `${watched} budgets looked at, ${news.length} with news`;
    },
  },
  {
    rule: /-reopen-schedule$/,
    by: 'reopen-ended',
    play: async (ports) => `${(await reopenEnded(ports)).due} profiles whose standing has ended`,
  },
  {
    rule: /-outlook-schedule$/,
    by: 'outlook',
    play: async (ports) => {
      const { budgets, foreseen } = await lookAhead(ports);
      return `${budgets} budgets looked at, ${foreseen.length} used up before their period ends`;
    },
  },
  {
    rule: /-sweep-schedule$/,
    by: 'sweep',
    play: async (ports) => {
      const { profiles, drifted, failed } = await sweep(ports);
      return `${howMany(profiles, 'profile')} looked at, ${drifted} differ, ${failed.length} failed`;
    },
  },
  {
    rule: /-billing-schedule$/,
    by: 'billing',
    play: async ({ billing }) => billingOutcome(await runBilling(billing, () => LONGEST_BILLING_MS)),
  },
];

/** As long as the function may take. */
const LONGEST_BILLING_MS = 180_000;

function billingOutcome({ costTags, anomalies, drift, detected }: BillingReport): string {
  const parts: string[] = [];
  if (isRefused(costTags)) parts.push('the cost allocation tags are for the payer');
  else if (costTags !== undefined)
    parts.push(
      `${howMany(costTags.active.length, 'cost allocation tag')} active, ${costTags.waiting.length} unknown to billing`,
    );
  if (isRefused(anomalies)) parts.push('anomaly detection is for the payer');
  else if (anomalies !== undefined) parts.push(`anomaly detection ${anomalies}`);
  if (isRefused(drift)) parts.push('the bill is closed to this account');
  else if (drift !== undefined)
    parts.push(`${howMany(drift.compared.length, 'day')} compared with the bill, ${detected.length} to be told of`);
  return parts.join('; ');
}

function routeSchedule(event: unknown): Routing {
  const scheduled = Scheduled.safeParse(event);
  const rule = (scheduled.success ? scheduled.data.resources[0] : undefined)?.split('/').at(-1) ?? '';
  const found = SCHEDULES.find((each) => each.rule.test(rule));
  if (found !== undefined) return { kind: 'answer', by: found.by, about: `rule ${rule}`, play: found.play };
  return {
    kind: 'left-alone',
    why: `no schedule of the stack is named "${rule}"`,
  };
}

const reviewed = (restriction: { readonly kind: string } | undefined): string =>
  restriction === undefined ? 'open' : restriction.kind === 'budget-throttled' ? 'throttled' : 'closed';
