import { type CloudWatchClient, paginateGetMetricData } from '@aws-sdk/client-cloudwatch';
import type { InvocationCount, InvocationCounts } from '../domain/profiles/invocation-counts.ts';
import { type ProfileArn, profileIdOf } from '../domain/profiles/profile-arn.ts';
import type { TimeWindow } from '../domain/spending/usage-record.ts';
import { asking } from './asking.ts';

/** API reference, GetMetricData. */
const MAX_QUERIES = 500;
/** Kept by CloudWatch for 455 days. */
const DAY_SECONDS = 86_400;

/**
 * The metric `Invocations` of profiles, in the namespace `AWS/Bedrock` under the dimension `ModelId` (Amazon Bedrock User
 * Guide, monitoring runtime metrics), by the day. Also models without tokens are counted in it.
 */
export function cloudWatchInvocations(clientFor: (region: string) => CloudWatchClient): InvocationCounts {
  return {
    async read(region, profiles, window) {
      const counts = new Map<ProfileArn, InvocationCount>();
      for (let first = 0; first < profiles.length; first += MAX_QUERIES) {
        const some = profiles.slice(first, first + MAX_QUERIES);
        for (const [profile, count] of await readBatch(clientFor(region), region, some, window))
          counts.set(profile, count);
      }
      return counts;
    },
  };
}

async function readBatch(
  client: CloudWatchClient,
  region: string,
  profiles: readonly ProfileArn[],
  { from, until }: TimeWindow,
): Promise<Map<ProfileArn, InvocationCount>> {
  const counts = new Map<ProfileArn, InvocationCount>();
  const pages = paginateGetMetricData(
    { client },
    {
      MetricDataQueries: profiles.map((profile, index) => ({
        Id: `p${index}`,
        MetricStat: {
          Metric: {
            Namespace: 'AWS/Bedrock',
            MetricName: 'Invocations',
            Dimensions: [{ Name: 'ModelId', Value: profileIdOf(profile) }],
          },
          Period: DAY_SECONDS,
          Stat: 'Sum',
        },
      })),
      StartTime: new Date(from),
      EndTime: new Date(until),
    },
  );
  for (;;) {
    const page = await asking(`reading the invocations of ${region}`, () => pages.next());
    if (page.done === true) return counts;
    const [message] = page.value.Messages ?? [];
    for (const { Id = '', Values = [], StatusCode = 'none' } of page.value.MetricDataResults ?? []) {
      const profile = profiles[Number(Id.slice(1))];
      if (profile === undefined) continue;
      counts.set(profile, countOf(counts.get(profile), Values, message?.Value ?? StatusCode));
    }
  }
}

/** A profile that was invoked on any page was invoked; only `Complete` on the last one says that nothing is missing. */
function countOf(before: InvocationCount | undefined, values: readonly number[], status: string): InvocationCount {
  const more = values.reduce((sum, value) => sum + value, 0);
  const known = before?.kind === 'told' ? before.invocations : 0;
  if (known + more > 0 || before?.kind === 'told' || values.length > 0)
    return { kind: 'told', invocations: known + more };
  return status === 'Complete' ? { kind: 'silent' } : { kind: 'unreadable', why: `its invocations are ${status}` };
}
