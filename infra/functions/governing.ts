import { CloudTrailClient } from '@aws-sdk/client-cloudtrail';
import { IAMClient } from '@aws-sdk/client-iam';
import { bedrockProfiles } from '../../aws/bedrock-profiles.ts';
import { cloudTrailCreators, LOOKUP_EVENTS_PACE } from '../../aws/cloudtrail-creators.ts';
import { EVENT_PACE, paceOf } from '../../aws/pace.ts';
import { ProfileEars } from '../../domain/profiles/hear-profile.ts';
import { type Governor, governor } from '../composition.ts';
import { forEachRegion, once } from '../made-once.ts';
import { inLambda, type Surroundings } from '../surroundings.ts';
import { awsBudgetsOf } from './aws-budgets.ts';

/** What mending tags and providing for budgets needs besides. */
export function governing(base: Governor) {
  const { client, machine } = base.surroundings;
  const awsBudgets = once(() => awsBudgetsOf(base));
  const creators = once(() =>
    cloudTrailCreators({
      cloudTrailIn: forEachRegion((region) => client(CloudTrailClient, region)),
      paceIn: forEachRegion(() => paceOf(machine, LOOKUP_EVENTS_PACE)),
      iam: client(IAMClient),
      now: machine.monotonic,
    }),
  );
  return async () => ({ ...(await base.start()), awsBudgets: awsBudgets(), creators: creators() });
}

/** The adapters of the function `profile-changed`. */
export function hearing(surroundings: Surroundings = inLambda()) {
  const base = governor(surroundings);
  const start = governing(base);
  const heard = bedrockProfiles(
    base.bedrockIn,
    forEachRegion(() => paceOf(surroundings.machine, EVENT_PACE)),
  );
  /** Answers events about profiles, and remembers for some seconds what it has seen. */
  const ears = new ProfileEars(async () => ({ ...(await start()), profiles: heard }), base.clock);
  return { ...base, ears };
}
