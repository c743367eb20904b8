import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ledgerTable } from '../../aws/dynamodb/ledger-table.ts';
import type { BudgetId } from '../../domain/budgets/budget-id.ts';
import { epochMs } from '../../domain/clock.ts';
import { nanoUsd } from '../../domain/money.ts';
import {
  isConserved,
  type LedgerKey,
  type LedgerStore,
  NO_OPENING,
  NO_RESOLUTION,
} from '../../domain/spending/ledger.ts';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';
import { MemoryLedger } from '../domain/spending/memory-ledger.ts';
import { createGovernorTable, dynamoDbClient, TABLE } from './dynamodb/governor-table.ts';

let aws: EmbeddedAws;
let store: LedgerStore;
let keys = 0;

const newKey = (): LedgerKey => ({ budget: `budget-${keys++}` as BudgetId, period: '2026-11' });
const usd = nanoUsd;
const opening = (settled: bigint, unconfirmed: bigint) => ({ settled: usd(settled), unconfirmed: usd(unconfirmed) });

async function provided(ledger: LedgerStore, key: LedgerKey, opened?: { settled: bigint; unconfirmed: bigint }) {
  return await ledger.provide({
    key,
    startsAt: epochMs(0),
    endsAt: epochMs(1_000),
    terms: { limit: usd(1_000n), stopAt: usd(1_000n), standing: 'open', version: 1 },
    ...(opened === undefined ? {} : { opening: opening(opened.settled, opened.unconfirmed) }),
  });
}

beforeAll(async () => {
  aws = await startEmbeddedAws();
  const client = dynamoDbClient(aws, 1);
  await createGovernorTable(client);
  store = ledgerTable(client, TABLE);
});
afterAll(() => aws.close());

describe('a ledger item in DynamoDB that opens with earlier spend', () => {
  it('has committed it before anybody can write to it', async () => {
    const key = newKey();
    expect(await provided(store, key, { settled: 70n, unconfirmed: 5n })).toBe('created');
    const item = await store.read(key);
    expect(item).toMatchObject({ committed: 75n, settled: 70n, unconfirmed: 5n, opening: opening(70n, 5n) });
    expect(item !== undefined && isConserved(item)).toBe(true);
    expect(await provided(store, key)).toBe('exists');
  });

  it('is not created by raising its opening', async () => {
    const key = newKey();
    expect(await store.raiseOpening(key, { from: NO_OPENING, to: opening(1n, 0n) })).toBe('stale');
    expect(await store.read(key)).toBeUndefined();
  });

  it('takes a raise and a true-up once, though the answer was lost and the write is repeated', async () => {
    const key = newKey();
    await provided(store, key, { settled: 0n, unconfirmed: 50n });
    const stop = aws.intercept({
      after: ({ operation }) => (operation === 'UpdateItem' ? 'no-answer' : undefined),
    });
    const from = opening(0n, 50n);
    await expect(store.raiseOpening(key, { from, to: opening(9n, 50n) })).rejects.toThrow();
    const change = {
      from: { unconfirmed: usd(50n), unattributed: usd(0n), resolution: NO_RESOLUTION },
      to: { unattributed: usd(3n), resolution: { confirmed: usd(20n), unspent: usd(10n) } },
    };
    await expect(store.trueUp(key, change)).rejects.toThrow();
    stop();
    expect(await store.raiseOpening(key, { from, to: opening(9n, 50n) })).toBe('stale');
    expect(await store.trueUp(key, change)).toBe('stale');
    expect(await store.read(key)).toMatchObject({ settled: 29n, unconfirmed: 20n, unattributed: 3n, committed: 52n });
  });

  it('does what the ledger in memory does, for every sequence of raises and true-ups', async () => {
    const amount = fc.bigInt({ min: 0n, max: 30n });
    const step = fc.record({
      kind: fc.constantFrom('opening' as const, 'true-up' as const),
      stale: fc.constantFrom('none', 'unattributed', 'unconfirmed', 'confirmed', 'unspent', 'opening'),
      amounts: fc.tuple(amount, amount, amount),
    });
    await fc.assert(
      fc.asyncProperty(fc.option(fc.tuple(amount, amount)), fc.array(step, { maxLength: 8 }), async (opened, steps) => {
        const memory = new MemoryLedger();
        const key = newKey();
        const first = opened === null ? undefined : { settled: opened[0], unconfirmed: opened[1] };
        for (const ledger of [memory, store]) await provided(ledger, key, first);
        for (const { kind, stale, amounts } of steps) {
          const item = await memory.read(key);
          if (item === undefined) throw new Error('no item');
          const [one, two, three] = amounts;
          const off = (what: string) => (stale === what ? 1n : 0n);
          if (kind === 'opening') {
            const before = item.opening ?? NO_OPENING;
            const from = opening(before.settled + off('opening'), before.unconfirmed + off('unconfirmed'));
            const to = opening(from.settled + one, from.unconfirmed + two);
            expect(await store.raiseOpening(key, { from, to })).toBe(await memory.raiseOpening(key, { from, to }));
          } else {
            const before = item.resolution ?? NO_RESOLUTION;
            const resolution = {
              confirmed: usd(before.confirmed + off('confirmed')),
              unspent: usd(before.unspent + off('unspent')),
            };
            const unattributed = usd(item.unattributed + off('unattributed'));
            const confirmed = one < item.unconfirmed ? one : item.unconfirmed;
            const rest = item.unconfirmed - confirmed;
            const unspent = two < rest ? two : rest;
            const change = {
              from: { unconfirmed: usd(item.unconfirmed + off('unconfirmed')), unattributed, resolution },
              to: {
                unattributed: usd(unattributed + three),
                resolution: {
                  confirmed: usd(resolution.confirmed + confirmed),
                  unspent: usd(resolution.unspent + unspent),
                },
              },
            };
            expect(await store.trueUp(key, change)).toBe(await memory.trueUp(key, change));
          }
          expect(await store.read(key)).toEqual(await memory.read(key));
        }
      }),
      { numRuns: 40 },
    );
  });
});
