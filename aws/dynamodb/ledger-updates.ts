import type { AttributeValue, UpdateItemCommandInput } from '@aws-sdk/client-dynamodb';
import type { NanoUsd } from '../../domain/money.ts';
import { CLOSED, type TableId } from '../../domain/recovery/table-identity.ts';
import { committedBy, type judge, type LeaseWrite, type LedgerItem } from '../../domain/spending/ledger.ts';
import type { Terms } from '../../domain/spending/terms.ts';
import { type Attributes, entryAttribute, number, text } from './ledger-item.ts';

/** Amounts that most items never have are absent until they are more than zero. */
export const stillIs = (attribute: string, value: string, from: NanoUsd): string =>
  from === 0n ? `(attribute_not_exists(${attribute}) OR ${attribute} = ${value})` : `${attribute} = ${value}`;

const OPTIONAL_TERMS = [
  'reason',
  'heldBy',
  'standingUntil',
  'standingSince',
  'tightened',
  'pace',
  'raises',
  'outageExtra',
] as const;

export function termsUpdate(terms: Terms): { effects: string; values: Attributes } {
  const { reason, heldBy, standingUntil, standingSince, tightened, pace, raises, outageExtra } = terms;
  const optional: Partial<Record<(typeof OPTIONAL_TERMS)[number], AttributeValue>> = {
    ...(reason === undefined ? {} : { reason: text(reason) }),
    ...(heldBy === undefined ? {} : { heldBy: text(heldBy) }),
    ...(standingUntil === undefined ? {} : { standingUntil: number(standingUntil) }),
    ...(standingSince === undefined ? {} : { standingSince: number(standingSince) }),
    ...(tightened === undefined
      ? {}
      : { tightened: { M: { standing: text(tightened.standing), reason: text(tightened.reason) } } }),
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
export function termsChange(terms: Terms) {
  const { effects, values } = termsUpdate(terms);
  const removed = OPTIONAL_TERMS.filter((name) => terms[name] === undefined);
  return {
    UpdateExpression: `SET ${effects}${removed.length === 0 ? '' : ` REMOVE ${removed.join(', ')}`}`,
    ExpressionAttributeNames: { '#limit': 'limit' },
    ExpressionAttributeValues: values,
  };
}

/** Which table this is, as far as it is told. */
interface Here {
  readonly tableId: TableId | undefined;
}

/** The rule of the condition below: where the table is not told, the governor's own word in the item decides. */
export function closedHere(item: Pick<LedgerItem, 'openIn' | 'key'> | undefined, { tableId }: Here): boolean {
  if (item?.openIn === undefined || item.key.cell !== undefined) return false;
  return tableId === undefined ? item.openIn === CLOSED : item.openIn !== tableId;
}

/**
 * {@link judge} as a condition, and its effect, in one expression.
 *
 * @param here grants land only where the item is right in this table; a cell lends what its root has granted it
 */
export function leaseUpdate(write: LeaseWrite, here?: Here): Omit<UpdateItemCommandInput, 'TableName' | 'Key'> {
  const { entry, grant, refusal, unrefused } = write;
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
    if (!inCell && here !== undefined) {
      const isOpen = here.tableId === undefined ? 'openIn <> :here' : 'openIn = :here';
      conditions.push(`(attribute_not_exists(openIn) OR ${isOpen})`);
      values[':here'] = text(here.tableId ?? CLOSED);
    }
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
  if (unrefused !== undefined) {
    effects.push(
      'unrefusedCalls = if_not_exists(unrefusedCalls, :zero) + :unrefusedCalls',
      'unrefusedAmount = if_not_exists(unrefusedAmount, :zero) + :unrefusedAmount',
    );
    values[':zero'] = number(0);
    values[':unrefusedCalls'] = number(unrefused.calls);
    values[':unrefusedAmount'] = number(unrefused.amount);
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
