import { isObject, type Members, membersOf } from '../members.ts';
import { AwsFault, type JsonObject } from '../service.ts';
import { type CostFilter, readFilter } from './filter.ts';
import { type Period, periodAt, TIME_UNITS, type TimeUnit } from './period.ts';
import { decimalUsd, parseUsd } from './usd.ts';

/** A budget as it was defined. */
export interface BudgetDefinition {
  readonly name: string;
  readonly timeUnit: TimeUnit;
  /** Validity of the budget; of a custom budget also its one period. */
  readonly timePeriod: Period;
  readonly filter: CostFilter;
  /** In nano-US-dollars, for the period that begins at `start`. */
  limitFor(start: number): bigint;
  /** The members that DescribeBudget answers as they were given. */
  readonly given: JsonObject;
}

/** Members of Budget that are kept and answered as given. */
const KEPT = [
  'BudgetName',
  'BudgetType',
  'TimeUnit',
  'CostFilters',
  'CostTypes',
  'FilterExpression',
  'Metrics',
  'BillingViewArn',
] as const;

const METRICS = ['UnblendedCost', 'BlendedCost', 'AmortizedCost', 'NetUnblendedCost', 'NetAmortizedCost'];

/** 2087-06-15T00:00Z, when a budget without an end ends. [API reference, TimePeriod] */
const FOREVER = Date.UTC(2087, 5, 15);

const invalid = (message: string): AwsFault => new AwsFault('InvalidParameterException', message);
const members = (input: JsonObject): Members => membersOf(input, invalid);

/**
 * Reads and checks the `Budget` structure of CreateBudget and UpdateBudget. Only cost budgets are embedded.
 *
 * @param now decides the default start
 * @throws {AwsFault} InvalidParameterException
 */
export function readBudget(budget: JsonObject, now: number): BudgetDefinition {
  const read = members(budget);
  const name = read.string('BudgetName');
  checkName(name);
  const timeUnit = TIME_UNITS.find((unit) => unit === read.string('TimeUnit'));
  if (timeUnit === undefined) throw invalid(`TimeUnit must be one of ${TIME_UNITS.join(', ')}.`);
  if (read.string('BudgetType') !== 'COST') throw invalid(`BudgetType ${read.string('BudgetType')} is not embedded.`);
  const present = (member: string): boolean => budget[member] !== undefined && budget[member] !== null;
  if ((present('FilterExpression') || present('Metrics')) && (present('CostFilters') || present('CostTypes'))) {
    throw invalid('FilterExpression and Metrics cannot be used together with CostFilters and CostTypes.');
  }
  const metrics = read.strings('Metrics');
  if (present('Metrics') && (metrics.length !== 1 || !METRICS.includes(metrics[0] ?? ''))) {
    throw invalid(`Metrics must hold exactly one of ${METRICS.join(', ')}.`);
  }
  if (present('AutoAdjustData')) throw invalid('AutoAdjustData is not embedded.');
  const timePeriod = readTimePeriod(read.optionalObject('TimePeriod') ?? {}, timeUnit, now);
  const limits = readLimits(read);
  const kept = Object.fromEntries(KEPT.filter(present).map((member) => [member, budget[member]]));
  return {
    name,
    timeUnit,
    timePeriod,
    filter: readFilter(budget),
    limitFor: limits.limitFor,
    given: {
      ...kept,
      ...limits.given,
      TimePeriod: { Start: timePeriod.start / 1000, End: timePeriod.end / 1000 },
    },
  };
}

/** `^(?![^:\\]*\/action\/|(?i).*<script>.*<\/script>.*)[^:\\]+$`, 1 to 100 characters. [Smithy model] */
function checkName(name: string): void {
  const refused =
    name.length > 100 || !/^[^:\\]+$/.test(name) || /\/action\//.test(name) || /<script>.*<\/script>/i.test(name);
  if (refused) {
    throw invalid(
      `1 validation error detected: Value '${name}' at 'budget.budgetName' failed to satisfy constraint: Member must have length 1 to 100 and contain neither ':' nor '\\' nor '/action/'`,
    );
  }
}

function readLimits(read: Members): { limitFor: (start: number) => bigint; given: JsonObject } {
  const limit = read.optionalObject('BudgetLimit');
  const planned = read.optionalObject('PlannedBudgetLimits');
  if ((limit === undefined) === (planned === undefined)) {
    throw invalid('Exactly one of BudgetLimit and PlannedBudgetLimits must be given.');
  }
  if (limit !== undefined) {
    const amount = readSpend(limit);
    return { limitFor: () => amount, given: { BudgetLimit: spend(amount) } };
  }
  const byStart = new Map(
    Object.entries(planned ?? {}).map(([seconds, value]) => {
      if (!/^\d+$/.test(seconds) || !isObject(value)) throw invalid('PlannedBudgetLimits maps epoch seconds to Spend.');
      return [Number(seconds) * 1000, readSpend(value)];
    }),
  );
  return {
    limitFor: (start) => byStart.get(start) ?? 0n,
    given: {
      PlannedBudgetLimits: Object.fromEntries([...byStart].map(([start, amount]) => [start / 1000, spend(amount)])),
    },
  };
}

function readSpend(structure: JsonObject): bigint {
  const read = members(structure);
  if (read.string('Unit') !== 'USD') throw invalid(`Unit ${read.string('Unit')} is not embedded: only USD is.`);
  const amount = parseUsd(read.string('Amount'));
  if (amount === undefined || amount === 0n) throw invalid('Amount must be a number greater than 0.');
  return amount;
}

export const spend = (nanoUsd: bigint): JsonObject => ({ Amount: decimalUsd(nanoUsd), Unit: 'USD' });

function readTimePeriod(period: JsonObject, unit: TimeUnit, now: number): Period {
  const read = members(period);
  const start = read.optionalNumber('Start');
  const end = read.optionalNumber('End');
  if (unit === 'CUSTOM') {
    if (start === undefined || end === undefined) throw invalid('A CUSTOM budget needs Start and End.');
    if (end - start > 3 * 366 * 86_400) throw invalid('A CUSTOM budget may last three years at most.');
  }
  const result = {
    start: start === undefined ? periodAt(unit, now, { start: 0, end: 0 }).start : start * 1000,
    end: end === undefined ? FOREVER : end * 1000,
  };
  if (result.start >= result.end) throw invalid('Start must be before End.');
  return result;
}
