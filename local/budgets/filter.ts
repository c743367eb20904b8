import { isObject, type Members, membersOf } from '../members.ts';
import { AwsFault, type BilledUsage, type JsonObject } from '../service.ts';

/** Which billed usage a budget counts. */
export type CostFilter = (usage: BilledUsage) => boolean;

const invalid = (message: string): AwsFault => new AwsFault('InvalidParameterException', message);
const members = (input: JsonObject): Members => membersOf(input, invalid);

/** Providers whose models AWS bills through the Marketplace, each model as a service of its own. */
const MARKETPLACE_PROVIDERS = new Set(['anthropic', 'cohere', 'ai21', 'stability', 'luma', 'twelvelabs', 'writer']);

const providerOf = (usage: BilledUsage): string => usage.foundationModelId.split('.')[0] ?? '';

/** Dimensions of the billing records that exist here. */
const DIMENSIONS: Readonly<Record<string, (usage: BilledUsage) => string>> = {
  SERVICE: serviceOf,
  RECORD_TYPE: () => 'Usage',
  REGION: (usage) => usage.region,
  LINKED_ACCOUNT: (usage) => usage.accountId,
  BILLING_ENTITY: (usage) => (MARKETPLACE_PROVIDERS.has(providerOf(usage)) ? 'AWS Marketplace' : 'AWS'),
};

const LEGACY_DIMENSIONS: Readonly<Record<string, string>> = {
  Service: 'SERVICE',
  Region: 'REGION',
  LinkedAccount: 'LINKED_ACCOUNT',
  BillingEntity: 'BILLING_ENTITY',
};

/**
 * The SERVICE of a billing record: `Amazon Bedrock`, or for a model that is billed through the Marketplace its name,
 * such as `Claude Sonnet 4.5 (Amazon Bedrock Edition)`, here derived from the model id.
 */
export function serviceOf(usage: BilledUsage): string {
  if (!MARKETPLACE_PROVIDERS.has(providerOf(usage))) return 'Amazon Bedrock';
  const name = usage.foundationModelId
    .replace(/^[^.]+\./, '')
    .replace(/(-v\d+)?(:\d+)?$/, '')
    .replace(/-\d{8}$/, '')
    .replaceAll(/(\d)-(\d)/g, '$1.$2')
    .split('-')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join(' ');
  return `${name} (Amazon Bedrock Edition)`;
}

/** Compiles `FilterExpression`. @throws {AwsFault} InvalidParameterException */
export function readFilterExpression(expression: JsonObject): CostFilter {
  const given = Object.entries(expression).filter(([, value]) => value !== undefined && value !== null);
  const [only] = given;
  if (given.length !== 1 || only === undefined) {
    throw invalid('Expression must have exactly one of And, Or, Not, Tags, Dimensions and CostCategories.');
  }
  const read = members(expression);
  switch (only[0]) {
    case 'And':
    case 'Or': {
      const operands = read.objects(only[0]).map(readFilterExpression);
      if (operands.length < 2) throw invalid(`${only[0]} needs at least two operands.`);
      return only[0] === 'And'
        ? (usage) => operands.every((operand) => operand(usage))
        : (usage) => operands.some((operand) => operand(usage));
    }
    case 'Not': {
      const operand = readFilterExpression(read.object('Not'));
      return (usage) => !operand(usage);
    }
    case 'Tags': {
      const tag = read.object('Tags');
      const key = members(tag).string('Key');
      return readValues(tag, (usage) => (Object.hasOwn(usage.tags, key) ? usage.tags[key] : undefined));
    }
    case 'Dimensions': {
      const dimension = read.object('Dimensions');
      const key = members(dimension).string('Key');
      const valueIn = DIMENSIONS[key];
      if (valueIn === undefined) throw invalid(`Dimension ${key} is not embedded.`);
      return readValues(dimension, valueIn);
    }
    default:
      throw invalid(`${only[0]} is not embedded.`);
  }
}

type Compare = (actual: string, expected: string) => boolean;

const COMPARISONS: Readonly<Record<string, Compare>> = {
  EQUALS: (actual, expected) => actual === expected,
  STARTS_WITH: (actual, expected) => actual.startsWith(expected),
  ENDS_WITH: (actual, expected) => actual.endsWith(expected),
  CONTAINS: (actual, expected) => actual.includes(expected),
};

function readValues(structure: JsonObject, valueIn: (usage: BilledUsage) => string | undefined): CostFilter {
  const read = members(structure);
  const options = read.strings('MatchOptions');
  const values = read.strings('Values');
  if (options.includes('ABSENT')) {
    if (values.length > 0) throw invalid('MatchOptions ABSENT takes no Values.');
    return (usage) => valueIn(usage) === undefined;
  }
  if (values.length === 0) throw invalid('Values must not be empty.');
  const ignoringCase = options.includes('CASE_INSENSITIVE');
  const comparisons = options.filter((option) => option !== 'CASE_SENSITIVE' && option !== 'CASE_INSENSITIVE');
  const [name = 'EQUALS', ...more] = comparisons;
  const compare = COMPARISONS[name];
  if (compare === undefined || more.length > 0) throw invalid(`MatchOptions ${options.join(', ')} is not valid here.`);
  const fold = (text: string): string => (ignoringCase ? text.toLowerCase() : text);
  return (usage) => {
    const actual = valueIn(usage);
    return actual !== undefined && values.some((expected) => compare(fold(actual), fold(expected)));
  };
}

/**
 * Compiles the legacy `CostFilters`: the keys are a conjunction, the values of each a disjunction. A tag value is
 * written `user:<key>$<value>`.
 *
 * @throws {AwsFault} InvalidParameterException
 */
export function readCostFilters(filters: JsonObject): CostFilter {
  const conjunction = Object.keys(filters).map((key): CostFilter => {
    const values = members(filters).strings(key);
    if (key === 'TagKeyValue') {
      const tags = values.map(readTagKeyValue);
      return (usage) => tags.some((tag) => usage.tags[tag.key] === tag.value);
    }
    const valueIn = DIMENSIONS[LEGACY_DIMENSIONS[key] ?? ''];
    if (valueIn === undefined) throw invalid(`Cost filter ${key} is not embedded.`);
    return (usage) => values.includes(valueIn(usage));
  });
  return (usage) => conjunction.every((filter) => filter(usage));
}

function readTagKeyValue(text: string): { readonly key: string; readonly value: string } {
  const [, key, value] = /^user:([^$]+)\$(.*)$/s.exec(text) ?? [];
  if (key === undefined || value === undefined) throw invalid(`TagKeyValue ${text} is not of the form user:key$value.`);
  return { key, value };
}

const everything: CostFilter = () => true;

/** The filter of a budget's definition. @throws {AwsFault} InvalidParameterException */
export function readFilter(budget: JsonObject): CostFilter {
  const expression = budget['FilterExpression'];
  if (isObject(expression)) return readFilterExpression(expression);
  const filters = budget['CostFilters'];
  return isObject(filters) ? readCostFilters(filters) : everything;
}
