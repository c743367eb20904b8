import { isoTime } from '../clock.ts';
import type { Restriction } from '../standing/standing.ts';
import { describeTags, type Tags, tagValue } from '../tags.ts';
import type { WithheldProfile } from './index-source.ts';
import { describeEntry, type IndexEntry } from './profile-index.ts';
import type { NearProfile, ProfileLookup } from './profile-lookup.ts';
import { describeViolation } from './violation.ts';
import { readModelId } from './wanted-model.ts';

/** Why no profile is given for a model and tags. */
export type ResolutionCode =
  | 'ProfileNotFound'
  | 'SeveralProfiles'
  | 'TenantMismatch'
  | 'ProfileQuarantined'
  | 'TenantDisabled'
  | 'ProfileUnsettled'
  | 'IndexUnreadable';

export type Resolution =
  | { readonly kind: 'found'; readonly entry: IndexEntry }
  | { readonly kind: 'refused'; readonly code: ResolutionCode; readonly message: string };

/** What is known of the index at one time. */
export interface IndexState {
  readonly lookup: ProfileLookup;
  readonly withheld: readonly WithheldProfile[];
}

/** What a call asks for: a model as it was written, and the tags and Region that its governor is bound to. */
export interface Asked {
  /** A base model id, a system profile id, the ARN of either, or the ARN of an application inference profile. */
  readonly modelId: string;
  readonly tags: Tags;
  readonly region?: string;
}

/** A no that has not been put into words yet: finding what is near costs more than finding that there is none. */
type Refusal = () => Extract<Resolution, { kind: 'refused' }>;

/**
 * The profile for a model and tags. Whatever is written as the model, the profile that is given carries all the tags.
 * A no says what was looked for, what is near, and what to do.
 */
export function resolveProfile(state: IndexState, asked: Asked): Resolution {
  const found = pick(state, asked);
  return typeof found === 'function' ? found() : { kind: 'found', entry: found };
}

/** Like {@link resolveProfile}, for those who do not want to know why not. */
export function findProfile(state: IndexState, asked: Asked): IndexEntry | undefined {
  const found = pick(state, asked);
  return typeof found === 'function' ? undefined : found;
}

function pick(state: IndexState, asked: Asked): IndexEntry | Refusal {
  const found = pickAnyStanding(state, asked);
  if (typeof found === 'function' || found.standing.state === 'open') return found;
  const quarantine = found.standing.reasons.find((reason) => reason.kind === 'quarantine');
  if (quarantine === undefined) return pickEnabled(found, found.standing.reasons);
  return refuse('ProfileQuarantined', () => {
    const violations = quarantine.violations.map(describeViolation).join('; ');
    return `Profile ${found.name} is quarantined: ${violations}. Ask its owner to correct its tags; it is released within minutes.`;
  });
}

/** Also where no budget is the tenant's alone, whose ledger would refuse. */
function pickEnabled(found: IndexEntry, reasons: readonly Restriction[]): IndexEntry | Refusal {
  const disabled = reasons.find((reason) => reason.kind === 'tenant-disabled');
  if (disabled === undefined) return found;
  return refuse(
    'TenantDisabled',
    () =>
      `Tenant ${disabled.tenant} is disabled by an operator until ${isoTime(disabled.until)}: ${disabled.because}. Ask the platform team.`,
  );
}

function pickAnyStanding({ lookup, withheld }: IndexState, asked: Asked): IndexEntry | Refusal {
  const { modelId, ...rest } = asked;
  const model = readModelId(modelId);
  switch (model.kind) {
    case 'foreign':
      return refuse(
        'ProfileNotFound',
        () =>
          `${modelId} is neither a foundation model, nor a system profile, nor an application inference profile, so no profile can carry tags for it. Name a model id such as amazon.nova-lite-v1:0.`,
      );
    case 'profile': {
      const held = withheld.find(({ arn }) => arn === model.arn);
      if (held !== undefined) return refuseWithheld(held);
      const entry = lookup.byArn(model.arn);
      if (entry === undefined)
        return refuse(
          'ProfileNotFound',
          () =>
            `Profile ${modelId} is not in the governor's index. Name a model and tags instead, or check that its Region is governed.`,
        );
      const missing = Object.keys(asked.tags).filter((key) => tagValue(entry.tags, key) !== tagValue(asked.tags, key));
      if (missing.length === 0) return entry;
      // Names the caller's tags, and not those of the profile, which are another tenant's.
      return refuse('TenantMismatch', () => {
        const unmet = missing.map((key) => `${key}=${tagValue(asked.tags, key)}`).join(', ');
        return `Profile ${entry.name} does not carry ${unmet}, to which this governor is bound. A caller may only use profiles of its own tags.`;
      });
    }
    case 'model': {
      const query = { model, ...rest };
      const result = lookup.find(query);
      if (result.kind === 'found') return result.entry;
      if (result.kind === 'several')
        return refuse('SeveralProfiles', () => {
          const others = result.count > result.first.length ? '; and others' : '';
          return `${result.count} profiles match ${describeAsked(asked)}: ${result.first.map(describeEntry).join('; ')}${others}. Name one more tag${asked.region === undefined ? ' or a Region' : ''} that tells them apart.`;
        });
      const held = withheld.find((profile) => mayCarry(profile.tags, asked.tags));
      if (held !== undefined) return refuseWithheld(held, asked);
      return refuse('ProfileNotFound', () => {
        const near = lookup.near(query).map(describeNear);
        return `No application inference profile matches ${describeAsked(asked)}.${near.length === 0 ? '' : ` Near: ${near.join('; ')}.`} Create one, which the governor knows within minutes, or name the tags of one that exists.`;
      });
    }
  }
}

const refuse =
  (code: ResolutionCode, explain: () => string): Refusal =>
  () => ({ kind: 'refused', code, message: explain() });

function refuseWithheld({ arn, why }: WithheldProfile, asked?: Asked): Refusal {
  const needed = (): string => (asked === undefined ? '' : ` No other profile matches ${describeAsked(asked)}.`);
  return why === 'unreadable'
    ? refuse(
        'IndexUnreadable',
        () =>
          `The index entry of ${arn} was written by another version of the governor: which budgets pay for it is not known here.${needed()} Update this program, or let the governor of this version write the entry anew.`,
      )
    : refuse(
        'ProfileUnsettled',
        () =>
          `The tags of ${arn} are not those that the governor has seen: which budgets pay for it is not known yet.${needed()} The governor looks at it within minutes; try again then.`,
      );
}

/** Whether a profile may carry these tags; one whose tags are not known may. */
export const mayCarry = (carried: Tags | undefined, wanted: Tags): boolean =>
  carried === undefined || Object.keys(wanted).every((key) => tagValue(carried, key) === tagValue(wanted, key));

const describeAsked = ({ modelId, tags, region }: Asked): string =>
  `model ${modelId}, ${describeTags(tags) || 'no tags'}${region === undefined ? '' : `, in ${region}`}`;

const describeNear = ({ entry, differs }: NearProfile): string =>
  `${describeEntry(entry)}, which differs in ${differs.join(' and ')}`;
