import type { Tags } from '../tags.ts';
import type { Geography } from './geography.ts';
import type { ProfileArn } from './profile-arn.ts';
import type { ProfileSource } from './profile-index.ts';

/** The base model of a profile whose models AWS tells not, or in a form that this version does not read. */
export const UNKNOWN_MODEL = 'unknown';

/** What Bedrock says of a profile. Immutable while the profile lives, but for its tags. */
export interface ProfileFacts {
  readonly arn: ProfileArn;
  /** Empty where AWS does not tell it. */
  readonly name: string;
  readonly baseModelId: string;
  readonly source: ProfileSource;
  /** Of a profile that was copied from a geographic one: which, where the Regions that it routes to tell. */
  readonly geography?: Geography;
}

/** Application inference profiles in Bedrock. Every call may throw; what could not be read is never taken for empty. */
export interface Profiles {
  /** Undefined only where Bedrock says that there is no such profile. */
  read(arn: ProfileArn): Promise<ProfileFacts | undefined>;
  readTags(arn: ProfileArn): Promise<Tags>;
  tag(arn: ProfileArn, tags: Tags): Promise<void>;
  untag(arn: ProfileArn, keys: readonly string[]): Promise<void>;
  /** All of a Region. A list tells of each what {@link read} does, and may be some moments old. */
  list(region: string): AsyncIterable<ProfileFacts>;
}
