import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { BudgetId } from '../../domain/budgets/budget-id.ts';
import { epochMs } from '../../domain/clock.ts';
import { Fault } from '../../domain/fault.ts';
import { type NanoUsd, nanoUsd } from '../../domain/money.ts';
import type { TableId } from '../../domain/recovery/table-identity.ts';
import type {
  Funding,
  HolderId,
  LeaseEntry,
  LedgerItem,
  LedgerKey,
  Unrefused,
  WriteId,
} from '../../domain/spending/ledger.ts';
import type { Terms } from '../../domain/spending/terms.ts';
import { refuseNewer } from './item-schema.ts';

/** A ledger item as DynamoDB stores it. Amounts are numbers of nano-dollars, which DynamoDB keeps to 38 digits. */

export const number = (value: bigint | number): AttributeValue => ({ N: value.toString() });
export const text = (value: string): AttributeValue => ({ S: value });

export const entryAttribute = (entry: LeaseEntry): AttributeValue => ({
  M: {
    sequence: number(entry.sequence),
    writeId: text(entry.writeId),
    leased: number(entry.leased),
    expiresAt: number(entry.expiresAt),
    ...(entry.reported === undefined
      ? {}
      : {
          settled: number(entry.reported.settled),
          unconfirmed: number(entry.reported.unconfirmed),
          ...(entry.reported.unrefused === undefined
            ? {}
            : {
                unrefusedCalls: number(entry.reported.unrefused.calls),
                unrefusedAmount: number(entry.reported.unrefused.amount),
              }),
        }),
  },
});

export const keyOf = (key: LedgerKey) => ({
  pk: text(key.cell === undefined ? `LEDGER#${key.budget}` : `LEDGER#${key.budget}#${key.cell}`),
  sk: text(key.period),
});

export type Attributes = Readonly<Record<string, AttributeValue>>;

export function itemOf(key: LedgerKey, attributes: Attributes): LedgerItem {
  // First: what a later version has written is not to be taken for damaged.
  const terms = termsOf(key, attributes);
  const money = (name: string): NanoUsd => nanoUsd(amountOf(key, attributes, name));
  const instant = (name: string) => epochMs(wholeOf(key, attributes, name));
  const holders = new Map<HolderId, LeaseEntry>(
    Object.entries(attributes['holders']?.M ?? {}).map(([holder, attribute]) => {
      const entry = attribute.M ?? {};
      return [
        holder as HolderId,
        {
          sequence: wholeOf(key, entry, 'sequence'),
          writeId: (entry['writeId']?.S ?? '') as WriteId,
          leased: nanoUsd(amountOf(key, entry, 'leased')),
          expiresAt: epochMs(wholeOf(key, entry, 'expiresAt')),
          ...(entry['settled'] === undefined
            ? {}
            : {
                reported: {
                  settled: nanoUsd(amountOf(key, entry, 'settled')),
                  unconfirmed: nanoUsd(amountOf(key, entry, 'unconfirmed')),
                  ...unrefusedOf(key, entry),
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
    ...unrefusedOf(key, attributes),
    crossed: (attributes['crossed']?.L ?? []).map((attribute) => attribute.S ?? ''),
    ...(attributes['openIn']?.S === undefined ? {} : { openIn: attributes['openIn'].S as TableId }),
  };
}

const unrefusedOf = (key: LedgerKey, attributes: Attributes): { readonly unrefused?: Unrefused } =>
  attributes['unrefusedCalls'] === undefined
    ? {}
    : {
        unrefused: {
          calls: wholeOf(key, attributes, 'unrefusedCalls'),
          amount: nanoUsd(amountOf(key, attributes, 'unrefusedAmount')),
        },
      };

const fundingOf = (key: LedgerKey, attributes: Attributes): Funding => ({
  sequence: wholeOf(key, attributes, 'fundedSequence'),
  until: epochMs(wholeOf(key, attributes, 'fundedUntil')),
  at: epochMs(wholeOf(key, attributes, 'fundedAt')),
  slice: nanoUsd(amountOf(key, attributes, 'fundedSlice')),
  room: nanoUsd(amountOf(key, attributes, 'room')),
});

export function termsOf(key: LedgerKey, attributes: Attributes): Terms {
  refuseNewer('ledger', readingOf(key), attributes);
  const money = (from: Attributes, name: string): NanoUsd => nanoUsd(amountOf(key, from, name));
  const instant = (from: Attributes, name: string) => epochMs(wholeOf(key, from, name));
  const standing = attributes['standing']?.S;
  if (standing !== 'open' && standing !== 'throttled' && standing !== 'closed')
    throw corrupt(key, `its standing is ${standing ?? 'missing'}`);
  const reason = attributes['reason']?.S;
  const heldBy = attributes['heldBy']?.S;
  if (heldBy !== undefined && heldBy !== 'operator' && heldBy !== 'signal')
    throw corrupt(key, `its standing is held by ${heldBy}`);
  const pace = attributes['pace']?.M;
  const raises = attributes['raises']?.L;
  return {
    limit: money(attributes, 'limit'),
    stopAt: money(attributes, 'stopAt'),
    standing,
    ...(reason === undefined ? {} : { reason }),
    ...(heldBy === undefined ? {} : { heldBy }),
    ...(attributes['standingUntil'] === undefined ? {} : { standingUntil: instant(attributes, 'standingUntil') }),
    ...(attributes['standingSince'] === undefined ? {} : { standingSince: wholeOf(key, attributes, 'standingSince') }),
    ...tightenedOf(key, attributes),
    ...(pace === undefined
      ? {}
      : { pace: { from: instant(pace, 'from'), base: money(pace, 'base'), until: instant(pace, 'until') } }),
    ...(raises === undefined
      ? {}
      : { raises: raises.map(({ M = {} }) => ({ amount: money(M, 'amount'), until: instant(M, 'until') })) }),
    ...(attributes['outageExtra'] === undefined ? {} : { outageExtra: money(attributes, 'outageExtra') }),
    version: wholeOf(key, attributes, 'termsVersion'),
  };
}

function tightenedOf(key: LedgerKey, attributes: Attributes): Pick<Terms, 'tightened'> {
  const tightened = attributes['tightened']?.M;
  if (tightened === undefined) return {};
  const standing = tightened['standing']?.S;
  if (standing !== 'throttled' && standing !== 'closed')
    throw corrupt(key, `money has tightened it to ${standing ?? 'nothing'}`);
  return { tightened: { standing, reason: tightened['reason']?.S ?? '' } };
}

function digitsOf(key: LedgerKey, attributes: Attributes, name: string): string {
  const digits = attributes[name]?.N;
  if (digits === undefined || !/^-?\d+$/.test(digits)) throw corrupt(key, `its ${name} is ${digits ?? 'missing'}`);
  return digits;
}

const amountOf = (key: LedgerKey, attributes: Attributes, name: string): bigint =>
  BigInt(digitsOf(key, attributes, name));

/** For what is no money: a number is read in a fraction of the time, and an item has four for each process that leases. */
const wholeOf = (key: LedgerKey, attributes: Attributes, name: string): number =>
  Number(digitsOf(key, attributes, name));

const readingOf = ({ budget, period }: LedgerKey): string => `reading the ledger of ${budget} in ${period}`;

/** A missing amount is not zero: nothing may be decided on an item that cannot be read whole. */
const corrupt = (key: LedgerKey, problem: string): Fault =>
  new Fault('LedgerUnreadable', {
    doing: readingOf(key),
    problem,
    next: 'Restore the item from a backup, or run a version of the governor that knows its shape.',
  });
