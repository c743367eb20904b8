import { type Members, membersOf } from '../members.ts';
import { AwsFault, type JsonObject } from '../service.ts';
import { isUnder, type Tier } from './parameter-rules.ts';

/** What filters look at. */
export interface FilteredParameter {
  readonly name: string;
  readonly type: string;
  readonly tier: Tier;
}

type Filter = (parameter: FilteredParameter) => boolean;

const invalid = (message: string): AwsFault => new AwsFault('ValidationException', message);

/**
 * The filters of names, paths, tiers and types; those of labels, tags, keys and data types are not embedded. A parameter
 * passes where one value of each filter fits.
 *
 * @param keys what the operation may be asked for
 */
export function readParameterFilters(filters: readonly JsonObject[], keys: readonly string[]): Filter {
  const all = filters.map((filter) => {
    const members = membersOf(filter, invalid);
    const key = members.string('Key');
    if (!keys.includes(key)) throw new AwsFault('InvalidFilterKey', `The filter ${key} is not embedded here.`);
    return readFilter(key, members);
  });
  return (parameter) => all.every((isWanted) => isWanted(parameter));
}

function readFilter(key: string, members: Members): Filter {
  const values = members.strings('Values');
  if (values.length === 0) throw new AwsFault('InvalidFilterValue', `The filter ${key} has no value.`);
  const option = members.optionalString('Option');
  if (key === 'Path') {
    if (option !== undefined && option !== 'OneLevel' && option !== 'Recursive') throw noOption(key, option);
    return ({ name }) => values.some((path) => isUnder(path, name, option === 'Recursive'));
  }
  const of: (parameter: FilteredParameter) => string =
    key === 'Name' ? ({ name }) => name : key === 'Tier' ? ({ tier }) => tier : ({ type }) => type;
  if (option === undefined || option === 'Equals') return (parameter) => values.includes(of(parameter));
  if (option === 'BeginsWith') return (parameter) => values.some((value) => of(parameter).startsWith(value));
  if (option === 'Contains' && key === 'Name')
    return (parameter) => values.some((value) => of(parameter).includes(value));
  throw noOption(key, option);
}

const noOption = (key: string, option: string): AwsFault =>
  new AwsFault('InvalidFilterOption', `The option ${option} of the filter ${key} is not valid.`);
