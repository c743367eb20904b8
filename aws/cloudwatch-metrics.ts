import { type CloudWatchClient, type MetricDataQuery, paginateGetMetricData } from '@aws-sdk/client-cloudwatch';
import { type ProfileArn, profileIdOf, regionOf } from '../domain/profiles/profile-arn.ts';
import type { Metered, MeteredSpend, MeteredWindow } from '../domain/spending/metered-spend.ts';
import { addUsage, NO_USAGE, type Usage } from '../domain/spending/usage.ts';
import { HOUR_MS, hourAt, startOfHour, type TimeWindow } from '../domain/spending/usage-record.ts';
import { asking } from './asking.ts';

/**
 * The token metrics of a profile, in the namespace `AWS/Bedrock` under the dimension `ModelId`, which holds the profile's
 * id (Amazon Bedrock User Guide, monitoring runtime metrics; that it is the id is known from recordings of the API).
 */
const METERS = [
  { metric: 'InputTokenCount', member: 'inputTokens' },
  { metric: 'OutputTokenCount', member: 'outputTokens' },
  { metric: 'CacheReadInputTokenCount', member: 'cacheReadInputTokens' },
  { metric: 'CacheWriteInputTokenCount', member: 'cacheWrite5mInputTokens' },
] as const;

/** API reference, GetMetricData. */
const MAX_QUERIES = 500;
const PROFILES_IN_CALL = MAX_QUERIES / METERS.length;

/** Windows of one Region with the same ends, read together. */
interface Group extends TimeWindow {
  readonly region: string;
  readonly profiles: ProfileArn[];
}

type Reading = { readonly usage: Usage; readonly hasData: boolean } | { readonly unreadable: string };

/**
 * Metered tokens from CloudWatch, each profile's from its own Region. 125 profiles with the same window are read by one
 * call; whole hours by the hour, which CloudWatch keeps for 455 days, and what is left of the last one by the minute.
 *
 * CloudWatch bills each metric that is asked for: four for each profile, and four more where a window does not end with an
 * hour.
 *
 * A metric without data points cannot be told from one that does not exist. It counts as zero only where the same window
 * of the same Region has data points of some profile, so that the metrics are certainly where they are looked for.
 */
export function cloudWatchMetrics(clientFor: (region: string) => CloudWatchClient): MeteredSpend {
  return {
    async read(windows) {
      const readings = new Map<MeteredWindow, Metered>();
      for (const [group, members] of groupsOf(windows)) {
        const parts = await readParts(clientFor(group.region), group);
        const isHeardOf = [...parts.values()].some((reading) => 'usage' in reading && reading.hasData);
        for (const window of members) readings.set(window, meteredOf(parts.get(window.profile), isHeardOf));
      }
      return windows.map((window) => readings.get(window) ?? meteredOf(undefined, false));
    },
  };
}

function meteredOf(reading: Reading | undefined, isHeardOf: boolean): Metered {
  if (reading === undefined) return { kind: 'unreadable', why: 'the answer does not name the profile' };
  if ('unreadable' in reading) return { kind: 'unreadable', why: reading.unreadable };
  return isHeardOf ? { kind: 'told', usage: reading.usage } : { kind: 'silent' };
}

function groupsOf(windows: readonly MeteredWindow[]): Map<Group, MeteredWindow[]> {
  const byName = new Map<string, { readonly group: Group; readonly members: MeteredWindow[] }>();
  for (const window of windows) {
    const { profile, from, until } = window;
    const region = regionOf(profile);
    const name = `${region} ${from} ${until}`;
    const known = byName.get(name) ?? { group: { region, from, until, profiles: [] }, members: [] };
    known.members.push(window);
    if (!known.group.profiles.includes(profile)) known.group.profiles.push(profile);
    byName.set(name, known);
  }
  return new Map([...byName.values()].map(({ group, members }) => [group, members]));
}

/** Reads the hours of a group and then its minutes; what failed in either is unreadable. */
async function readParts(client: CloudWatchClient, group: Group): Promise<Map<ProfileArn, Reading>> {
  const lastHour = startOfHour(hourAt(group.until));
  const split = lastHour > group.from ? lastHour : group.from;
  const parts = [
    { from: group.from, until: split, periodMs: group.from % HOUR_MS === 0 ? HOUR_MS : 60_000 },
    { from: split, until: group.until, periodMs: 60_000 },
  ].filter(({ from, until }) => from < until);
  const readings = new Map<ProfileArn, Reading>(
    group.profiles.map((profile) => [profile, { usage: NO_USAGE, hasData: false }]),
  );
  for (const part of parts)
    for (let first = 0; first < group.profiles.length; first += PROFILES_IN_CALL) {
      const profiles = group.profiles.slice(first, first + PROFILES_IN_CALL);
      for (const [profile, reading] of await readBatch(client, group.region, profiles, part))
        readings.set(profile, addReading(readings.get(profile), reading));
    }
  return readings;
}

function addReading(one: Reading | undefined, other: Reading): Reading {
  if (one === undefined || 'unreadable' in other) return other;
  if ('unreadable' in one) return one;
  return { usage: addUsage(one.usage, other.usage), hasData: one.hasData || other.hasData };
}

type Part = TimeWindow & { readonly periodMs: number };

async function readBatch(
  client: CloudWatchClient,
  region: string,
  profiles: readonly ProfileArn[],
  part: Part,
): Promise<Map<ProfileArn, Reading>> {
  try {
    const sums = await readSums(client, region, profiles, part);
    return new Map(profiles.map((profile, index) => [profile, readingOf(index, sums)]));
  } catch (error) {
    const unreadable = error instanceof Error ? error.message : String(error);
    return new Map(profiles.map((profile) => [profile, { unreadable }]));
  }
}

/** What the pages of an answer say of one query so far. */
interface Sum {
  readonly total: number;
  readonly hasData: boolean;
  /** Of the last page that names the query: only `Complete` says that nothing is missing. */
  readonly status: string;
}

async function readSums(
  client: CloudWatchClient,
  region: string,
  profiles: readonly ProfileArn[],
  { from, until, periodMs }: Part,
): Promise<ReadonlyMap<string, Sum>> {
  const sums = new Map<string, Sum>();
  const pages = paginateGetMetricData(
    { client },
    {
      MetricDataQueries: profiles.flatMap((profile, index) => queriesOf(profile, index, periodMs / 1_000)),
      StartTime: new Date(from),
      EndTime: new Date(until),
    },
  );
  for (;;) {
    const page = await asking(`reading the token metrics of ${region}`, () => pages.next());
    if (page.done === true) return sums;
    const [message] = page.value.Messages ?? [];
    if (message !== undefined) throw new Error(`${message.Code ?? 'CloudWatch says'}: ${message.Value ?? ''}`);
    for (const { Id = '', Values = [], StatusCode = 'none' } of page.value.MetricDataResults ?? []) {
      const before = sums.get(Id);
      sums.set(Id, {
        total: Values.reduce((total, value) => total + value, before?.total ?? 0),
        hasData: before?.hasData === true || Values.length > 0,
        status: StatusCode,
      });
    }
  }
}

const idOf = (profile: number, meter: number): string => `p${profile}_${meter}`;

const queriesOf = (profile: ProfileArn, index: number, Period: number): MetricDataQuery[] =>
  METERS.map(({ metric }, meter) => ({
    Id: idOf(index, meter),
    MetricStat: {
      Metric: {
        Namespace: 'AWS/Bedrock',
        MetricName: metric,
        Dimensions: [{ Name: 'ModelId', Value: profileIdOf(profile) }],
      },
      Period,
      Stat: 'Sum',
    },
  }));

function readingOf(profile: number, sums: ReadonlyMap<string, Sum>): Reading {
  const usage: Record<(typeof METERS)[number]['member'], number> = { ...NO_USAGE };
  let hasData = false;
  for (const [meter, { metric, member }] of METERS.entries()) {
    const sum = sums.get(idOf(profile, meter));
    if (sum?.status !== 'Complete') return { unreadable: `${metric} is ${sum?.status ?? 'missing in the answer'}` };
    if (!Number.isSafeInteger(sum.total) || sum.total < 0)
      return { unreadable: `${metric} is ${sum.total}, which is no count` };
    usage[member] = sum.total;
    hasData ||= sum.hasData;
  }
  return { usage: { ...NO_USAGE, ...usage }, hasData };
}
