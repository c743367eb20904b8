import { membersOf } from './members.ts';
import { AwsFault, type JsonObject } from './service.ts';

/** What `ListSecrets` looks at. */
export interface ListedSecret {
  readonly name: string;
  readonly createdAt: number;
  readonly changedAt: number;
}

export const badParameter = (message: string): AwsFault => new AwsFault('InvalidParameterException', message);

/** By the beginning of the name, in its case of letters; a value after `!` is not to be one. [API model, Filter] */
export function readSecretFilters(filters: readonly JsonObject[]): (secret: ListedSecret) => boolean {
  const all = filters.map((filter) => {
    const members = membersOf(filter, badParameter);
    const key = members.string('Key');
    if (key !== 'name') throw badParameter(`The filter ${key} is not embedded.`);
    const values = members.strings('Values');
    return ({ name }: ListedSecret): boolean =>
      values.some((value) => (value.startsWith('!') ? !name.startsWith(value.slice(1)) : name.startsWith(value)));
  });
  return (secret) => all.every((isWanted) => isWanted(secret));
}

const ORDERS: Readonly<Record<string, (secret: ListedSecret) => number | string>> = {
  'created-date': ({ createdAt }) => createdAt,
  'last-changed-date': ({ changedAt }) => changedAt,
  name: ({ name }) => name,
};

/** UNVERIFIED which order is meant where none is asked for. */
export function readOrder(by = 'created-date', order = 'asc'): (one: ListedSecret, other: ListedSecret) => number {
  const of = Object.hasOwn(ORDERS, by) ? ORDERS[by] : undefined;
  if (of === undefined) throw badParameter(`The order by ${by} is not embedded.`);
  if (order !== 'asc' && order !== 'desc') throw badParameter(`SortOrder must be asc or desc, not ${order}.`);
  const sign = order === 'asc' ? 1 : -1;
  return (one, other) => {
    const [first, second] = [of(one), of(other)];
    return first === second ? 0 : sign * (first < second ? -1 : 1);
  };
}
