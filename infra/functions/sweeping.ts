import { ResourceGroupsTaggingAPIClient } from '@aws-sdk/client-resource-groups-tagging-api';
import { SSMClient } from '@aws-sdk/client-ssm';
import { bedrockProfileRemover } from '../../aws/bedrock-profile-remover.ts';
import { cloudWatchInvocations } from '../../aws/cloudwatch-invocations.ts';
import { sweepProgressTable } from '../../aws/dynamodb/sweep-progress-table.ts';
import { GET_RESOURCES_PACE, paceOf } from '../../aws/pace.ts';
import { indexParameter } from '../../aws/parameter-index.ts';
import { powertoolsGauges } from '../../aws/powertools-journal.ts';
import { taggedResources } from '../../aws/tagged-resources.ts';
import { bulkTags } from '../../aws/tagging-profiles.ts';
import { governor } from '../composition.ts';
import { forEachRegion, once } from '../made-once.ts';
import { inLambda, type Surroundings } from '../surroundings.ts';
import { governing } from './governing.ts';
import { meteredUsage } from './metered-usage.ts';

/** The adapters of the function `sweep`. */
export function sweeping(surroundings: Surroundings = inLambda()) {
  const { client, machine } = surroundings;
  const base = governor(surroundings);
  const { settings, dynamo, table, metrics, bedrockIn, paceIn } = base;
  const governed = governing(base);
  const taggingIn = forEachRegion((region) => client(ResourceGroupsTaggingAPIClient, region));
  const taggingPace = paceOf(machine, GET_RESOURCES_PACE);
  const { cloudWatchIn, trueUp } = meteredUsage(base);
  const published = once(() => indexParameter(client(SSMClient), settings.GOVERNOR_INDEX_PARAMETER));
  const start = async () => ({
    ...(await governed()),
    bulkTags: bulkTags({ clientFor: taggingIn, pace: taggingPace }),
    remover: bedrockProfileRemover(bedrockIn, paceIn),
    invocations: cloudWatchInvocations(cloudWatchIn),
    progress: sweepProgressTable(dynamo, table),
    gauges: powertoolsGauges(metrics),
    ...trueUp,
    resources: taggedResources(taggingIn, taggingPace),
    published: published(),
  });
  return { ...base, start };
}
