import { type AttributeValue, ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import type { Host } from '../fleet/host.ts';
import type { Item } from './attributes.ts';
import type { Operations } from './clients.ts';

/** Kinds of items whose layout a later version of the product may have changed, and how their partitions begin. */
export const RAISABLE = {
  index: 'INDEX',
  ledger: 'LEDGER#',
  opening: 'OPENING#',
  override: 'OVERRIDES',
  signal: 'SIGNALS#',
} as const;

export type RaisedKind = keyof typeof RAISABLE;

const LATER = { N: '2' };
const KNOWN = { N: '1' };

/** What requests of the table's client may have, and answers to them. */
interface Request {
  readonly Key?: Item;
  readonly Item?: Item;
  readonly ExpressionAttributeValues?: Item;
}
interface Answer {
  readonly Item?: Item;
  readonly Items?: readonly Item[];
  readonly Attributes?: Item;
  readonly Responses?: Readonly<Record<string, readonly Item[]>>;
}

/**
 * A later version of the product, for which the layout of one kind of item has another number: it writes the later one, and
 * reads both. Beyond the number its layout is the same here, which the version before cannot know.
 */
export class LaterVersion {
  readonly #prefix: string;

  constructor(kind: RaisedKind) {
    this.#prefix = RAISABLE[kind];
  }

  /** The table as programs of the later version see it. */
  operations(table: Operations): Operations {
    return Object.fromEntries(
      Object.entries(table).map(([name, operation]) => [
        name,
        (input: Request): unknown => {
          try {
            return this.#read(operation(this.#written(input)) as Answer);
          } catch (error) {
            // What a refused write has met.
            if (error instanceof ConditionalCheckFailedException && error.Item !== undefined)
              error.Item = this.#understood(error.Item);
            throw error;
          }
        },
      ]),
    );
  }

  isLater(pk: string, item: Item | undefined): boolean {
    return pk.startsWith(this.#prefix) && item?.['schema']?.N === LATER.N;
  }

  #written(input: Request): Request {
    const { Key, Item, ExpressionAttributeValues: values } = input;
    if (!((Key ?? Item)?.['pk']?.S ?? '').startsWith(this.#prefix)) return input;
    return {
      ...input,
      ...(Item === undefined ? {} : { Item: { ...Item, schema: LATER } }),
      ...(values === undefined
        ? {}
        : {
            ExpressionAttributeValues: {
              ...values,
              ...(values[':schema'] === undefined ? {} : { ':schema': LATER }),
              ...(values[':schemaKnown'] === undefined ? {} : { ':schemaKnown': LATER }),
            },
          }),
    };
  }

  #read(answer: Answer): Answer {
    const { Item, Items, Attributes, Responses } = answer;
    const all = (items: readonly Item[]): readonly Item[] => items.map((item) => this.#understood(item));
    return {
      ...answer,
      ...(Item === undefined ? {} : { Item: this.#understood(Item) }),
      ...(Items === undefined ? {} : { Items: all(Items) }),
      ...(Attributes === undefined ? {} : { Attributes: this.#understood(Attributes) }),
      ...(Responses === undefined
        ? {}
        : { Responses: Object.fromEntries(Object.entries(Responses).map(([name, items]) => [name, all(items)])) }),
    };
  }

  #understood(item: Item): Item {
    const pk: AttributeValue | undefined = item['pk'];
    return this.isLater(pk?.S ?? '', item) ? { ...item, schema: KNOWN } : item;
  }
}

/** Whether a process runs the later version. */
export const runsLater = ({ version }: Pick<Host, 'version'>): boolean => version === 2;
