import { type Clock, isoTime } from '../clock.ts';
import type { Journal } from '../journal.ts';
import type { Policy } from '../policy/policy.ts';
import { type NoticeOutbox, tagConflict } from '../standing/notice.ts';
import { type Tags, tagValue } from '../tags.ts';
import { assess, type Compliance, describeMending, type Mending, mended, tagsToWrite } from './compliance.ts';
import type { KnownCreator } from './known-creator.ts';
import { accountOf, type ProfileArn } from './profile-arn.ts';
import { toldBy } from './profile-creators.ts';
import type { IndexEntry, MendingCount } from './profile-index.ts';

/**
 * How often the governor mends the tags of one profile in one UTC day. Whoever goes on changing them back (a deployment,
 * another governor, a person) is in a conflict that more writes do not settle.
 */
export const MAX_MENDINGS_PER_DAY = 5;

interface Mender {
  readonly policy: Policy;
  readonly profiles: {
    readTags(arn: ProfileArn): Promise<Tags>;
    tag(arn: ProfileArn, tags: Tags): Promise<void>;
  };
  readonly clock: Clock;
  readonly journal: Journal;
  readonly outbox: NoticeOutbox;
}

interface MendableProfile {
  readonly arn: ProfileArn;
  readonly name: string;
  readonly found: Tags;
  readonly mending: Mending;
  readonly before: IndexEntry | undefined;
  readonly creation: KnownCreator | undefined;
}

export interface MendedTags {
  /** The tags as they are now. They may need mending still; the profile is then governed by what they would become. */
  readonly found: Tags;
  readonly compliance: Compliance;
  readonly mendings: MendingCount | undefined;
}

/**
 * Writes what the policy can mend, and reads what is there now: somebody may have written at the same moment. There is no
 * second write in one pass; the other's write has an event of its own.
 */
export async function mendTags(ports: Mender, profile: MendableProfile): Promise<MendedTags> {
  const { arn, found, mending, before } = profile;
  if (ports.policy.mode === 'observe') {
    ports.journal.decided('would mend tags', { profile: arn, before: { ...found }, changes: describeMending(mending) });
    return { found, compliance: { kind: 'remediable', ...mending }, mendings: before?.mendings };
  }
  const day = isoTime(ports.clock.now()).slice(0, 10);
  const writes = before?.mendings?.day === day ? before.mendings.writes : 0;
  if (writes >= MAX_MENDINGS_PER_DAY) {
    await leaveTags(ports, profile, day);
    return { found, compliance: { kind: 'remediable', ...mending }, mendings: before?.mendings };
  }
  await ports.profiles.tag(arn, tagsToWrite(mending));
  ports.journal.decided('mend tags', {
    profile: arn,
    because: 'the policy has defaults for what was missing, and mends values that it maps or writes in another case',
    before: { ...found },
    added: { ...mending.additions },
    corrected: Object.entries(mending.corrections).map(([key, { before, after }]) => `${key}: ${before} → ${after}`),
  });
  ports.journal.counted('ProfileMended', { profile: arn });
  const now = await ports.profiles.readTags(arn);
  return {
    found: now,
    compliance: assess(ports.policy, now, accountOf(arn), toldBy(profile.creation)),
    mendings: { day, writes: writes + 1 },
  };
}

async function leaveTags(ports: Mender, { arn, name, found, mending }: MendableProfile, day: string): Promise<void> {
  const tenant = tagValue(mended(found, mending), ports.policy.tenantTag);
  const changes = describeMending(mending);
  await ports.outbox.enter(tagConflict({ arn, name, tenant, day, changes, writes: MAX_MENDINGS_PER_DAY }));
  ports.journal.decided('leave tags', {
    profile: arn,
    because: `they were mended ${MAX_MENDINGS_PER_DAY} times on ${day} and changed back`,
    changes,
  });
}
