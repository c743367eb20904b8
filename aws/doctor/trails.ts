import {
  type AdvancedEventSelector,
  type CloudTrailClient,
  DescribeTrailsCommand,
  type EventSelector,
  GetEventSelectorsCommand,
  GetTrailStatusCommand,
} from '@aws-sdk/client-cloudtrail';
import type { Trail } from '../../domain/doctor/account.ts';
import { asking } from '../asking.ts';

/** The trails that log in the client's Region: its own, those of all Regions, and the organisation's as far as it may be read. */
export async function trailsOf(client: CloudTrailClient): Promise<readonly Trail[]> {
  const { trailList = [] } = await asking('reading the trails', () =>
    client.send(new DescribeTrailsCommand({ includeShadowTrails: true })),
  );
  const trails: Trail[] = [];
  for (const { TrailARN: arn, Name: name } of trailList) {
    if (arn === undefined) continue;
    trails.push(
      await asking(`reading the trail ${arn}`, async () => {
        const { IsLogging } = await client.send(new GetTrailStatusCommand({ Name: arn }));
        const { EventSelectors = [], AdvancedEventSelectors = [] } = await client.send(
          new GetEventSelectorsCommand({ TrailName: arn }),
        );
        return {
          name: name ?? arn,
          isLogging: IsLogging === true,
          logsWrites: EventSelectors.some(logsWrites) || AdvancedEventSelectors.some(logsWritesToo),
        };
      }),
    );
  }
  return trails;
}

const logsWrites = ({ IncludeManagementEvents, ReadWriteType }: EventSelector): boolean =>
  IncludeManagementEvents !== false && ReadWriteType !== 'ReadOnly';

/** One that selects by anything but the category may leave Bedrock out: it counts as long as it does not say so of `readOnly`. */
const logsWritesToo = ({ FieldSelectors = [] }: AdvancedEventSelector): boolean =>
  FieldSelectors.some(({ Field, Equals = [] }) => Field === 'eventCategory' && Equals.includes('Management')) &&
  !FieldSelectors.some(({ Field, Equals = [] }) => Field === 'readOnly' && Equals.includes('true'));
