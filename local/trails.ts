import { membersOf } from './members.ts';
import { AwsFault, type Operation, type World } from './service.ts';

/**
 * The one trail of the embedded AWS: of all Regions, logging management events, as the events that it makes of Bedrock's
 * calls presuppose. A test that wants another one intercepts the calls.
 */
export function trailOperations(world: World): Readonly<Record<string, Operation>> {
  const name = 'management-events';
  const arn = `arn:aws:cloudtrail:${world.homeRegion}:${world.accountId}:trail/${name}`;
  const named = (input: Parameters<Operation>[0], member: string): void => {
    const asked = membersOf(input, (message) => new AwsFault('InvalidTrailNameException', message)).string(member);
    if (asked !== name && asked !== arn)
      throw new AwsFault('TrailNotFoundException', `Unknown trail: ${asked} for the user: ${world.accountId}`);
  };
  return {
    DescribeTrails: () => ({
      trailList: [
        {
          Name: name,
          TrailARN: arn,
          S3BucketName: `${name}-${world.accountId}`,
          HomeRegion: world.homeRegion,
          IsMultiRegionTrail: true,
          IsOrganizationTrail: false,
          IncludeGlobalServiceEvents: true,
          LogFileValidationEnabled: true,
          HasCustomEventSelectors: false,
          HasInsightSelectors: false,
        },
      ],
    }),
    GetTrailStatus(input) {
      named(input, 'Name');
      return { IsLogging: true };
    },
    GetEventSelectors(input) {
      named(input, 'TrailName');
      return {
        TrailARN: arn,
        EventSelectors: [
          { ReadWriteType: 'All', IncludeManagementEvents: true, DataResources: [], ExcludeManagementEventSources: [] },
        ],
      };
    },
  };
}
