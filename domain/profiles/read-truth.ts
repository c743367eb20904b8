import type { Tags } from '../tags.ts';
import type { ProfileArn } from './profile-arn.ts';
import type { ProfileFacts, Profiles } from './profiles.ts';

/**
 * A profile and its tags as they are now.
 *
 * @param listed what a list has told of it a moment ago, which saves a request while the profile lives
 * @returns undefined where Bedrock says that there is no such profile
 * @throws what the port throws; what could not be read is never taken for empty
 */
export async function readTruth(
  profiles: Pick<Profiles, 'read' | 'readTags'>,
  arn: ProfileArn,
  listed?: ProfileFacts,
): Promise<{ readonly facts: ProfileFacts; readonly found: Tags } | undefined> {
  if (listed !== undefined)
    try {
      return { facts: listed, found: await profiles.readTags(arn) };
    } catch {
      // It may be gone since it was listed. What else it is shows below.
    }
  const facts = await profiles.read(arn);
  return facts === undefined ? undefined : { facts, found: await profiles.readTags(arn) };
}
