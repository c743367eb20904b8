import {
  type AttributeValue,
  BatchGetItemCommand,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb';
import { Fault } from '../../domain/fault.ts';
import { nanoUsd } from '../../domain/money.ts';
import { RECOVER, type TableLook } from '../../domain/recovery/table-identity.ts';
import type { CellStore } from '../../domain/spending/cell.ts';
import {
  judge,
  type LeaseEntry,
  type LeaseWrite,
  type LedgerItem,
  type LedgerKey,
  type LedgerStore,
  NO_OPENING,
  type TermsReader,
  trueUpEffect,
  type WriteOutcome,
} from '../../domain/spending/ledger.ts';
import { errorName } from '../asking.ts';
import { isNewer, schemaAttribute, unlessNewer } from './item-schema.ts';
import { type Attributes, entryAttribute, itemOf, keyOf, number, termsOf, text } from './ledger-item.ts';
import { closedHere, leaseUpdate, stillIs, termsChange, termsUpdate } from './ledger-updates.ts';

/** DynamoDB API reference, BatchGetItem. */
const MAX_BATCH = 100;

const nameOf = ({ pk, sk }: Record<string, AttributeValue>): string => `${pk?.S} ${sk?.S}`;

/**
 * The ledger in DynamoDB: one item for one budget and period. Every change is one `UpdateItem` whose condition and
 * effect DynamoDB applies atomically to that item; reads are strongly consistent. Nothing else is relied on: no
 * transactions, no streams, no TTL.
 *
 * @param look which table this is: money is leased from items alone that are right in it. Without it nobody looks
 */
export function ledgerTable(
  client: DynamoDBClient,
  table: string,
  look?: TableLook,
): LedgerStore & CellStore & TermsReader {
  const read = async (key: LedgerKey): Promise<LedgerItem | undefined> => {
    const answer = await reaching(`reading the ledger of ${key.budget} in ${key.period}`, () =>
      client.send(new GetItemCommand({ TableName: table, Key: keyOf(key), ConsistentRead: true })),
    );
    return answer.Item === undefined ? undefined : itemOf(key, answer.Item);
  };

  type Update = Omit<UpdateItemCommandInput, 'TableName' | 'Key'>;

  /** @returns what the update was asked to return, or undefined where its condition did not hold */
  const attempt = async (doing: string, key: LedgerKey, input: Update): Promise<Attributes | undefined> =>
    await reaching(`${doing} of ${key.budget} in ${key.period}`, async () => {
      try {
        const answer = await client.send(
          new UpdateItemCommand({ TableName: table, Key: keyOf(key), ...input, ...unlessNewer('ledger', input) }),
        );
        return answer.Attributes ?? {};
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) return undefined;
        throw error;
      }
    });

  /** @returns whether the update's condition held */
  const update = async (doing: string, key: LedgerKey, input: Update): Promise<boolean> =>
    (await attempt(doing, key, input)) !== undefined;

  /** @returns the item as the update left it, or undefined where its condition did not hold */
  const changedItem = async (doing: string, key: LedgerKey, input: Update): Promise<LedgerItem | undefined> => {
    const attributes = await attempt(doing, key, { ...input, ReturnValues: 'ALL_NEW' });
    return attributes === undefined ? undefined : itemOf(key, attributes);
  };

  /**
   * The item as it stands then costs nothing more, whether the write has landed or not: it tells what the other holders did
   * meanwhile, and why a condition failed. It is read only from a table that does not say, or where there is none.
   */
  const writing = async (
    { key }: LeaseWrite,
    input: Update,
  ): Promise<{ landed: true; item: LedgerItem } | { landed: false; item: LedgerItem | undefined }> =>
    await reaching(`writing the lease of ${key.budget} in ${key.period}`, async () => {
      try {
        const { Attributes = {} } = await client.send(
          new UpdateItemCommand({
            TableName: table,
            Key: keyOf(key),
            ...input,
            ...unlessNewer('ledger', input),
            ReturnValues: 'ALL_NEW',
            ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
          }),
        );
        return { landed: true, item: itemOf(key, Attributes) };
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
        return { landed: false, item: error.Item === undefined ? await read(key) : itemOf(key, error.Item) };
      }
    });

  return {
    read,

    async readTogether(keys) {
      const found = new Map<string, Attributes>();
      for (let at = 0; at < keys.length; at += MAX_BATCH) {
        const Keys = keys.slice(at, at + MAX_BATCH).map(keyOf);
        const { Responses = {}, UnprocessedKeys = {} } = await reaching('reading the ledger of several budgets', () =>
          client.send(new BatchGetItemCommand({ RequestItems: { [table]: { Keys, ConsistentRead: true } } })),
        );
        for (const item of Responses[table] ?? []) found.set(nameOf(item), item);
        // What a busy table leaves over, one by one: the SDK waits where it must.
        for (const Key of UnprocessedKeys[table]?.Keys ?? []) {
          const { Item } = await reaching('reading the ledger of several budgets', () =>
            client.send(new GetItemCommand({ TableName: table, Key, ConsistentRead: true })),
          );
          if (Item !== undefined) found.set(nameOf(Key), Item);
        }
      }
      return (key) => {
        const item = found.get(nameOf(keyOf(key)));
        return item === undefined ? undefined : itemOf(key, item);
      };
    },

    async readTerms(keys) {
      const found = new Map<string, Attributes>();
      for (let at = 0; at < keys.length; at += MAX_BATCH) {
        const Keys = keys.slice(at, at + MAX_BATCH).map(keyOf);
        const { Responses = {} } = await reaching('reading the terms of several budgets', () =>
          client.send(new BatchGetItemCommand({ RequestItems: { [table]: { Keys, ConsistentRead: true } } })),
        );
        // Those that DynamoDB leaves unprocessed are asked for the next time.
        for (const item of Responses[table] ?? []) found.set(nameOf(item), item);
      }
      return keys.map((key) => {
        const item = found.get(nameOf(keyOf(key)));
        // Of one that a later version has written nothing is heard: the next write to it says so.
        return item === undefined || isNewer('ledger', item) ? undefined : termsOf(key, item);
      });
    },

    async write(write) {
      const here = look === undefined ? undefined : { tableId: await look.now() };
      const { landed, item } = await writing(write, leaseUpdate(write, here));
      if (landed) return { kind: 'landed', item };
      // The condition also fails when this very write landed before and its answer was lost: the item tells.
      const outcome = judge(item, write);
      // It would take the write as it was read just now, having changed since the condition failed: ask again later.
      const isHere = item?.holders.get(write.holder)?.writeId === write.entry.writeId;
      if (write.grant !== undefined && !isHere && here !== undefined && closedHere(item, here))
        throw tableRestored(write.key);
      if (outcome.kind === 'landed' && !isHere)
        return { kind: 'refused', why: 'over-ceiling', item } satisfies WriteOutcome;
      return outcome;
    },

    async provide({ key, startsAt, endsAt, terms, opening }) {
      const written = termsUpdate(terms);
      const { settled, unconfirmed } = opening ?? NO_OPENING;
      const opened = opening === undefined ? '' : ', openingSettled = :settled, openingUnconfirmed = :unconfirmed';
      const unfunded =
        key.cell === undefined
          ? ''
          : ', room = :zero, fundedSequence = :zero, fundedUntil = :zero, fundedAt = :zero, fundedSlice = :zero';
      const here = key.cell === undefined ? await look?.now() : undefined;
      const created = await update('providing the item', key, {
        UpdateExpression: `SET ${here === undefined ? '' : 'openIn = :openIn, '}${written.effects}, #schema = :schema, startsAt = :startsAt, endsAt = :endsAt, committed = :committed, settled = :settled, leased = :zero, unconfirmed = :unconfirmed, unattributed = :zero, holders = :empty, crossed = :none${opened}${unfunded}`,
        ConditionExpression: 'attribute_not_exists(pk)',
        ExpressionAttributeNames: { '#schema': 'schema', '#limit': 'limit' },
        ExpressionAttributeValues: {
          ...written.values,
          ...(here === undefined ? {} : { ':openIn': text(here) }),
          ':schema': schemaAttribute('ledger').schema,
          ':startsAt': number(startsAt),
          ':endsAt': number(endsAt),
          ':committed': number(settled + unconfirmed),
          ':settled': number(settled),
          ':unconfirmed': number(unconfirmed),
          ':zero': number(0),
          ':empty': { M: {} },
          ':none': { L: [] },
        },
      });
      return created ? 'created' : 'exists';
    },

    async changeTerms(key, terms) {
      const written = termsChange(terms);
      const changed = await update('changing the terms', key, {
        ...written,
        ConditionExpression: 'termsVersion = :before',
        ExpressionAttributeValues: { ...written.ExpressionAttributeValues, ':before': number(terms.version - 1) },
      });
      return changed ? 'changed' : 'stale';
    },

    async fund(key, { sequence, funded, until, at, slice }) {
      return await changedItem('funding the cell', key, {
        UpdateExpression:
          'SET room = :funded - committed, fundedSequence = :sequence, fundedUntil = :until, fundedAt = :at, fundedSlice = :slice',
        ConditionExpression: 'fundedSequence < :sequence',
        ExpressionAttributeValues: {
          ':funded': number(funded),
          ':sequence': number(sequence),
          ':until': number(until),
          ':at': number(at),
          ':slice': number(slice),
        },
      });
    },

    async withdraw(key, { sequence, amount }) {
      return await changedItem('withdrawing from the cell', key, {
        UpdateExpression: 'SET room = room - :amount',
        ConditionExpression: 'fundedSequence = :sequence AND room >= :amount',
        ExpressionAttributeValues: { ':sequence': number(sequence), ':amount': number(amount) },
      });
    },

    async followTerms(key, terms) {
      const changed = await attempt('telling the cell the terms', key, {
        ...termsChange(terms),
        ConditionExpression: 'termsVersion < :version',
        ReturnValues: 'ALL_NEW',
      });
      return changed === undefined ? undefined : itemOf(key, changed);
    },

    async raiseUnattributed(key, { from, to }) {
      const changed = await update('counting unattributed spend', key, {
        UpdateExpression: 'SET unattributed = :to, committed = committed + :more',
        ConditionExpression: 'unattributed = :from',
        ExpressionAttributeValues: { ':from': number(from), ':to': number(to), ':more': number(to - from) },
      });
      return changed ? 'changed' : 'stale';
    },

    async raiseOpening(key, { from, to }) {
      const settled = to.settled - from.settled;
      const unconfirmed = to.unconfirmed - from.unconfirmed;
      const changed = await update('counting earlier spend', key, {
        UpdateExpression:
          'SET openingSettled = :toSettled, openingUnconfirmed = :toUnconfirmed, settled = settled + :settled, unconfirmed = unconfirmed + :unconfirmed, committed = committed + :committed',
        ConditionExpression: `attribute_exists(pk) AND ${stillIs('openingSettled', ':fromSettled', from.settled)} AND ${stillIs('openingUnconfirmed', ':fromUnconfirmed', from.unconfirmed)}`,
        ExpressionAttributeValues: {
          ':fromSettled': number(from.settled),
          ':fromUnconfirmed': number(from.unconfirmed),
          ':toSettled': number(to.settled),
          ':toUnconfirmed': number(to.unconfirmed),
          ':settled': number(settled),
          ':unconfirmed': number(unconfirmed),
          ':committed': number(settled + unconfirmed),
        },
      });
      return changed ? 'changed' : 'stale';
    },

    async trueUp(key, change) {
      const { from, to } = change;
      const more = trueUpEffect(change);
      const changed = await update('truing up', key, {
        UpdateExpression:
          'SET confirmed = :toConfirmed, unspent = :toUnspent, unattributed = :toUnattributed, settled = settled + :settled, unconfirmed = unconfirmed + :unconfirmed, committed = committed + :committed',
        ConditionExpression: `unconfirmed = :fromUnconfirmed AND unattributed = :fromUnattributed AND ${stillIs('confirmed', ':fromConfirmed', from.resolution.confirmed)} AND ${stillIs('unspent', ':fromUnspent', from.resolution.unspent)}`,
        ExpressionAttributeValues: {
          ':fromUnconfirmed': number(from.unconfirmed),
          ':fromUnattributed': number(from.unattributed),
          ':fromConfirmed': number(from.resolution.confirmed),
          ':fromUnspent': number(from.resolution.unspent),
          ':toConfirmed': number(to.resolution.confirmed),
          ':toUnspent': number(to.resolution.unspent),
          ':toUnattributed': number(to.unattributed),
          ':settled': number(more.settled),
          ':unconfirmed': number(more.unconfirmed),
          ':committed': number(more.committed),
        },
      });
      return changed ? 'changed' : 'stale';
    },

    async reclaim(key, holder, entry, writeId) {
      const ended: LeaseEntry = { ...entry, sequence: entry.sequence + 1, writeId, leased: nanoUsd(0n) };
      const reclaimed = await update('reclaiming a lease', key, {
        UpdateExpression: 'SET leased = leased - :money, unconfirmed = unconfirmed + :money, holders.#holder = :entry',
        ConditionExpression: 'holders.#holder.writeId = :writeId AND holders.#holder.#sequence = :sequence',
        ExpressionAttributeNames: { '#holder': holder, '#sequence': 'sequence' },
        ExpressionAttributeValues: {
          ':money': number(entry.leased),
          ':entry': entryAttribute(ended),
          ':writeId': text(entry.writeId),
          ':sequence': number(entry.sequence),
        },
      });
      return reclaimed ? 'reclaimed' : 'stale';
    },

    async forget(key, ended) {
      if (ended.size === 0) return 'forgotten';
      const entries = [...ended];
      const forgotten = await update('forgetting ended leases', key, {
        UpdateExpression: `REMOVE ${entries.map((_, at) => `holders.#holder${at}`).join(', ')}`,
        ConditionExpression: entries
          .map((_, at) => `holders.#holder${at}.writeId = :writeId${at} AND holders.#holder${at}.leased = :zero`)
          .join(' AND '),
        ExpressionAttributeNames: Object.fromEntries(entries.map(([holder], at) => [`#holder${at}`, holder])),
        ExpressionAttributeValues: {
          ...Object.fromEntries(entries.map(([, { writeId }], at) => [`:writeId${at}`, text(writeId)])),
          ':zero': number(0),
        },
      });
      return forgotten ? 'forgotten' : 'stale';
    },

    async openHere(key) {
      const here = await look?.now();
      if (here === undefined) return;
      await update('saying the table', key, {
        UpdateExpression: 'SET openIn = :openIn',
        ConditionExpression: 'attribute_exists(pk) AND attribute_not_exists(openIn)',
        ExpressionAttributeValues: { ':openIn': text(here) },
      });
    },

    async recordCrossings(key, crossed) {
      await update('recording crossed thresholds', key, {
        UpdateExpression: 'SET crossed = :crossed',
        ConditionExpression: 'attribute_exists(pk)',
        ExpressionAttributeValues: { ':crossed': { L: crossed.map(text) } },
      });
    },
  };
}

const tableRestored = ({ budget, period }: LedgerKey): Fault =>
  new Fault('TableRestored', {
    doing: `leasing from ${budget} in ${period}`,
    problem: 'the table was restored from a backup, and has forgotten what was spent and leased since',
    next: RECOVER,
  });

async function reaching<T>(doing: string, request: () => Promise<T>): Promise<T> {
  try {
    return await request();
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    throw new Fault('LedgerUnavailable', {
      doing,
      problem: `${errorName(cause)}${cause instanceof Error ? `: ${cause.message}` : ''}`,
      next: 'Its fate is unknown; the identical write may be repeated. Check the table, its throttling and the role.',
      cause,
    });
  }
}
