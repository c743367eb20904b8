import * as z from 'zod';
import type { BudgetId } from '../budgets/budget-id.ts';
import { budgetsInUse } from '../budgets/budgets-in-use.ts';
import { type Budget, budgetOf } from '../budgets/definition.ts';
import { awsBudgetName } from '../budgets/provisioning.ts';
import type { EpochMs } from '../clock.ts';
import type { Origins } from '../events/origin.ts';
import type { StandingEnforcement } from '../profiles/govern-profile.ts';
import type { IndexEntry } from '../profiles/profile-index.ts';
import { type TrueUp, trueUp } from '../spending/true-up-budget.ts';
import { keepSignal, type Seen } from '../standing/keep-signal.ts';
import { unsettledPeriods } from '../standing/review-budget.ts';
import { bypassesOf, tellBypass } from '../standing/tell-bypass.ts';
import { type Heard, readIndex, reviewOnSignal, type SignalReview } from './review-on-signal.ts';

export interface MetricAlarms {
  /** An alarm as CloudWatch has it now in a Region; undefined where there is none of this name. */
  find(name: string, region: string): Promise<MetricAlarm | undefined>;
}

export interface MetricAlarm {
  readonly isInAlarm: boolean;
  /** Undefined where CloudWatch does not say. */
  readonly changedAt: EpochMs | undefined;
}

/** An alarm that is over has been spent for all the same: events may come late, and short bursts end before them. */
const RECENT_MS = 3_600_000;

/** Which alarm somebody says to look at. */
export interface AlarmHint {
  readonly name: string;
  readonly region: string;
  /** Names are the Region's own: what is kept of an alarm of another Region than the stack's bears its Region. */
  readonly label: string;
}

export type AlarmEvent =
  | ({ readonly kind: 'alarm' } & AlarmHint)
  | { readonly kind: 'unreadable'; readonly why: string };

/** Source: CloudWatch user guide, alarm events and EventBridge. */
const Event = z.object({
  source: z.literal('aws.cloudwatch'),
  'detail-type': z.literal('CloudWatch Alarm State Change'),
  account: z.string(),
  region: z.string(),
  detail: z.object({ alarmName: z.string().min(1).max(255) }),
});

/** Reads an event of CloudWatch in the home Region or a governed one, whatever it is. Never throws. */
export function readAlarmEvent(
  event: unknown,
  { accountId, regions, homeRegion }: Pick<Origins, 'accountId' | 'regions' | 'homeRegion'>,
): AlarmEvent {
  const parsed = Event.safeParse(event);
  if (!parsed.success) return { kind: 'unreadable', why: 'not a change of an alarm' };
  const { account, region } = parsed.data;
  const name = parsed.data.detail.alarmName;
  if (account !== accountId) return { kind: 'unreadable', why: 'an alarm of another account' };
  if (region !== homeRegion && !regions.includes(region))
    return { kind: 'unreadable', why: 'an alarm of a Region that is not governed' };
  return { kind: 'alarm', name, region, label: region === homeRegion ? name : `${name} (${region})` };
}

export type AlarmOutcome =
  /** No budget is meant by an alarm of this name. */
  | { readonly kind: 'unknown-alarm' }
  /** CloudWatch says that it is not in alarm, and has not been lately: made up. */
  | { readonly kind: 'unconfirmed' }
  | ({ readonly kind: 'reviewed'; readonly budget: BudgetId } & SignalReview);

/**
 * Answers an alarm of CloudWatch: its state is read from there, and the budget that it stands for is trued up by the token
 * metrics that the alarm may have seen, and reviewed. What else follows from it is the policy's to say (`signals`).
 */
export async function answerAlarm(
  ports: StandingEnforcement & TrueUp & { readonly alarms: MetricAlarms; readonly stage: string },
  { name, region, label }: AlarmHint,
): Promise<AlarmOutcome> {
  const entries = await readIndex(ports);
  const budget = budgetOfAlarm(ports, entries, name);
  if (budget === undefined) return { kind: 'unknown-alarm' };
  const alarm = await ports.alarms.find(name, region);
  if (alarm === undefined || !isConfirmed(alarm, ports.clock.now())) return { kind: 'unconfirmed' };
  // Before anything else that may fail: what is kept is found by the sweep, what is not is lost with the event.
  await keepSignal(ports, budget, seenIn(label, alarm, ports.clock.now()));
  const targets = unsettledPeriods(budget, ports.clock.now()).map((period) => ({ budget, period }));
  for (const report of await trueUp(ports, targets)) await tellBypass(ports, report, bypassesOf(report));
  const heard: Heard = { signal: 'alarm', because: `the CloudWatch alarm "${label}" is or was in alarm` };
  return { kind: 'reviewed', budget: budget.id, ...(await reviewOnSignal(ports, budget, entries, heard)) };
}

/** One that is over was seen until then: it ends what was kept of it while it lasted. */
function seenIn(name: string, { isInAlarm, changedAt }: MetricAlarm, now: EpochMs): Seen {
  const seenAt = changedAt ?? now;
  const because = `the CloudWatch alarm "${name}" is in alarm`;
  return { kind: 'alarm', name, because, seenAt, ...(isInAlarm ? {} : { endedAt: seenAt }) };
}

const isConfirmed = ({ isInAlarm, changedAt }: MetricAlarm, now: EpochMs): boolean =>
  isInAlarm || (changedAt !== undefined && now - changedAt <= RECENT_MS);

/**
 * By the policy's `alarms`, or by its name: that of the budget in AWS Budgets, such as `governor/prod/tenant-monthly/acme`,
 * alone or followed by a space or colon and anything.
 */
function budgetOfAlarm(
  ports: StandingEnforcement & { readonly stage: string },
  entries: readonly IndexEntry[],
  name: string,
): Budget | undefined {
  const inUse = budgetsInUse(ports, entries);
  const listed = Object.hasOwn(ports.policy.alarms, name) ? ports.policy.alarms[name] : undefined;
  if (listed !== undefined) {
    const budget = budgetOf(ports.policy, listed as BudgetId);
    return inUse.find(({ id }) => id === budget?.id);
  }
  return inUse.find((budget) => {
    const own = awsBudgetName(budget, ports.stage);
    return name === own || name.startsWith(`${own} `) || name.startsWith(`${own}:`);
  });
}
