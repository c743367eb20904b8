import type { WithheldProfile } from '../domain/profiles/index-source.ts';
import { describeEntry, type IndexEntry } from '../domain/profiles/profile-index.ts';
import type { FoundProfiles, NearProfile } from '../domain/profiles/profile-lookup.ts';
import { describeTags, type Tags, tagValue } from '../domain/tags.ts';
import { GovernorRefusal } from './refusals.ts';

/** What a call asked for: the model as it was written, and the tags and Region that its governor is bound to. */
export interface Asked {
  readonly modelId: string;
  readonly tags: Tags;
  readonly region?: string;
}

const describe = ({ modelId, tags, region }: Asked): string =>
  `model ${modelId}, ${describeTags(tags) || 'no tags'}${region === undefined ? '' : `, in ${region}`}`;

export function noneMatches(asked: Asked, near: readonly NearProfile[]): GovernorRefusal {
  const candidates = near.map(
    ({ entry, differs }) => `${describeEntry(entry)}, which differs in ${differs.join(' and ')}`,
  );
  return new GovernorRefusal(
    'ProfileNotFound',
    `No application inference profile matches ${describe(asked)}.${candidates.length === 0 ? '' : ` Near: ${candidates.join('; ')}.`} Create one, or name the tags of one that exists.`,
  );
}

export const several = (asked: Asked, { first, count }: Extract<FoundProfiles, { kind: 'several' }>): GovernorRefusal =>
  new GovernorRefusal(
    'SeveralProfiles',
    `${count} profiles match ${describe(asked)}: ${first.map(describeEntry).join('; ')}${count > first.length ? '; and others' : ''}. Name one more tag that tells them apart.`,
  );

export const notInIndex = ({ modelId }: Asked): GovernorRefusal =>
  new GovernorRefusal(
    'ProfileNotFound',
    `Profile ${modelId} is not in the governor's index. Name a model and tags instead, or check that its Region is governed.`,
  );

export const noProfileHasModel = ({ modelId }: Asked): GovernorRefusal =>
  new GovernorRefusal(
    'ProfileNotFound',
    `${modelId} is neither a foundation model, nor a system profile, nor an application inference profile, so no profile can carry tags for it. Name a model id such as amazon.nova-lite-v1:0.`,
  );

/** Names the tags of the caller that are missing, and not those of the profile: they are another tenant's. */
export const ofOtherTags = (entry: IndexEntry, { tags }: Asked, missing: readonly string[]): GovernorRefusal =>
  new GovernorRefusal(
    'TenantMismatch',
    `Profile ${entry.name} does not carry ${missing.map((key) => `${key}=${tagValue(tags, key)}`).join(', ')}, to which this governor is bound. A caller may only use profiles of its own tags.`,
  );

export const quarantined = (entry: IndexEntry, violations: readonly string[]): GovernorRefusal =>
  new GovernorRefusal(
    'ProfileQuarantined',
    `Profile ${entry.name} is quarantined: ${violations.join('; ')}. Ask its owner to correct its tags; it is released within minutes.`,
  );

export function withheldProfile({ arn, why }: WithheldProfile, asked?: Asked): GovernorRefusal {
  const needed = asked === undefined ? '' : ` No other profile matches ${describe(asked)}.`;
  return why === 'unreadable'
    ? new GovernorRefusal(
        'IndexUnreadable',
        `The index entry of ${arn} was written by another version of the governor: which budgets pay for it is not known here.${needed} Update this program, or let the governor of this version write the entry anew.`,
      )
    : new GovernorRefusal(
        'ProfileUnsettled',
        `The tags of ${arn} are not those that the governor has seen: which budgets pay for it is not known yet.${needed} The governor looks at it within minutes; try again then.`,
      );
}
