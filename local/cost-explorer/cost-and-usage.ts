import { readFilterExpression, serviceOf } from '../budgets/filter.ts';
import { isObject } from '../members.ts';
import type { BilledUsage, Json, JsonObject, Operation, World } from '../service.ts';
import type { CostAllocationTags } from './cost-allocation-tags.ts';
import { cutPage, invalid, members } from './refusals.ts';

const DAY_MS = 86_400_000;
/** AWS keeps 13 months and what has passed of the current one. */
const HISTORY_MS = 396 * DAY_MS;

type GroupKey = (usage: BilledUsage) => string;

const DIMENSIONS: Readonly<Record<string, GroupKey>> = {
  SERVICE: serviceOf,
  RECORD_TYPE: () => 'Usage',
  REGION: (usage) => usage.region,
  LINKED_ACCOUNT: (usage) => usage.accountId,
};

interface CostAndUsageOptions {
  readonly world: World;
  readonly tags: CostAllocationTags;
  readonly groupsPerPage: number;
  /** Billing records up to this time are there. */
  readonly visibleUntil: () => number;
}

/** GetCostAndUsage by days or months, of unblended cost. Hours and other metrics are not embedded. */
export function costAndUsage({
  world,
  tags,
  groupsPerPage,
  visibleUntil,
}: CostAndUsageOptions): Readonly<Record<string, Operation>> {
  return {
    GetCostAndUsage(input) {
      const read = members(input);
      const period = readPeriod(read.object('TimePeriod'), world.clock.now());
      const granularity = read.string('Granularity');
      if (granularity !== 'DAILY' && granularity !== 'MONTHLY')
        throw invalid('Only DAILY and MONTHLY granularity are embedded.');
      if (read.strings('Metrics').join() !== 'UnblendedCost')
        throw invalid('Only the metric UnblendedCost is embedded.');
      const definitions = read.objects('GroupBy');
      const keys = definitions.map(readGroup);
      if (keys.length > 2) throw invalid('GroupBy must hold two groups at most.');
      const filter = input['Filter'];
      if (filter !== undefined) refuseMatchOptions(filter);
      const counts = isObject(filter) ? readFilterExpression(filter) : () => true;
      const until = visibleUntil();
      const cells = spansOf(period, granularity).flatMap((span): Cell[] => {
        const spent = world.billing
          .filter(({ at }) => at >= span.start && at < span.end && at <= until)
          .map((usage) => tags.asBilled(usage))
          .filter(counts);
        const groups = [...sums(spent, keys)].sort(([a], [b]) => (a < b ? -1 : 1));
        return groups.length === 0 ? [{ span, group: undefined }] : groups.map(([, group]) => ({ span, group }));
      });
      const { items, next } = cutPage(cells, groupsPerPage, read.optionalString('NextPageToken'));
      const shown = [...new Set(items.map(({ span }) => span))];
      return {
        GroupDefinitions: definitions,
        ResultsByTime: shown.map((span) => {
          const groups = items.flatMap((cell) => (cell.span === span && cell.group !== undefined ? cell.group : []));
          return {
            TimePeriod: { Start: dayOf(span.start), End: dayOf(span.end) },
            ...(keys.length === 0
              ? { Total: cost(groups.reduce((sum, { nano }) => sum + nano, 0n)), Groups: [] }
              : { Total: {}, Groups: groups.map(({ Keys, nano }) => ({ Keys: [...Keys], Metrics: cost(nano) })) }),
            // Figures are final when the bill is, after the month's end.
            Estimated: dayOf(span.start).slice(0, 7) === dayOf(world.clock.now()).slice(0, 7),
          };
        }),
        ...(next === undefined ? {} : { NextPageToken: next }),
      };
    },
  };
}

interface Group {
  readonly Keys: readonly string[];
  readonly nano: bigint;
}

/** A day, or a month as far as it was asked for. */
interface Span {
  readonly start: number;
  /** The first instant after. */
  readonly end: number;
}

/** A group of a span, or the span alone where it has none. */
interface Cell {
  readonly span: Span;
  readonly group: Group | undefined;
}

function sums(spent: readonly BilledUsage[], keys: readonly GroupKey[]) {
  const groups = new Map<string, Group>();
  for (const usage of spent) {
    const Keys = keys.map((key) => key(usage));
    const name = JSON.stringify(Keys);
    groups.set(name, { Keys, nano: (groups.get(name)?.nano ?? 0n) + usage.costNanoUsd });
  }
  return groups;
}

/** Ten decimals, as Cost Explorer answers. */
function cost(nano: bigint): JsonObject {
  const amount = `${nano / 1_000_000_000n}.${(nano % 1_000_000_000n).toString().padStart(9, '0')}0`;
  return { UnblendedCost: { Amount: amount, Unit: 'USD' } };
}

const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10);

function readPeriod(period: JsonObject, now: number): Span {
  const [start, end] = [members(period).string('Start'), members(period).string('End')].map((day) => {
    const at = Date.parse(`${day}T00:00:00Z`);
    if (!/^\d{4}-\d{2}-\d{2}$/.test(day) || Number.isNaN(at))
      throw invalid(`${day} is no date of the form YYYY-MM-DD.`);
    return at;
  });
  if (start === undefined || end === undefined || start >= end)
    throw invalid('Start date (and hour) should be before end date (and hour)');
  if (start > now) throw invalid('Start date must be equal to or no later than the current date.');
  if (start < now - HISTORY_MS) throw invalid('You requested data beyond the history limit.');
  return { start, end };
}

/** The first and the last month begin and end where the period does. */
function spansOf({ start, end }: Span, granularity: 'DAILY' | 'MONTHLY'): Span[] {
  const spans: Span[] = [];
  for (let at = start; at < end; ) {
    const day = new Date(at);
    const next = granularity === 'DAILY' ? at + DAY_MS : Date.UTC(day.getUTCFullYear(), day.getUTCMonth() + 1);
    spans.push({ start: at, end: Math.min(next, end) });
    at = next;
  }
  return spans;
}

function readGroup(definition: JsonObject): GroupKey {
  const [type, key] = [members(definition).string('Type'), members(definition).string('Key')];
  if (type === 'TAG') return ({ tags }) => `${key}$${Object.hasOwn(tags, key) ? tags[key] : ''}`;
  const dimension = type === 'DIMENSION' ? DIMENSIONS[key] : undefined;
  if (dimension === undefined) throw invalid(`GroupBy ${type} ${key} is not embedded.`);
  return dimension;
}

/** GetCostAndUsage takes fewer options than AWS Budgets. [API reference, GetCostAndUsage, Filter] */
function refuseMatchOptions(part: Json | undefined): void {
  if (Array.isArray(part)) for (const element of part) refuseMatchOptions(element);
  if (!isObject(part)) return;
  for (const [name, value] of Object.entries(part))
    if (name === 'Dimensions' && isObject(value)) {
      const options = members(value).strings('MatchOptions');
      if (options.some((option) => option !== 'EQUALS' && option !== 'CASE_SENSITIVE'))
        throw invalid(`MatchOptions ${options.join()} is not valid for Dimensions.`);
    } else refuseMatchOptions(value);
}
