import type { Notice, NoticeKind } from './notice.ts';

/** The forms in which one notice is told: text for people is the notice's own; these are for machines and for chat. */

/** What a program that subscribes to the notices' topic gets. Within a version members are only added. */
export const machineForm = ({ event: _, ...notice }: Notice): Readonly<Record<string, unknown>> => ({
  version: 1,
  ...notice,
});

/**
 * A custom notification of Amazon Q Developer in chat applications, which shows it in Slack and Microsoft Teams.
 *
 * UNVERIFIED: names and meaning of the members are those of AWS's published schema, version 1.0, as the project was told
 * them; no message has been shown by the service, and its bounds on lengths are not known.
 */
export interface ChatForm {
  readonly version: '1.0';
  readonly source: 'custom';
  readonly id: string;
  readonly content: {
    readonly textType: 'client-markdown';
    readonly title: string;
    readonly description: string;
    readonly nextSteps: readonly string[];
    readonly keywords: readonly string[];
  };
  readonly metadata: {
    readonly threadId: string;
    readonly summary: string;
    readonly eventType: string;
    readonly relatedResources: readonly string[];
    readonly additionalContext: Readonly<Record<string, string>>;
  };
}

export function chatForm(notice: Notice): ChatForm {
  const { kind, severity, tenant, budget, subject, text, facts = {} } = notice;
  const profile = typeof facts['profile'] === 'string' ? facts['profile'] : undefined;
  const named = { ...(tenant === undefined ? {} : { tenant }), ...(budget === undefined ? {} : { budget }) };
  return {
    version: '1.0',
    source: 'custom',
    id: notice.id,
    content: {
      textType: 'client-markdown',
      title: `${SIGN[severity]} ${harmless(subject)}`,
      description: harmless(text),
      nextSteps: NEXT_STEPS[kind],
      keywords: [severity, kind, ...Object.values(named)].map(harmless),
    },
    metadata: {
      // One thread for what happens to one budget in one period, or to one profile.
      threadId: budget === undefined ? (profile ?? kind) : [budget, facts['period'] ?? ''].join('|'),
      summary: harmless(subject),
      eventType: kind,
      relatedResources: profile === undefined ? [] : [profile],
      additionalContext: Object.fromEntries(
        Object.entries({ ...named, ...facts }).map(([name, value]) => [name, harmless(String(value))]),
      ),
    },
  };
}

const SIGN = { info: ':information_source:', warning: ':warning:', critical: ':no_entry:' } as const;

/** Names come from tags and profiles that anyone may have written: nothing of them may call a whole channel, or look like a link. */
const harmless = (text: string): string => text.replaceAll('<', '‹').replaceAll('>', '›').replaceAll('@', '＠');

/** What people can do about it. */
const NEXT_STEPS: Readonly<Record<NoticeKind, readonly string[]>> = {
  'threshold-crossed': ['See which profiles spend most.', 'Raise the limit in the policy if the spending is wanted.'],
  'tenant-throttled': ['Use less, or wait: the budget goes on along its pace line.', 'Raise the limit in the policy.'],
  'tenant-closed': ['Raise the limit in the policy, or wait for the next period.'],
  'tenant-reopened': [],
  'exhaustion-forecast': ['Raise the limit in the policy before then, or use less.'],
  'bypass-detected': ['Find who calls the profile without the helper.', 'Deny that in IAM: see docs/security.md.'],
  'spend-anomaly': ['Look at the anomaly in the Cost Anomaly Detection console.'],
  'daily-digest': [],
  'profile-violating': ['Correct the tags of the profile before it is quarantined.'],
  'profile-quarantined': ['Correct the tags of the profile: it is released within minutes.'],
  'profile-released': [],
  'profile-mismatched': ['Make a profile that the policy allows, and delete this one when nothing calls it.'],
  'profile-deleted': ['Make a profile that the policy allows, if it is missed.'],
  'tag-conflict': ['Find what writes the tags, or change the policy.'],
};
