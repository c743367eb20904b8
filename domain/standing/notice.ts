import type { Brand } from '../brand.ts';
import type { Budget } from '../budgets/definition.ts';
import { type EpochMs, isoTime } from '../clock.ts';
import type { EventDetail, EventId, EventType, GovernorEvent } from '../events/governor-event.ts';
import { awsAmount, displayUsd, type NanoUsd, percentOf } from '../money.ts';
import type { Period } from '../period.ts';
import type { Threshold } from '../policy/policy.ts';
import { describeMismatch, type Mismatch } from '../profiles/mismatch.ts';
import type { ProfileArn } from '../profiles/profile-arn.ts';
import { describeViolation, type Violation } from '../profiles/violation.ts';
import { describeTags, type Tags } from '../tags.ts';

/** Names an occasion, so that one occasion is one notice whatever is retried or repeated. */
export type NoticeId = Brand<string, 'NoticeId'>;

export const NOTICE_KINDS = [
  'threshold-crossed',
  'tenant-throttled',
  'tenant-closed',
  'tenant-reopened',
  'exhaustion-forecast',
  'bypass-detected',
  'spend-anomaly',
  'daily-digest',
  'profile-violating',
  'profile-quarantined',
  'profile-released',
  'profile-mismatched',
  'profile-deleted',
  'tag-conflict',
  'billing-needs-payer',
  'drift-detected',
] as const;
export type NoticeKind = (typeof NOTICE_KINDS)[number];
export const SEVERITIES = ['info', 'warning', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** Something that people must be told. */
export interface Notice {
  readonly id: NoticeId;
  readonly kind: NoticeKind;
  readonly severity: Severity;
  readonly tenant?: string;
  readonly budget?: string;
  readonly subject: string;
  readonly text: string;
  /** What the text says, for machines: periods, ARNs, amounts in US dollars as exact decimal text. */
  readonly facts?: NoticeFacts;
  /** The same occasion for programs; absent where there is no event of it. */
  readonly event?: GovernorEvent;
}

export type NoticeFacts = Readonly<Record<string, string | number>>;

/** Where what must be told waits until it is sent. One occasion enters once, whatever is retried or repeated. */
export interface NoticeOutbox {
  /** A notice, and the event of the same occasion. */
  enter(notice: Notice): Promise<void>;
  /** An event that people are not told of. */
  announce(event: GovernorEvent): Promise<void>;
}

export const noticeId = (...parts: readonly string[]): NoticeId => parts.join('|') as NoticeId;

/** The event of a notice has its id: one occasion. */
export const eventOf = <Type extends EventType>(id: NoticeId, type: Type, detail: EventDetail<Type>): GovernorEvent =>
  // A type and its own detail, which the compiler cannot tell of a union.
  ({ id: id as string as EventId, type, detail }) as GovernorEvent;

/** `8000|actual|notify`: names a threshold within its budget. */
export const thresholdKey = (threshold: Threshold): string => `${threshold.at}|${threshold.on}|${threshold.action}`;

const shareOf = (threshold: Threshold): string => `${threshold.at / 100}%`;

export function thresholdCrossed(
  occasion: BudgetOccasion & { readonly period: Period; readonly threshold: Threshold; readonly figure: NanoUsd },
): Notice {
  const { budget, period, threshold, figure } = occasion;
  const verb = threshold.on === 'forecast' ? 'is forecast to reach' : 'has reached';
  return {
    ...aboutBudget(occasion),
    id: noticeId('threshold', budget.id, period.id, thresholdKey(threshold)),
    kind: 'threshold-crossed',
    severity: 'warning',
    facts: {
      period: period.id,
      threshold: shareOf(threshold),
      on: threshold.on,
      figureUsd: awsAmount(figure),
      limitUsd: awsAmount(budget.limit),
    },
    subject: `Bedrock budget ${budget.id} ${verb} ${shareOf(threshold)}`,
    text: `Budget ${budget.id} ${verb} ${shareOf(threshold)} of its limit in ${period.id}: ${displayUsd(figure)} of ${displayUsd(budget.limit)} (${percentOf(figure, budget.limit)}%).`,
  };
}

interface RestrictionOccasion {
  readonly budget: Budget;
  readonly period: Period;
  readonly tenant: string | undefined;
  readonly spent: NanoUsd;
  readonly because: string;
  /** The version of the terms with which it began: a budget can be restricted several times in a period. */
  readonly since: number;
  readonly until: EpochMs;
  /** Money holds until the period turns or the limit is raised; another's word until its end. */
  readonly heldBy?: 'operator' | 'signal';
}

export function budgetClosed(occasion: RestrictionOccasion): Notice {
  const { budget, period, because, since } = occasion;
  const until = isoTime(occasion.until);
  const earlier =
    occasion.heldBy === undefined ? 'if the policy or an operator raises the limit' : 'if an operator says so';
  const id = noticeId('closed', budget.id, period.id, String(since));
  return {
    ...aboutBudget(occasion),
    id,
    kind: 'tenant-closed',
    severity: 'critical',
    facts: restrictionFacts(occasion),
    event: eventOf(id, 'TenantDisabled', { ...aboutBudget(occasion), ...restrictionFacts(occasion) }),
    subject: `Bedrock budget ${budget.id} is closed until ${until}`,
    text:
      `${who(occasion)} may not call Amazon Bedrock any more in ${period.id}: ${because}. ${figures(occasion)} ` +
      `It opens again by itself at ${until}, or earlier ${earlier}.`,
  };
}

export function budgetThrottled(occasion: RestrictionOccasion): Notice {
  const { budget, period, because, since } = occasion;
  const until = isoTime(occasion.until);
  const id = noticeId('throttled', budget.id, period.id, String(since));
  return {
    ...aboutBudget(occasion),
    id,
    kind: 'tenant-throttled',
    severity: 'warning',
    facts: restrictionFacts(occasion),
    event: eventOf(id, 'TenantThrottled', { ...aboutBudget(occasion), ...restrictionFacts(occasion) }),
    subject: `Bedrock budget ${budget.id} is throttled until ${until}`,
    text: `${who(occasion)} is slowed down until ${until}, so that what is left of ${budget.id} lasts as long as ${period.id}: ${because}. ${figures(occasion)}`,
  };
}

const restrictionFacts = ({ budget, period, spent, because, until }: RestrictionOccasion) => ({
  period: period.id,
  spentUsd: awsAmount(spent),
  limitUsd: awsAmount(budget.limit),
  because,
  until: isoTime(until),
});

export type BudgetOccasion = Pick<RestrictionOccasion, 'budget' | 'tenant'>;

export const aboutBudget = ({ budget, tenant = '' }: BudgetOccasion) => ({
  ...(tenant === '' ? {} : { tenant }),
  budget: budget.id,
});

export const who = ({ budget, tenant }: BudgetOccasion): string =>
  tenant === undefined ? `What budget ${budget.id} covers` : `Tenant ${tenant}`;

const figures = ({ budget, spent }: RestrictionOccasion): string =>
  `Spent ${displayUsd(spent)} of ${displayUsd(budget.limit)}.`;

export function budgetReopened(
  occasion: BudgetOccasion & {
    readonly closedIn: string;
    readonly period: Period;
    /** The version of the terms with which it is open again; a period turns once, within one it may be any time. */
    readonly since: number;
  },
): Notice {
  const { budget, closedIn, since, period } = occasion;
  const id = noticeId('reopened', budget.id, closedIn, closedIn === period.id ? String(since) : 'turned');
  const facts = { closedIn, period: period.id, limitUsd: awsAmount(budget.limit) };
  return {
    ...aboutBudget(occasion),
    id,
    kind: 'tenant-reopened',
    severity: 'info',
    facts,
    event: eventOf(id, 'TenantReopened', { ...aboutBudget(occasion), ...facts }),
    subject: `Bedrock budget ${budget.id} is open again`,
    text: `${who(occasion)} may call Amazon Bedrock again: budget ${budget.id}, restricted in ${closedIn}, has ${displayUsd(budget.limit)} for ${period.id}.`,
  };
}

interface ProfileOccasion {
  readonly arn: ProfileArn;
  readonly name: string;
  readonly tags: Tags;
  readonly tenant: string | undefined;
  /** Which quarantine of this profile, counted from 1. */
  readonly quarantine: number;
}

/** An empty tag names no tenant. */
const ofTenant = ({ tenant = '' }: Pick<ProfileOccasion, 'tenant'>) => (tenant === '' ? {} : { tenant });

const aboutProfile = ({ arn, name, tenant }: ProfileOccasion) => ({ ...ofTenant({ tenant }), profile: arn, name });

export function profileQuarantined(occasion: ProfileOccasion & { readonly violations: readonly Violation[] }): Notice {
  const id = noticeId('quarantined', occasion.arn, String(occasion.quarantine));
  const violations = occasion.violations.map(describeViolation);
  return {
    id,
    kind: 'profile-quarantined',
    severity: 'critical',
    ...ofTenant(occasion),
    facts: { profile: occasion.arn },
    event: eventOf(id, 'ProfileQuarantined', { ...aboutProfile(occasion), violations }),
    subject: `Bedrock profile ${occasion.name} is quarantined`,
    text:
      `Profile ${occasion.name} (${occasion.arn}) may not be invoked: ${violations.join('; ')}. ` +
      `Its tags are: ${describeTags(occasion.tags) || 'none'}. Correct the tags on the profile; it is released within minutes.`,
  };
}

export function profileViolating(
  occasion: Omit<ProfileOccasion, 'quarantine'> & {
    readonly violations: readonly Violation[];
    readonly until: EpochMs;
    /** The how-manieth time that it violates the policy. */
    readonly times: number;
  },
): Notice {
  const { arn, name, tenant, violations, until, tags, times } = occasion;
  return {
    id: noticeId('violating', arn, String(times)),
    kind: 'profile-violating',
    severity: 'warning',
    ...ofTenant({ tenant }),
    facts: { profile: arn, until: isoTime(until) },
    subject: `Bedrock profile ${name} violates the tag policy`,
    text:
      `Profile ${name} (${arn}) is quarantined at ${isoTime(until)} unless its tags are corrected: ${violations.map(describeViolation).join('; ')}. ` +
      `Its tags are: ${describeTags(tags) || 'none'}. Until then it may be invoked, as long as its tags say whose budgets it spends.`,
  };
}

export function profileReleased(occasion: ProfileOccasion): Notice {
  const id = noticeId('released', occasion.arn, String(occasion.quarantine));
  return {
    id,
    kind: 'profile-released',
    severity: 'info',
    ...ofTenant(occasion),
    facts: { profile: occasion.arn },
    event: eventOf(id, 'ProfileReleased', aboutProfile(occasion)),
    subject: `Bedrock profile ${occasion.name} is released`,
    text: `Profile ${occasion.name} (${occasion.arn}) carries the required tags now and may be invoked again. Its tags are: ${describeTags(occasion.tags)}.`,
  };
}

export function tagConflict(
  occasion: Pick<ProfileOccasion, 'arn' | 'name' | 'tenant'> & {
    /** UTC; a conflict is told once a day. */
    readonly day: string;
    readonly changes: readonly string[];
    readonly writes: number;
  },
): Notice {
  const { arn, name, tenant, day, changes, writes } = occasion;
  return {
    id: noticeId('tag-conflict', arn, day),
    kind: 'tag-conflict',
    severity: 'warning',
    ...ofTenant({ tenant }),
    facts: { profile: arn, day, writes },
    subject: `Tag conflict on Bedrock profile ${name}`,
    text:
      `The tags of profile ${name} (${arn}) were mended ${writes} times on ${day}, and somebody changed them back each time. ` +
      `They are left as they are until the day is over (UTC): ${changes.join('; ')} is what the policy wants. The profile is governed as if it carried that. ` +
      `Correct what writes the tags (a deployment, another governor), or the policy.`,
  };
}

export function profileMismatched(
  occasion: Pick<ProfileOccasion, 'arn' | 'name' | 'tenant'> & {
    readonly mismatch: Mismatch;
    /** Since when the policy does not allow the profile. */
    readonly since: EpochMs;
  },
): Notice {
  const { arn, name, tenant, mismatch, since } = occasion;
  return {
    // By the day: handlers that see it first at the same time tell one occasion.
    id: noticeId('mismatched', arn, mismatch.what, isoTime(since).slice(0, 10)),
    kind: 'profile-mismatched',
    severity: 'warning',
    ...ofTenant({ tenant }),
    facts: { profile: arn, what: mismatch.what, value: mismatch.value },
    subject: `Bedrock profile ${name}: its ${mismatch.what} is not allowed`,
    text:
      `The ${mismatch.what} of profile ${name} (${arn}) is "${mismatch.value}" (expected ${mismatch.expected}). ` +
      'AWS lets nobody change it: make a profile that the policy allows, and delete this one when nothing calls it any more. It is governed as before.',
  };
}

export function profileDeleted(
  occasion: Pick<ProfileOccasion, 'arn' | 'name' | 'tenant' | 'tags'> & { readonly mismatches: readonly Mismatch[] },
): Notice {
  const { arn, name, tenant, tags, mismatches } = occasion;
  return {
    id: noticeId('deleted', arn),
    kind: 'profile-deleted',
    severity: 'warning',
    ...(tenant === undefined ? {} : { tenant }),
    subject: `Bedrock profile ${name} was deleted`,
    text:
      `Profile ${name} (${arn}) was deleted, as the policy says of profiles that it does not allow and nobody invokes: ${mismatches.map(describeMismatch).join('; ')}. ` +
      `Its tags were: ${describeTags(tags) || 'none'}. What it spent is still attributed by them.`,
  };
}
