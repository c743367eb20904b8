import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BudgetId } from '../../domain/budgets/budget-id.ts';
import { epochMs } from '../../domain/clock.ts';
import { nanoUsd, ZERO } from '../../domain/money.ts';
import {
  type HolderId,
  isConserved,
  type LeaseEntry,
  type LedgerKey,
  type LedgerStore,
  type WriteId,
} from '../../domain/spending/ledger.ts';
import type { Terms } from '../../domain/spending/terms.ts';
import { MemoryLedger } from '../domain/spending/memory-ledger.ts';
import { describeLeaseLedger } from './lease-ledger.contract.ts';
import {
  ENDS,
  entryOf,
  figures,
  freshKey,
  holderId,
  NOTHING,
  NOW,
  OPEN,
  STARTS,
  writeId,
  writeOf,
} from './lease-writes.ts';
import { Story, steps } from './ledger-story.ts';

let made = 0;

/** What every store of the ledger does, whatever keeps its items. */
export function describeLedgerStore(name: string, makeStore: () => LedgerStore): void {
  describeLeaseLedger(name, () => {
    const store = makeStore();
    return { ledger: store, governor: store };
  });

  describe(`the ledger store ${name}`, () => {
    /** An item with a limit of 1,000 nano-dollars. */
    async function provided(terms: Terms = OPEN): Promise<{ store: LedgerStore; key: LedgerKey }> {
      const store = makeStore();
      const key = freshKey();
      await store.provide({ key, startsAt: STARTS, endsAt: ENDS, terms });
      return { store, key };
    }

    /** An item from which one holder has leased `to`. */
    async function leased(to: number) {
      const { store, key } = await provided();
      const holder = holderId();
      const first = writeOf(key, { holder, to });
      expect(await store.write(first)).toMatchObject({ kind: 'landed' });
      return { store, key, holder, first };
    }

    describe('providing', () => {
      it('creates an item with nothing committed and reads back its terms', async () => {
        const store = makeStore();
        const key = freshKey();
        expect(await store.read(key)).toBeUndefined();
        const terms: Terms = {
          limit: nanoUsd(2n ** 70n),
          stopAt: nanoUsd(9_007_199_254_740_993n),
          standing: 'throttled',
          reason: '80 % is used – „slowed down“',
          heldBy: 'operator',
          standingUntil: ENDS,
          standingSince: 3,
          tightened: { standing: 'closed', reason: 'as before' },
          pace: { from: NOW, base: nanoUsd(7n), until: ENDS },
          raises: [{ amount: nanoUsd(5n), until: ENDS }],
          outageExtra: nanoUsd(3n),
          version: 1,
        };
        expect(await store.provide({ key, startsAt: STARTS, endsAt: ENDS, terms })).toBe('created');
        const item = await store.read(key);
        expect(figures(item)).toEqual(NOTHING);
        expect(item).toMatchObject({ key, startsAt: STARTS, endsAt: ENDS, terms, crossed: [] });
        expect(item?.holders.size).toBe(0);
        expect(item?.refusing).toBeUndefined();
      });

      it('leaves an item as it is that exists already', async () => {
        const { store, key } = await leased(100);
        const before = await store.read(key);
        const other: Terms = { ...OPEN, limit: nanoUsd(1n), stopAt: nanoUsd(1n) };
        expect(await store.provide({ key, startsAt: NOW, endsAt: NOW, terms: other })).toBe('exists');
        expect(await store.read(key)).toEqual(before);
      });

      it('keeps the periods of one budget apart: nothing is ever reset [F12, F13, F14, F15, F16]', async () => {
        const { store, key } = await leased(100);
        const december = { ...key, period: '2026-12' };
        await store.provide({ key: december, startsAt: ENDS, endsAt: epochMs(ENDS + 1), terms: OPEN });
        expect(figures(await store.read(december))).toEqual(NOTHING);
        expect(figures(await store.read(key))).toMatchObject({ leased: 100 });
      });
    });

    it('reads several items together, as each is, and nothing where there is none', async () => {
      const { store, key } = await leased(100);
      const december = { ...key, period: '2026-12' };
      await store.provide({ key: december, startsAt: ENDS, endsAt: epochMs(ENDS + 1), terms: OPEN });
      const missing = { ...key, period: '2027-01' };
      const items = await store.readTogether([key, december, missing]);
      expect(items(key)).toEqual(await store.read(key));
      expect(items(december)).toEqual(await store.read(december));
      expect(items(missing)).toBeUndefined();
      expect((await store.readTogether([]))(key)).toBeUndefined();
    });

    describe('a write', () => {
      it('keeps apart holders and budgets with names that look like paths, numbers or members', async () => {
        const store = makeStore();
        const names = ['a.b', 'a', '#holder', ':x', '0', '__proto__', 'constructor', 'é/ü'];
        for (const budget of names) {
          const key = { budget: `contract/${++made}/${budget}` as BudgetId, period: '2026-11' };
          await store.provide({ key, startsAt: STARTS, endsAt: ENDS, terms: OPEN });
          for (const holder of names) await store.write(writeOf(key, { holder: holder as HolderId, to: 10 }));
          const item = await store.read(key);
          expect([...(item?.holders.keys() ?? [])].sort()).toEqual([...names].sort());
          expect(figures(item)).toMatchObject({ leased: 80, committed: 80 });
        }
      });
    });

    describe('the governor', () => {
      it('changes terms whose version it knows, and drops what the new ones leave out', async () => {
        const { store, key } = await provided({
          ...OPEN,
          standing: 'throttled',
          reason: 'half is used',
          heldBy: 'operator',
          standingUntil: ENDS,
          standingSince: 3,
          tightened: { standing: 'closed', reason: 'as before' },
          pace: { from: NOW, base: ZERO, until: ENDS },
          raises: [{ amount: nanoUsd(5n), until: ENDS }],
          outageExtra: nanoUsd(3n),
        });
        expect(await store.changeTerms(key, { ...OPEN, version: 2 })).toBe('changed');
        expect((await store.read(key))?.terms).toEqual({ ...OPEN, version: 2 });
      });

      it('does not overwrite terms that have changed meanwhile', async () => {
        const { store, key } = await provided();
        await store.changeTerms(key, { ...OPEN, standing: 'closed', reason: 'used up', version: 2 });
        const before = await store.read(key);
        expect(await store.changeTerms(key, { ...OPEN, version: 2 })).toBe('stale');
        expect(await store.changeTerms(key, { ...OPEN, version: 4 })).toBe('stale');
        expect(await store.changeTerms(freshKey(), { ...OPEN, version: 2 })).toBe('stale');
        expect(await store.read(key)).toEqual(before);
      });

      it('raises unattributed spend from the amount that it knows', async () => {
        const { store, key } = await leased(100);
        const raise = { from: ZERO, to: nanoUsd(70n) };
        expect(await store.raiseUnattributed(key, raise)).toBe('changed');
        expect(await store.raiseUnattributed(key, raise)).toBe('stale');
        expect(await store.raiseUnattributed(freshKey(), raise)).toBe('stale');
        expect(figures(await store.read(key))).toMatchObject({ committed: 170, unattributed: 70, leased: 100 });
      });

      it('takes an expired lease back: its money becomes unconfirmed, and its late writes land no more [F10]', async () => {
        const { store, key, holder, first } = await leased(100);
        const reclaiming = writeId();
        expect(await store.reclaim(key, holder, first.entry, reclaiming)).toBe('reclaimed');
        const item = await store.read(key);
        expect(figures(item)).toEqual({ committed: 100, settled: 0, leased: 0, unconfirmed: 100, unattributed: 0 });
        expect(entryOf(item, holder)).toMatchObject({ leased: 0n, writeId: reclaiming });
        const late = writeOf(key, { holder, sequence: 2, settled: 50, from: 100, to: 0, grant: 'none' });
        expect(await store.write(late)).toMatchObject({ kind: 'refused', why: 'lease-lost' });
        expect(await store.write(first)).toMatchObject({ kind: 'refused', why: 'lease-lost' });
        expect(await store.reclaim(key, holder, first.entry, writeId())).toBe('stale');
        expect(await store.read(key)).toEqual(item);
      });

      it('takes no lease back that was renewed since it was read', async () => {
        const { store, key, holder, first } = await leased(100);
        await store.write(writeOf(key, { holder, sequence: 2, from: 100, to: 100 }));
        const before = await store.read(key);
        expect(await store.reclaim(key, holder, first.entry, writeId())).toBe('stale');
        expect(await store.read(key)).toEqual(before);
      });

      it('forgets a tombstone, and no entry with money', async () => {
        const { store, key, holder, first } = await leased(100);
        expect(await store.forget(key, new Map([[holder, first.entry]]))).toBe('stale');
        await store.reclaim(key, holder, first.entry, writeId());
        const tombstone = entryOf(await store.read(key), holder);
        expect(await store.forget(key, new Map([[holder, first.entry]]))).toBe('stale');
        expect(await store.forget(key, new Map([[holder, tombstone]]))).toBe('forgotten');
        expect(await store.forget(key, new Map([[holder, tombstone]]))).toBe('stale');
        const item = await store.read(key);
        expect(item?.holders.size).toBe(0);
        expect(figures(item)).toMatchObject({ committed: 100, unconfirmed: 100 });
      });

      it('forgets ended leases together, and none where one of them is not as it was', async () => {
        const { store, key } = await provided();
        const ended = new Map<HolderId, LeaseEntry>();
        for (let n = 0; n < 25; n++) {
          const holder = holderId();
          const { entry, ...write } = writeOf(key, { holder, to: 0 });
          await store.write({ ...write, entry });
          ended.set(holder, entry);
        }
        const [first] = ended;
        if (first === undefined) throw new Error('there are some');
        const [holder, entry] = first;
        const other = new Map([...ended, [holder, { ...entry, writeId: 'another' as WriteId }]]);
        expect(await store.forget(key, other)).toBe('stale');
        expect((await store.read(key))?.holders.size).toBe(25);
        expect(await store.forget(key, ended)).toBe('forgotten');
        expect((await store.read(key))?.holders.size).toBe(0);
        expect(await store.forget(key, new Map())).toBe('forgotten');
      });

      it('remembers crossed thresholds, and creates no item for them', async () => {
        const { store, key } = await provided();
        await store.recordCrossings(key, ['8000|actual|notify']);
        await store.recordCrossings(key, ['8000|actual|notify', '10000|actual|disable']);
        expect((await store.read(key))?.crossed).toEqual(['8000|actual|notify', '10000|actual|disable']);
        const other = freshKey();
        await store.recordCrossings(other, ['8000|actual|notify']);
        expect(await store.read(other)).toBeUndefined();
      });
    });

    it('does what the rule says, and conserves, whatever comes in whatever order', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(steps({ mayBreakRules: true }), { minLength: 5, maxLength: 25 }), async (story) => {
          const store = makeStore();
          const reference = new MemoryLedger();
          const key = freshKey();
          const both = new Story(key, [
            { ledger: store, governor: store },
            { ledger: reference, governor: reference },
          ]);
          for (const step of story) {
            await both.take(step);
            const [item, expected] = await both.items();
            expect(item).toEqual(expected);
            if (item !== undefined) expect(isConserved(item)).toBe(true);
          }
        }),
        { numRuns: 30 },
      );
    });
  });
}
