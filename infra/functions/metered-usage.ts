import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { cloudWatchMetrics } from '../../aws/cloudwatch-metrics.ts';
import { checkpointsTable } from '../../aws/dynamodb/checkpoints-table.ts';
import { UsageReadings } from '../../domain/spending/usage-readings.ts';
import type { Governor } from '../composition.ts';
import { forEachRegion } from '../made-once.ts';

/** What a true-up needs besides: what helpers have recorded, what CloudWatch has metered, and how far they were compared. */
export function meteredUsage({ records, clock, dynamo, table, surroundings: { client } }: Governor) {
  const cloudWatchIn = forEachRegion((region) => client(CloudWatchClient, region));
  const readings = new UsageReadings({ records, metered: cloudWatchMetrics(cloudWatchIn), clock });
  return { cloudWatchIn, trueUp: { readings, checkpoints: checkpointsTable(dynamo, table) } };
}
