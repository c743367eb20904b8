import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { type Item, textOf } from './attributes.ts';
import { holds, InvalidExpression, type Names, updated } from './expressions.ts';

export class ConditionFailed extends Error {
  /** As it is. */
  readonly item: Item | undefined;

  constructor(item: Item | undefined) {
    super('the condition does not hold');
    this.item = item;
  }
}

export type Key = Readonly<Record<string, AttributeValue>>;

interface Expressions {
  readonly ConditionExpression?: string | undefined;
  readonly ExpressionAttributeNames?: Readonly<Record<string, string>> | undefined;
  readonly ExpressionAttributeValues?: Readonly<Record<string, AttributeValue>> | undefined;
}

/** Is told of each change, at the moment at which it happens. */
export type Watcher = (pk: string, sk: string, before: Item | undefined, after: Item | undefined) => void;

/** The sparse index of what is not sent yet: see infra/resources/table.yml. */
const INDEXED = 'outbox';
const INDEX_SORT = 'enteredAt';

/** The governor's table in memory: it evaluates the very expressions that the adapters send. */
export class GovernorTable {
  readonly #partitions = new Map<string, Map<string, Item>>();
  /** Items with the indexed attribute, by its value. */
  readonly #index = new Map<string, Map<string, Item>>();
  readonly #watcher: Watcher;

  constructor(watcher: Watcher) {
    this.#watcher = watcher;
  }

  get(key: Key): Item | undefined {
    return this.item(textOf(key['pk']), textOf(key['sk']));
  }

  item(pk: string, sk: string): Item | undefined {
    return this.#partitions.get(pk)?.get(sk);
  }

  *partitions(prefix: string): Iterable<readonly [string, ReadonlyMap<string, Item>]> {
    for (const [pk, items] of this.#partitions) if (pk.startsWith(prefix)) yield [pk, items];
  }

  put(item: Item, expressions: Expressions = {}): void {
    const before = this.get(item);
    this.#check(before, expressions);
    this.#set(item, before);
  }

  update(key: Key, expressions: Expressions & { readonly UpdateExpression?: string | undefined }): Item {
    const before = this.get(key);
    this.#check(before, expressions);
    const after = updated(expressions.UpdateExpression ?? '', before ?? key, namesOf(expressions));
    this.#set(after, before);
    return after;
  }

  delete(key: Key, expressions: Expressions = {}): void {
    const before = this.get(key);
    this.#check(before, expressions);
    if (before === undefined) return;
    const [pk, sk] = [textOf(key['pk']), textOf(key['sk'])];
    this.#partitions.get(pk)?.delete(sk);
    this.#reindex(pk, sk, before, undefined);
    this.#watcher(pk, sk, before, undefined);
  }

  /** Items of one partition in the order of their sort keys, or of the index in the order of theirs. */
  query(
    query: Expressions & {
      readonly IndexName?: string | undefined;
      readonly KeyConditionExpression?: string | undefined;
      readonly FilterExpression?: string | undefined;
    },
  ): Item[] {
    const names = namesOf(query);
    const partition = partitionOf(query, names);
    const items = query.IndexName === undefined ? this.#partitions.get(partition) : this.#index.get(partition);
    if (items === undefined) return [];
    const found: Item[] = [];
    for (const item of items.values())
      if (holds(query.KeyConditionExpression, item, names) && holds(query.FilterExpression, item, names))
        found.push(item);
    const sort = query.IndexName === undefined ? bySortKey : byEntry;
    return found.length > 1 ? found.sort(sort) : found;
  }

  #check(before: Item | undefined, expressions: Expressions): void {
    if (!holds(expressions.ConditionExpression, before, namesOf(expressions))) throw new ConditionFailed(before);
  }

  #set(item: Item, before: Item | undefined): void {
    const [pk, sk] = [textOf(item['pk']), textOf(item['sk'])];
    if (pk === '' || sk === '')
      throw new InvalidExpression('One or more parameter values were invalid: missing the key');
    let partition = this.#partitions.get(pk);
    if (partition === undefined) {
      partition = new Map();
      this.#partitions.set(pk, partition);
    }
    partition.set(sk, item);
    this.#reindex(pk, sk, before, item);
    this.#watcher(pk, sk, before, item);
  }

  #reindex(pk: string, sk: string, before: Item | undefined, after: Item | undefined): void {
    const [was, is] = [before?.[INDEXED]?.S, after?.[INDEXED]?.S];
    const name = `${pk} ${sk}`;
    if (was !== undefined && was !== is) this.#index.get(was)?.delete(name);
    if (is === undefined || after === undefined) return;
    const mark = this.#index.get(is) ?? new Map<string, Item>();
    mark.set(name, after);
    this.#index.set(is, mark);
  }
}

const namesOf = ({ ExpressionAttributeNames: names, ExpressionAttributeValues: values }: Expressions): Names => ({
  names,
  values,
});

/** Each key condition of the governor begins with `<partition key> = :<value>`. */
function partitionOf(
  { KeyConditionExpression = '' }: { readonly KeyConditionExpression?: string | undefined },
  { values }: Names,
): string {
  const placeholder = placeholders.get(KeyConditionExpression) ?? /^\w+ = (:\w+)/.exec(KeyConditionExpression)?.[1];
  if (placeholder === undefined)
    throw new InvalidExpression(`Query condition missed key schema element: ${KeyConditionExpression}`);
  placeholders.set(KeyConditionExpression, placeholder);
  return textOf(values?.[placeholder]);
}

const placeholders = new Map<string, string>();

const bySortKey = (a: Item, b: Item): number => (textOf(a['sk']) < textOf(b['sk']) ? -1 : 1);
const byEntry = (a: Item, b: Item): number => Number(a[INDEX_SORT]?.N ?? 0) - Number(b[INDEX_SORT]?.N ?? 0);
