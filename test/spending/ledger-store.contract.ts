import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BudgetId } from '../../domain/budgets/budget-id.ts';
import { type EpochMs, epochMs } from '../../domain/clock.ts';
import { add, min, type NanoUsd, nanoUsd, subtract, ZERO } from '../../domain/money.ts';
import {
  type HolderId,
  isConserved,
  type LeaseEntry,
  type LeaseWrite,
  type LedgerItem,
  type LedgerKey,
  type LedgerStore,
  NO_OPENING,
  NO_RESOLUTION,
  type WriteId,
  type WriteOutcome,
} from '../../domain/spending/ledger.ts';
import { ceiling, type LedgerStanding, type Terms } from '../../domain/spending/terms.ts';
import { MemoryLedger } from '../domain/spending/memory-ledger.ts';

const STARTS = epochMs(Date.UTC(2026, 10, 1));
const ENDS = epochMs(Date.UTC(2026, 11, 1));
const NOW = epochMs(Date.UTC(2026, 10, 23, 10));
const EXPIRES = epochMs(NOW + 120_000);
const OPEN: Terms = { limit: nanoUsd(1000n), stopAt: nanoUsd(1000n), standing: 'open', version: 1 };

let made = 0;
/** A budget that no other test knows. */
const freshKey = (period = '2026-11'): LedgerKey => ({ budget: `contract/budget-${++made}` as BudgetId, period });
const writeId = (): WriteId => `write-${++made}` as WriteId;
const holderId = (): HolderId => `holder-${++made}` as HolderId;

interface Change {
  readonly holder: HolderId;
  readonly sequence?: number;
  readonly settled?: number;
  readonly unconfirmed?: number;
  /** What the holder has leased before and after the write. */
  readonly from?: number;
  readonly to: number;
  readonly writeId?: WriteId;
  readonly expiresAt?: EpochMs;
  readonly grant?: Partial<NonNullable<LeaseWrite['grant']>> | 'none';
}

const amount = (value = 0): NanoUsd => nanoUsd(BigInt(value));

function writeOf(key: LedgerKey, change: Change): LeaseWrite {
  const { holder, sequence = 1, settled, unconfirmed, from = 0, to, expiresAt = EXPIRES, grant = {} } = change;
  const withGrant = grant === 'none' ? {} : { grant: { termsVersion: 1, ceiling: OPEN.stopAt, at: NOW, ...grant } };
  return {
    key,
    holder,
    settled: amount(settled),
    unconfirmed: amount(unconfirmed),
    leased: amount(to - from),
    entry: { sequence, writeId: change.writeId ?? writeId(), leased: amount(to), expiresAt },
    ...withGrant,
  };
}

const figures = (item: LedgerItem | undefined) =>
  item === undefined
    ? undefined
    : {
        committed: Number(item.committed),
        settled: Number(item.settled),
        leased: Number(item.leased),
        unconfirmed: Number(item.unconfirmed),
        unattributed: Number(item.unattributed),
      };
const NOTHING = { committed: 0, settled: 0, leased: 0, unconfirmed: 0, unattributed: 0 };

function entryOf(item: LedgerItem | undefined, holder: HolderId): LeaseEntry {
  const entry = item?.holders.get(holder);
  if (entry === undefined) throw new Error(`${holder} has no entry`);
  return entry;
}

/** What every store of the ledger does, whatever keeps its items. */
export function describeLedgerStore(name: string, makeStore: () => LedgerStore): void {
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

    describe('a write', () => {
      it('reports, takes and replaces the entry in one step', async () => {
        const { store, key, holder } = await leased(100);
        const second = writeOf(key, { holder, sequence: 2, settled: 30, unconfirmed: 20, from: 100, to: 250 });
        expect(await store.write(second)).toMatchObject({ kind: 'landed' });
        const item = await store.read(key);
        expect(figures(item)).toEqual({ committed: 300, settled: 30, leased: 250, unconfirmed: 20, unattributed: 0 });
        expect(item?.holders).toEqual(new Map([[holder, second.entry]]));
      });

      it('lands once, however often it is repeated, also at the same time [F11]', async () => {
        const { store, key, holder, first } = await leased(100);
        const copies = await Promise.all(Array.from({ length: 5 }, () => store.write(first)));
        expect(copies.map(({ kind }) => kind)).toEqual(copies.map(() => 'landed'));
        const second = writeOf(key, { holder, sequence: 2, settled: 40, from: 100, to: 60 });
        await Promise.all(Array.from({ length: 5 }, () => store.write(second)));
        expect(figures(await store.read(key))).toMatchObject({ committed: 100, settled: 40, leased: 60 });
      });

      it('lands no more when it arrives after the one that followed it [F11]', async () => {
        const { store, key, holder, first } = await leased(100);
        await store.write(writeOf(key, { holder, sequence: 2, settled: 40, from: 100, to: 60 }));
        const before = await store.read(key);
        expect(await store.write(first)).toMatchObject({ kind: 'refused', why: 'lease-lost' });
        expect(await store.read(key)).toEqual(before);
      });

      it('never creates an item', async () => {
        const store = makeStore();
        const key = freshKey();
        const outcome = await store.write(writeOf(key, { holder: holderId(), to: 100 }));
        expect(outcome).toEqual({ kind: 'refused', why: 'not-provisioned', item: undefined });
        expect(await store.read(key)).toBeUndefined();
      });

      it.each([
        ['a sequence that leaves one out', { sequence: 3, from: 100, to: 100 }],
        ['a first write under a holder that has an entry', { sequence: 1, to: 100 }],
      ])('is refused as a lost lease for %s', async (_, change) => {
        const { store, key, holder } = await leased(100);
        const before = await store.read(key);
        const outcome = await store.write(writeOf(key, { holder, ...change }));
        expect(outcome).toEqual({ kind: 'refused', why: 'lease-lost', item: before });
        expect(await store.read(key)).toEqual(before);
      });

      it('is refused as a lost lease under a holder that the ledger does not know', async () => {
        const { store, key } = await provided();
        const outcome = await store.write(writeOf(key, { holder: holderId(), sequence: 2, to: 100 }));
        expect(outcome).toMatchObject({ kind: 'refused', why: 'lease-lost' });
      });

      it('reaches the ceiling exactly, and not one nano-dollar more', async () => {
        const { store, key } = await leased(999);
        const over = await store.write(writeOf(key, { holder: holderId(), to: 2 }));
        expect(over).toMatchObject({ kind: 'refused', why: 'over-ceiling' });
        expect(await store.write(writeOf(key, { holder: holderId(), to: 1 }))).toMatchObject({ kind: 'landed' });
        expect(figures(await store.read(key))).toMatchObject({ committed: 1000 });
      });

      it('counts what it reports against the ceiling as well', async () => {
        const { store, key, holder } = await leased(600);
        const report = { holder, sequence: 2, settled: 500, from: 600 };
        expect(await store.write(writeOf(key, { ...report, to: 501 }))).toMatchObject({ why: 'over-ceiling' });
        expect(await store.write(writeOf(key, { ...report, to: 500 }))).toMatchObject({ kind: 'landed' });
      });

      it('takes money only under the terms as they are, also to spend what is here already [F28]', async () => {
        const { store, key, holder } = await leased(100);
        await store.changeTerms(key, { ...OPEN, standing: 'closed', version: 2 });
        const stale = await store.write(writeOf(key, { holder, sequence: 2, from: 100, to: 90 }));
        expect(stale).toMatchObject({ kind: 'refused', why: 'terms-changed', item: { terms: { standing: 'closed' } } });
        const known = { termsVersion: 2, ceiling: ZERO };
        const closed = await store.write(writeOf(key, { holder, sequence: 2, from: 100, to: 90, grant: known }));
        expect(closed).toMatchObject({ kind: 'refused', why: 'over-ceiling' });
      });

      it('takes nothing from a period that has not begun', async () => {
        const { store, key } = await provided();
        const early = { at: epochMs(STARTS - 1) };
        const outcome = await store.write(writeOf(key, { holder: holderId(), to: 1, grant: early }));
        expect(outcome).toMatchObject({ kind: 'refused', why: 'period-not-begun' });
        const begun = writeOf(key, { holder: holderId(), to: 1, grant: { at: STARTS } });
        expect(await store.write(begun)).toMatchObject({ kind: 'landed' });
      });

      it('that only reports lands under any terms, and above the ceiling', async () => {
        const { store, key, holder } = await leased(100);
        await store.changeTerms(key, { ...OPEN, stopAt: ZERO, standing: 'closed', version: 2 });
        const report = writeOf(key, { holder, sequence: 2, settled: 1500, from: 100, to: 0, grant: 'none' });
        expect(await store.write(report)).toMatchObject({ kind: 'landed' });
        expect(figures(await store.read(key))).toMatchObject({ committed: 1500, settled: 1500, leased: 0 });
      });

      it('leaves word of refusals: since when, and the latest one', async () => {
        const { store, key, holder } = await leased(100);
        const empty = writeOf(key, { holder, sequence: 2, from: 100, to: 0, grant: 'none' });
        await store.write({ ...empty, refusal: { at: NOW, need: nanoUsd(5000n) } });
        expect((await store.read(key))?.refusing).toEqual({ since: NOW, need: 5000n });
        const again = writeOf(key, { holder, sequence: 3, to: 0, grant: 'none' });
        await store.write({ ...again, refusal: { at: epochMs(NOW + 1), need: nanoUsd(4000n) } });
        await store.write(writeOf(key, { holder, sequence: 4, to: 0, grant: 'none' }));
        expect((await store.read(key))?.refusing).toEqual({ since: NOW, need: 4000n });
      });

      it('forgets refusals as soon as it has granted something', async () => {
        const { store, key, holder } = await leased(100);
        const empty = writeOf(key, { holder, sequence: 2, from: 100, to: 0, grant: 'none' });
        await store.write({ ...empty, refusal: { at: NOW, need: nanoUsd(5000n) } });
        await store.write(writeOf(key, { holder, sequence: 3, to: 10 }));
        expect((await store.read(key))?.refusing).toBeUndefined();
      });

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
        expect(await store.forget(key, holder, first.entry)).toBe('stale');
        await store.reclaim(key, holder, first.entry, writeId());
        const tombstone = entryOf(await store.read(key), holder);
        expect(await store.forget(key, holder, first.entry)).toBe('stale');
        expect(await store.forget(key, holder, tombstone)).toBe('forgotten');
        expect(await store.forget(key, holder, tombstone)).toBe('stale');
        const item = await store.read(key);
        expect(item?.holders.size).toBe(0);
        expect(figures(item)).toMatchObject({ committed: 100, unconfirmed: 100 });
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

    describe('many holders at once', () => {
      it('let exactly as much land as there is room for: 30 take the last money [F1, F2]', async () => {
        const { store, key } = await leased(300);
        const outcomes = await Promise.all(
          Array.from({ length: 30 }, () => store.write(writeOf(key, { holder: holderId(), to: 100 }))),
        );
        expect(outcomes.filter(({ kind }) => kind === 'landed')).toHaveLength(7);
        for (const outcome of outcomes)
          if (outcome.kind === 'refused') expect(outcome).toMatchObject({ why: 'over-ceiling' });
        expect(figures(await store.read(key))).toMatchObject({ committed: 1000, leased: 1000 });
      });

      it('never commit more than the ceiling while 30 of them take, spend and give back [F1, F2, F10]', async () => {
        const { store, key } = await provided();
        let running = true;
        const watch = async () => {
          const seen: LedgerItem[] = [];
          while (running) {
            const item = await store.read(key);
            if (item !== undefined) seen.push(item);
            // A store in memory answers without ever leaving this turn of the event loop.
            await new Promise((resume) => setImmediate(resume));
          }
          return seen;
        };
        const watching = watch();
        const spentBy = await Promise.all(
          Array.from({ length: 30 }, async (_, number) => {
            const holder = holderId();
            let [sequence, held, spent] = [0, 0, 0];
            for (let round = 0; round < 4; round++) {
              const settled = Math.floor((held * (number % 4)) / 4);
              const to = round === 3 ? 0 : 20 + ((number * 7 + round * 13) % 60);
              const change = { holder, sequence: sequence + 1, settled, from: held, to };
              const outcome = await store.write(writeOf(key, to === 0 ? { ...change, grant: 'none' } : change));
              if (outcome.kind === 'landed') [sequence, held, spent] = [sequence + 1, to, spent + settled];
            }
            return spent;
          }),
        );
        running = false;
        const seen = await watching;
        expect(seen.length).toBeGreaterThan(0);
        for (const item of seen) {
          expect(isConserved(item)).toBe(true);
          expect(item.committed).toBeLessThanOrEqual(1000n);
        }
        const total = spentBy.reduce((sum, spent) => sum + spent, 0);
        expect(total).toBeGreaterThan(0);
        expect(figures(await store.read(key))).toEqual({ ...NOTHING, committed: total, settled: total });
      });
    });

    it('does what the rule says, and conserves, whatever comes in whatever order', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(steps, { minLength: 5, maxLength: 25 }), async (story) => {
          const store = makeStore();
          const reference = new MemoryLedger();
          const key = freshKey();
          const both = new Story(key, [store, reference]);
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

type Step =
  | { readonly do: 'provide' | 'forget' | 'reclaim'; readonly holder: number }
  | {
      readonly do: 'write';
      readonly holder: number;
      readonly ahead: number;
      readonly settled: number;
      readonly to: number;
      readonly knowsTerms: boolean;
    }
  | { readonly do: 'repeat'; readonly write: number }
  | { readonly do: 'terms'; readonly standing: LedgerStanding; readonly stopAt: number; readonly ahead: number }
  | { readonly do: 'outside' | 'opening' | 'true up'; readonly to: number };

const small = fc.nat({ max: 3 });
const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('write' as const),
      holder: small,
      ahead: fc.constantFrom(1, 1, 1, 1, 0, 2),
      settled: fc.nat({ max: 200 }),
      to: fc.constantFrom(0, 100, 400, 1000),
      knowsTerms: fc.constantFrom(true, true, true, false),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('repeat' as const), write: fc.nat({ max: 20 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom('provide' as const, 'forget', 'reclaim'), holder: small }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('terms' as const),
      standing: fc.constantFrom<LedgerStanding>('open', 'closed', 'throttled'),
      stopAt: fc.constantFrom(500, 1000, 2000),
      ahead: fc.constantFrom(1, 1, 2),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('outside' as const, 'opening', 'true up'),
      to: fc.nat({ max: 300 }),
    }),
  },
);

const outcomeOf = (outcome: WriteOutcome): string => (outcome.kind === 'landed' ? 'landed' : outcome.why);

/** One sequence of requests to several stores, each made from the first one's item. */
class Story {
  readonly #key: LedgerKey;
  readonly #stores: readonly LedgerStore[];
  readonly #sent: LeaseWrite[] = [];

  constructor(key: LedgerKey, stores: readonly LedgerStore[]) {
    this.#key = key;
    this.#stores = stores;
  }

  async items(): Promise<(LedgerItem | undefined)[]> {
    return await Promise.all(this.#stores.map((store) => store.read(this.#key)));
  }

  async take(step: Step): Promise<void> {
    const request = await this.#requestOf(step);
    const [answer, ...others] = await Promise.all(this.#stores.map(request));
    for (const other of others) expect(answer).toEqual(other);
  }

  async #requestOf(step: Step): Promise<(store: LedgerStore) => Promise<string>> {
    const key = this.#key;
    const [item] = await this.items();
    const holder = `holder-${'holder' in step ? step.holder : 0}` as HolderId;
    const entry = item?.holders.get(holder);
    const known: LeaseEntry = entry ?? { sequence: 1, writeId: writeId(), leased: ZERO, expiresAt: NOW };
    switch (step.do) {
      case 'provide':
        return (store) => store.provide({ key, startsAt: STARTS, endsAt: ENDS, terms: OPEN });
      case 'forget':
        return (store) => store.forget(key, holder, known);
      case 'reclaim': {
        const id = writeId();
        return (store) => store.reclaim(key, holder, known, id);
      }
      case 'terms': {
        const version = (item?.terms.version ?? 0) + step.ahead;
        const terms: Terms = { ...OPEN, standing: step.standing, stopAt: amount(step.stopAt), version };
        return (store) => store.changeTerms(key, terms);
      }
      case 'outside': {
        const from = item?.unattributed ?? ZERO;
        return (store) => store.raiseUnattributed(key, { from, to: nanoUsd(from + BigInt(step.to)) });
      }
      case 'opening': {
        const from = item?.opening ?? NO_OPENING;
        const to = { settled: nanoUsd(from.settled + BigInt(step.to)), unconfirmed: nanoUsd(from.unconfirmed + 1n) };
        return (store) => store.raiseOpening(key, { from, to });
      }
      case 'true up': {
        const { unconfirmed = ZERO, unattributed = ZERO, resolution = NO_RESOLUTION } = item ?? {};
        const confirmed = min(unconfirmed, amount(step.to));
        const unspent = min(subtract(unconfirmed, confirmed), amount(step.to % 7));
        const to = {
          unattributed: nanoUsd(unattributed + 1n),
          resolution: { confirmed: add(resolution.confirmed, confirmed), unspent: add(resolution.unspent, unspent) },
        };
        return (store) => store.trueUp(key, { from: { unconfirmed, unattributed, resolution }, to });
      }
      case 'repeat': {
        const copy = this.#sent[step.write % Math.max(1, this.#sent.length)];
        return async (store) => (copy === undefined ? 'nothing sent yet' : outcomeOf(await store.write(copy)));
      }
      case 'write': {
        const terms = item?.terms ?? OPEN;
        const from = Number(entry?.leased ?? 0n);
        const grant = { termsVersion: terms.version + (step.knowsTerms ? 0 : 1), ceiling: ceiling(terms, NOW) };
        const write = writeOf(key, {
          holder,
          sequence: (entry?.sequence ?? 0) + step.ahead,
          settled: step.settled,
          from,
          to: step.to,
          grant: step.to === 0 ? 'none' : grant,
        });
        this.#sent.push(write);
        return async (store) => outcomeOf(await store.write(write));
      }
    }
  }
}
