import {
  type GetInferenceProfileCommandInput,
  type ListTagsForResourceCommandInput,
  ResourceNotFoundException,
  type TagResourceCommandInput,
  type UntagResourceCommandInput,
} from '@aws-sdk/client-bedrock';
import type { Operations } from './clients.ts';

export const ACCOUNT = '123456789012';
export const REGION = 'us-east-1';

export type Tags = Readonly<Record<string, string>>;

export interface SimulatedProfile {
  readonly arn: string;
  readonly name: string;
  readonly model: string;
  readonly tags: Tags;
}

/** What CloudTrail tells of a change: enough to say which profile. */
export type ProfileChange = 'CreateInferenceProfile' | 'DeleteInferenceProfile' | 'TagResource' | 'UntagResource';

/** All states of a profile's tags, the last one is how it is now; undefined once it is deleted. */
export interface TagState {
  readonly at: number;
  readonly tags: Tags | undefined;
}

/** The application inference profiles of the account, and what they have carried. */
export class SimulatedProfiles {
  readonly #profiles = new Map<string, SimulatedProfile>();
  readonly #histories = new Map<string, TagState[]>();
  readonly now: () => number;
  readonly #changed: (arn: string, change: ProfileChange) => void;
  #made = 0;

  constructor(now: () => number, changed: (arn: string, change: ProfileChange) => void) {
    this.now = now;
    this.#changed = changed;
  }

  get all(): readonly SimulatedProfile[] {
    return [...this.#profiles.values()];
  }

  get(arn: string): SimulatedProfile | undefined {
    return this.#profiles.get(arn);
  }

  historyOf(arn: string): readonly TagState[] {
    return this.#histories.get(arn) ?? [];
  }

  get histories(): ReadonlyMap<string, readonly TagState[]> {
    return this.#histories;
  }

  create(name: string, model: string, tags: Tags): SimulatedProfile {
    const arn = `arn:aws:bedrock:${REGION}:${ACCOUNT}:application-inference-profile/p${String(++this.#made).padStart(11, '0')}`;
    const profile = { arn, name, model, tags };
    this.#set(profile, 'CreateInferenceProfile');
    return profile;
  }

  retag(arn: string, change: (tags: Tags) => Tags, by: ProfileChange = 'TagResource'): void {
    const profile = this.#profiles.get(arn);
    if (profile !== undefined) this.#set({ ...profile, tags: change(profile.tags) }, by);
  }

  delete(arn: string): void {
    if (!this.#profiles.delete(arn)) return;
    this.#remember(arn, undefined);
    this.#changed(arn, 'DeleteInferenceProfile');
  }

  #set(profile: SimulatedProfile, by: ProfileChange): void {
    this.#profiles.set(profile.arn, profile);
    this.#remember(profile.arn, profile.tags);
    this.#changed(profile.arn, by);
  }

  #remember(arn: string, tags: Tags | undefined): void {
    const history = this.#histories.get(arn) ?? [];
    history.push({ at: this.now(), tags });
    this.#histories.set(arn, history);
  }
}

/** Bedrock's control plane, as far as the governor uses it. */
export function bedrock(profiles: SimulatedProfiles): Operations {
  const find = (arn: string | undefined): SimulatedProfile => {
    const profile = profiles.get(arn ?? '');
    if (profile !== undefined) return profile;
    throw new ResourceNotFoundException({
      message: 'The provided profile identifier is invalid.',
      $metadata: { httpStatusCode: 404 },
    });
  };
  return {
    GetInferenceProfileCommand: ({ inferenceProfileIdentifier }: GetInferenceProfileCommandInput) =>
      describe(find(inferenceProfileIdentifier)),
    ListInferenceProfilesCommand: () => ({ inferenceProfileSummaries: profiles.all.map(describe) }),
    ListTagsForResourceCommand: ({ resourceARN }: ListTagsForResourceCommandInput) => ({
      tags: Object.entries(find(resourceARN).tags).map(([key, value]) => ({ key, value })),
    }),
    TagResourceCommand: ({ resourceARN = '', tags = [] }: TagResourceCommandInput) => {
      find(resourceARN);
      const more = Object.fromEntries(tags.map(({ key = '', value = '' }) => [key, value]));
      profiles.retag(resourceARN, (before) => ({ ...before, ...more }));
      return {};
    },
    UntagResourceCommand: ({ resourceARN = '', tagKeys = [] }: UntagResourceCommandInput) => {
      find(resourceARN);
      profiles.retag(resourceARN, (before) => without(before, tagKeys), 'UntagResource');
      return {};
    },
    DeleteInferenceProfileCommand: ({ inferenceProfileIdentifier }: GetInferenceProfileCommandInput) => {
      profiles.delete(find(inferenceProfileIdentifier).arn);
      return {};
    },
  };
}

export const without = (tags: Tags, keys: readonly string[]): Tags =>
  Object.fromEntries(Object.entries(tags).filter(([key]) => !keys.includes(key)));

const describe = ({ arn, name, model }: SimulatedProfile) => ({
  inferenceProfileArn: arn,
  inferenceProfileName: name,
  models: [{ modelArn: `arn:aws:bedrock:${REGION}::foundation-model/${model}` }],
});

/** Resource Groups Tagging: what was so long ago, without profiles that were never tagged. */
export const tagging = (profiles: SimulatedProfiles, now: () => number, lagMs: number): Operations => ({
  GetResourcesCommand: ({ ResourceTypeFilters = [] }: { readonly ResourceTypeFilters?: readonly string[] }) => ({
    ResourceTagMappingList: ResourceTypeFilters.includes('bedrock:application-inference-profile')
      ? [...profiles.histories].flatMap(([arn, history]) => {
          const tags = history.findLast(({ at }) => at <= now() - lagMs)?.tags;
          const list = Object.entries(tags ?? {}).map(([Key, Value]) => ({ Key, Value }));
          return list.length === 0 ? [] : [{ ResourceARN: arn, Tags: list }];
        })
      : [],
    PaginationToken: '',
  }),
});
