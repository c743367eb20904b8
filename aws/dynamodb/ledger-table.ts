import {
  type AttributeValue,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb';
import type { BudgetId } from '../../domain/budgets/budget-id.ts';
import { epochMs } from '../../domain/clock.ts';
import { Fault } from '../../domain/fault.ts';
import { type NanoUsd, nanoUsd } from '../../domain/money.ts';
import type { CellStore } from '../../domain/spending/cell.ts';
import {
  committedBy,
  type Funding,
  type HolderId,
  judge,
  type LeaseEntry,
  type LeaseWrite,
  type LedgerItem,
  type LedgerKey,
  type LedgerStore,
  NO_OPENING,
  trueUpEffect,
  type WriteId,
  type WriteOutcome,
} from '../../domain/spending/ledger.ts';
import type { Terms } from '../../domain/spending/terms.ts';
import { errorName } from '../asking.ts';

/** Version of the item's shape; a reader refuses what is newer than it knows. */
const SCHEMA = 1;

const number = (value: bigint | number): AttributeValue => ({ N: value.toString() });
const text = (value: string): AttributeValue => ({ S: value });

/**
 * The ledger in DynamoDB: one item for one budget and period. Every change is one `UpdateItem` whose condition and
 * effect DynamoDB applies atomically to that item; reads are strongly consistent. Nothing else is relied on: no
 * transactions, no streams, no TTL.
 */
export function ledgerTable(client: DynamoDBClient, table: string): LedgerStore & CellStore {
  const keyOf = (key: LedgerKey) => ({
    pk: text(key.cell === undefined ? `LEDGER#${key.budget}` : `LEDGER#${key.budget}#${key.cell}`),
    sk: text(key.period),
  });

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
        const answer = await client.send(new UpdateItemCommand({ TableName: table, Key: keyOf(key), ...input }));
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

  return {
    read,

    async write(write) {
      // The item as the write left it costs nothing more, and tells what the other holders did meanwhile.
      const left = await attempt('writing the lease', write.key, { ...leaseUpdate(write), ReturnValues: 'ALL_NEW' });
      if (left !== undefined) return { kind: 'landed', item: itemOf(write.key, left) };
      // The condition also fails when this very write landed before and its answer was lost: the item tells.
      const item = await read(write.key);
      const outcome = judge(item, write);
      // The item changed since the condition failed and would take the write now: nothing landed, so ask again later.
      if (outcome.kind === 'landed' && item?.holders.get(write.holder)?.writeId !== write.entry.writeId)
        return { kind: 'refused', why: 'over-ceiling', item } satisfies WriteOutcome;
      return outcome;
    },

    async provide({ key, startsAt, endsAt, terms, opening }) {
      // Most items that are asked for here exist, and a read costs less than a refused write.
      if ((await read(key)) !== undefined) return 'exists';
      const written = termsUpdate(terms);
      const { settled, unconfirmed } = opening ?? NO_OPENING;
      const opened = opening === undefined ? '' : ', openingSettled = :settled, openingUnconfirmed = :unconfirmed';
      const unfunded =
        key.cell === undefined
          ? ''
          : ', room = :zero, fundedSequence = :zero, fundedUntil = :zero, fundedAt = :zero, fundedSlice = :zero';
      const created = await update('providing the item', key, {
        UpdateExpression: `SET ${written.effects}, #schema = :schema, startsAt = :startsAt, endsAt = :endsAt, committed = :committed, settled = :settled, leased = :zero, unconfirmed = :unconfirmed, unattributed = :zero, holders = :empty, crossed = :none${opened}${unfunded}`,
        ConditionExpression: 'attribute_not_exists(pk)',
        ExpressionAttributeNames: { '#schema': 'schema', '#limit': 'limit' },
        ExpressionAttributeValues: {
          ...written.values,
          ':schema': number(SCHEMA),
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

    async forget(key, holder, entry) {
      const forgotten = await update('forgetting an ended lease', key, {
        UpdateExpression: 'REMOVE holders.#holder',
        ConditionExpression: 'holders.#holder.writeId = :writeId AND holders.#holder.leased = :zero',
        ExpressionAttributeNames: { '#holder': holder },
        ExpressionAttributeValues: { ':writeId': text(entry.writeId), ':zero': number(0) },
      });
      return forgotten ? 'forgotten' : 'stale';
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

/** Amounts that most items never have are absent until they are more than zero. */
const stillIs = (attribute: string, value: string, from: NanoUsd): string =>
  from === 0n ? `(attribute_not_exists(${attribute}) OR ${attribute} = ${value})` : `${attribute} = ${value}`;

const OPTIONAL_TERMS = ['reason', 'pace', 'raises', 'outageExtra'] as const;

function termsUpdate(terms: Terms): { effects: string; values: Attributes } {
  const { reason, pace, raises, outageExtra } = terms;
  const optional: Partial<Record<(typeof OPTIONAL_TERMS)[number], AttributeValue>> = {
    ...(reason === undefined ? {} : { reason: text(reason) }),
    ...(pace === undefined
      ? {}
      : { pace: { M: { from: number(pace.from), base: number(pace.base), until: number(pace.until) } } }),
    ...(raises === undefined
      ? {}
      : {
          raises: { L: raises.map(({ amount, until }) => ({ M: { amount: number(amount), until: number(until) } })) },
        }),
    ...(outageExtra === undefined ? {} : { outageExtra: number(outageExtra) }),
  };
  const effects = ['#limit = :limit', 'stopAt = :stopAt', 'standing = :standing', 'termsVersion = :version'];
  const values: Record<string, AttributeValue> = {
    ':limit': number(terms.limit),
    ':stopAt': number(terms.stopAt),
    ':standing': text(terms.standing),
    ':version': number(terms.version),
  };
  for (const [name, value] of Object.entries(optional)) {
    effects.push(`${name} = :${name}`);
    values[`:${name}`] = value;
  }
  return { effects: effects.join(', '), values };
}

/** Replaces all terms: what they leave out is removed. */
function termsChange(terms: Terms) {
  const { effects, values } = termsUpdate(terms);
  const removed = OPTIONAL_TERMS.filter((name) => terms[name] === undefined);
  return {
    UpdateExpression: `SET ${effects}${removed.length === 0 ? '' : ` REMOVE ${removed.join(', ')}`}`,
    ExpressionAttributeNames: { '#limit': 'limit' },
    ExpressionAttributeValues: values,
  };
}

/** {@link judge} as a condition, and its effect, in one expression. */
function leaseUpdate(write: LeaseWrite): Omit<UpdateItemCommandInput, 'TableName' | 'Key'> {
  const { entry, grant, refusal } = write;
  const committed = committedBy(write);
  const inCell = write.key.cell !== undefined;
  const first = entry.sequence === 1;
  const conditions = [
    'attribute_exists(pk)',
    first ? 'attribute_not_exists(holders.#holder)' : 'holders.#holder.#sequence = :before',
  ];
  const values: Record<string, AttributeValue> = {
    ':settled': number(write.settled),
    ':unconfirmed': number(write.unconfirmed),
    ':leased': number(write.leased),
    ':committed': number(committed),
    ':entry': entryAttribute(entry),
  };
  if (!first) values[':before'] = number(entry.sequence - 1);
  if (grant !== undefined) {
    conditions.push('termsVersion = :termsVersion', 'startsAt <= :at');
    values[':termsVersion'] = number(grant.termsVersion);
    values[':at'] = number(grant.at);
    if (inCell) conditions.push('room >= :committed', 'fundedUntil > :at');
    else {
      conditions.push('committed <= :room');
      values[':room'] = number(grant.ceiling - committed);
    }
  }
  const effects = [
    'settled = settled + :settled',
    'unconfirmed = unconfirmed + :unconfirmed',
    'leased = leased + :leased',
    'committed = committed + :committed',
    'holders.#holder = :entry',
  ];
  if (inCell) effects.push('room = room - :committed');
  if (refusal !== undefined) {
    effects.push('refusedAt = if_not_exists(refusedAt, :refusedAt)', 'refusedNeed = :refusedNeed');
    values[':refusedAt'] = number(refusal.at);
    values[':refusedNeed'] = number(refusal.need);
  }
  const isGrant = grant !== undefined && refusal === undefined;
  return {
    UpdateExpression: `SET ${effects.join(', ')}${isGrant ? ' REMOVE refusedAt, refusedNeed' : ''}`,
    ConditionExpression: conditions.join(' AND '),
    ExpressionAttributeNames: first
      ? { '#holder': write.holder }
      : { '#holder': write.holder, '#sequence': 'sequence' },
    ExpressionAttributeValues: values,
  };
}

const entryAttribute = (entry: LeaseEntry): AttributeValue => ({
  M: {
    sequence: number(entry.sequence),
    writeId: text(entry.writeId),
    leased: number(entry.leased),
    expiresAt: number(entry.expiresAt),
    ...(entry.reported === undefined
      ? {}
      : { settled: number(entry.reported.settled), unconfirmed: number(entry.reported.unconfirmed) }),
  },
});

type Attributes = Readonly<Record<string, AttributeValue>>;

function itemOf(key: LedgerKey, attributes: Attributes): LedgerItem {
  const schema = amountOf(key, attributes, 'schema');
  if (schema > BigInt(SCHEMA)) throw corrupt(key, `its shape is version ${schema}, this program knows ${SCHEMA}`);
  const money = (name: string): NanoUsd => nanoUsd(amountOf(key, attributes, name));
  const instant = (name: string) => epochMs(Number(amountOf(key, attributes, name)));
  const terms = termsOf(key, attributes);
  const holders = new Map<HolderId, LeaseEntry>(
    Object.entries(attributes['holders']?.M ?? {}).map(([holder, attribute]) => {
      const entry = attribute.M ?? {};
      return [
        holder as HolderId,
        {
          sequence: Number(amountOf(key, entry, 'sequence')),
          writeId: (entry['writeId']?.S ?? '') as WriteId,
          leased: nanoUsd(amountOf(key, entry, 'leased')),
          expiresAt: epochMs(Number(amountOf(key, entry, 'expiresAt'))),
          ...(entry['settled'] === undefined
            ? {}
            : {
                reported: {
                  settled: nanoUsd(amountOf(key, entry, 'settled')),
                  unconfirmed: nanoUsd(amountOf(key, entry, 'unconfirmed')),
                },
              }),
        },
      ];
    }),
  );
  return {
    key: {
      budget: key.budget as BudgetId,
      period: key.period,
      ...(key.cell === undefined ? {} : { cell: key.cell }),
    },
    startsAt: instant('startsAt'),
    endsAt: instant('endsAt'),
    terms,
    committed: money('committed'),
    settled: money('settled'),
    leased: money('leased'),
    unconfirmed: money('unconfirmed'),
    unattributed: money('unattributed'),
    holders,
    ...(key.cell === undefined ? {} : { funding: fundingOf(key, attributes) }),
    ...(attributes['openingSettled'] === undefined
      ? {}
      : { opening: { settled: money('openingSettled'), unconfirmed: money('openingUnconfirmed') } }),
    ...(attributes['confirmed'] === undefined
      ? {}
      : { resolution: { confirmed: money('confirmed'), unspent: money('unspent') } }),
    ...(attributes['refusedNeed'] === undefined
      ? {}
      : { refusing: { since: instant('refusedAt'), need: money('refusedNeed') } }),
    crossed: (attributes['crossed']?.L ?? []).map((attribute) => attribute.S ?? ''),
  };
}

const fundingOf = (key: LedgerKey, attributes: Attributes): Funding => ({
  sequence: Number(amountOf(key, attributes, 'fundedSequence')),
  until: epochMs(Number(amountOf(key, attributes, 'fundedUntil'))),
  at: epochMs(Number(amountOf(key, attributes, 'fundedAt'))),
  slice: nanoUsd(amountOf(key, attributes, 'fundedSlice')),
  room: nanoUsd(amountOf(key, attributes, 'room')),
});

function termsOf(key: LedgerKey, attributes: Attributes): Terms {
  const money = (from: Attributes, name: string): NanoUsd => nanoUsd(amountOf(key, from, name));
  const instant = (from: Attributes, name: string) => epochMs(Number(amountOf(key, from, name)));
  const standing = attributes['standing']?.S;
  if (standing !== 'open' && standing !== 'throttled' && standing !== 'closed')
    throw corrupt(key, `its standing is ${standing ?? 'missing'}`);
  const reason = attributes['reason']?.S;
  const pace = attributes['pace']?.M;
  const raises = attributes['raises']?.L;
  return {
    limit: money(attributes, 'limit'),
    stopAt: money(attributes, 'stopAt'),
    standing,
    ...(reason === undefined ? {} : { reason }),
    ...(pace === undefined
      ? {}
      : { pace: { from: instant(pace, 'from'), base: money(pace, 'base'), until: instant(pace, 'until') } }),
    ...(raises === undefined
      ? {}
      : { raises: raises.map(({ M = {} }) => ({ amount: money(M, 'amount'), until: instant(M, 'until') })) }),
    ...(attributes['outageExtra'] === undefined ? {} : { outageExtra: money(attributes, 'outageExtra') }),
    version: Number(amountOf(key, attributes, 'termsVersion')),
  };
}

function amountOf(key: LedgerKey, attributes: Attributes, name: string): bigint {
  const digits = attributes[name]?.N;
  if (digits === undefined || !/^-?\d+$/.test(digits)) throw corrupt(key, `its ${name} is ${digits ?? 'missing'}`);
  return BigInt(digits);
}

/** A missing amount is not zero: nothing may be decided on an item that cannot be read whole. */
const corrupt = (key: LedgerKey, problem: string): Fault =>
  new Fault('LedgerUnreadable', {
    doing: `reading the ledger of ${key.budget} in ${key.period}`,
    problem,
    next: 'Restore the item from a backup, or run a version of the governor that knows its shape.',
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
