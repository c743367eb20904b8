import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { epochMs } from '../../domain/clock.ts';
import { nanoUsd, ZERO } from '../../domain/money.ts';
import { isConserved, type LedgerItem } from '../../domain/spending/ledger.ts';
import type { Terms } from '../../domain/spending/terms.ts';
import { MemoryLedger } from '../domain/spending/memory-ledger.ts';
import { ENDS, figures, freshKey, holderId, NOTHING, NOW, OPEN, STARTS, writeOf } from './lease-writes.ts';
import { type Party, Story, steps } from './ledger-story.ts';

/** What every way to the ledger does for a process that leases, whatever stands between it and the items. */
export function describeLeaseLedger(name: string, makeParty: () => Party): void {
  describe(`the lease ledger ${name}`, () => {
    /** An item with a limit of 1,000 nano-dollars. */
    async function provided(terms: Terms = OPEN, startsAt = STARTS) {
      const { ledger, governor } = makeParty();
      const key = freshKey();
      await governor.provide({ key, startsAt, endsAt: ENDS, terms });
      return { ledger, governor, key };
    }

    /** An item from which one holder has leased `to`. */
    async function leased(to: number) {
      const { ledger, governor, key } = await provided();
      const holder = holderId();
      const first = writeOf(key, { holder, to });
      expect(await ledger.write(first)).toMatchObject({ kind: 'landed' });
      return { ledger, governor, key, holder, first };
    }

    it('reads an item with its terms, and nothing where there is none', async () => {
      const { ledger, governor } = makeParty();
      const key = freshKey();
      expect(await ledger.read(key)).toBeUndefined();
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
      await governor.provide({ key, startsAt: STARTS, endsAt: ENDS, terms });
      expect(await ledger.read(key)).toEqual(await governor.read(key));
    });

    describe('a write', () => {
      it('reports, takes and replaces the entry in one step', async () => {
        const { ledger, key, holder } = await leased(100);
        const second = writeOf(key, { holder, sequence: 2, settled: 30, unconfirmed: 20, from: 100, to: 250 });
        expect(await ledger.write(second)).toMatchObject({ kind: 'landed' });
        const item = await ledger.read(key);
        expect(figures(item)).toEqual({ committed: 300, settled: 30, leased: 250, unconfirmed: 20, unattributed: 0 });
        expect(item?.holders).toEqual(new Map([[holder, second.entry]]));
      });

      it('lands once, however often it is repeated, also at the same time [F11]', async () => {
        const { ledger, key, holder, first } = await leased(100);
        const copies = await Promise.all(Array.from({ length: 5 }, () => ledger.write(first)));
        expect(copies.map(({ kind }) => kind)).toEqual(copies.map(() => 'landed'));
        const second = writeOf(key, { holder, sequence: 2, settled: 40, from: 100, to: 60 });
        await Promise.all(Array.from({ length: 5 }, () => ledger.write(second)));
        expect(figures(await ledger.read(key))).toMatchObject({ committed: 100, settled: 40, leased: 60 });
      });

      it('lands no more when it arrives after the one that followed it [F11]', async () => {
        const { ledger, key, holder, first } = await leased(100);
        await ledger.write(writeOf(key, { holder, sequence: 2, settled: 40, from: 100, to: 60 }));
        const before = await ledger.read(key);
        expect(await ledger.write(first)).toMatchObject({ kind: 'refused', why: 'lease-lost' });
        expect(await ledger.read(key)).toEqual(before);
      });

      it('never creates an item', async () => {
        const { ledger } = makeParty();
        const key = freshKey();
        const outcome = await ledger.write(writeOf(key, { holder: holderId(), to: 100 }));
        expect(outcome).toEqual({ kind: 'refused', why: 'not-provisioned', item: undefined });
        expect(await ledger.read(key)).toBeUndefined();
      });

      it.each([
        ['a sequence that leaves one out', { sequence: 3, from: 100, to: 100 }],
        ['a first write under a holder that has an entry', { sequence: 1, to: 100 }],
      ])('is refused as a lost lease for %s', async (_, change) => {
        const { ledger, key, holder } = await leased(100);
        const before = await ledger.read(key);
        const outcome = await ledger.write(writeOf(key, { holder, ...change }));
        expect(outcome).toEqual({ kind: 'refused', why: 'lease-lost', item: before });
        expect(await ledger.read(key)).toEqual(before);
      });

      it('is refused as a lost lease under a holder that the ledger does not know', async () => {
        const { ledger, key } = await provided();
        const outcome = await ledger.write(writeOf(key, { holder: holderId(), sequence: 2, to: 100 }));
        expect(outcome).toMatchObject({ kind: 'refused', why: 'lease-lost' });
      });

      it('reaches the ceiling exactly, and not one nano-dollar more', async () => {
        const { ledger, key } = await leased(999);
        const over = await ledger.write(writeOf(key, { holder: holderId(), to: 2 }));
        expect(over).toMatchObject({ kind: 'refused', why: 'over-ceiling' });
        expect(await ledger.write(writeOf(key, { holder: holderId(), to: 1 }))).toMatchObject({ kind: 'landed' });
        expect(figures(await ledger.read(key))).toMatchObject({ committed: 1000 });
      });

      it('counts what it reports against the ceiling as well', async () => {
        const { ledger, key, holder } = await leased(600);
        const report = { holder, sequence: 2, settled: 500, from: 600 };
        expect(await ledger.write(writeOf(key, { ...report, to: 501 }))).toMatchObject({ why: 'over-ceiling' });
        expect(await ledger.write(writeOf(key, { ...report, to: 500 }))).toMatchObject({ kind: 'landed' });
      });

      it('takes money only under the terms as they are, also to spend what is here already [F28]', async () => {
        const { ledger, governor, key, holder } = await leased(100);
        await governor.changeTerms(key, { ...OPEN, standing: 'closed', version: 2 });
        const stale = await ledger.write(writeOf(key, { holder, sequence: 2, from: 100, to: 90 }));
        expect(stale).toMatchObject({ kind: 'refused', why: 'terms-changed', item: { terms: { standing: 'closed' } } });
        const known = { termsVersion: 2, ceiling: ZERO };
        const closed = await ledger.write(writeOf(key, { holder, sequence: 2, from: 100, to: 90, grant: known }));
        expect(closed).toMatchObject({ kind: 'refused', why: 'over-ceiling' });
      });

      it('takes nothing from a period that has not begun', async () => {
        const { ledger, key } = await provided(OPEN, epochMs(NOW + 3_600_000));
        const outcome = await ledger.write(writeOf(key, { holder: holderId(), to: 1 }));
        expect(outcome).toMatchObject({ kind: 'refused', why: 'period-not-begun' });
        const begun = await provided(OPEN, epochMs(NOW - 3_600_000));
        const write = writeOf(begun.key, { holder: holderId(), to: 1 });
        expect(await begun.ledger.write(write)).toMatchObject({ kind: 'landed' });
      });

      it('that only reports lands under any terms, and above the ceiling', async () => {
        const { ledger, governor, key, holder } = await leased(100);
        await governor.changeTerms(key, { ...OPEN, stopAt: ZERO, standing: 'closed', version: 2 });
        const report = writeOf(key, { holder, sequence: 2, settled: 1500, from: 100, to: 0, grant: 'none' });
        expect(await ledger.write(report)).toMatchObject({ kind: 'landed' });
        expect(figures(await ledger.read(key))).toMatchObject({ committed: 1500, settled: 1500, leased: 0 });
      });

      it('leaves word of refusals: since when, and the latest one', async () => {
        const { ledger, key, holder } = await leased(100);
        const empty = writeOf(key, { holder, sequence: 2, from: 100, to: 0, grant: 'none' });
        await ledger.write({ ...empty, refusal: { at: NOW, need: nanoUsd(5000n) } });
        const refusing = (await ledger.read(key))?.refusing;
        expect(refusing?.need).toBe(5000n);
        expect(Math.abs((refusing?.since ?? 0) - NOW)).toBeLessThan(60_000);
        const again = writeOf(key, { holder, sequence: 3, to: 0, grant: 'none' });
        await ledger.write({ ...again, refusal: { at: epochMs(NOW + 1), need: nanoUsd(4000n) } });
        await ledger.write(writeOf(key, { holder, sequence: 4, to: 0, grant: 'none' }));
        expect((await ledger.read(key))?.refusing).toEqual({ since: refusing?.since, need: 4000n });
      });

      it('forgets refusals as soon as it has granted something', async () => {
        const { ledger, key, holder } = await leased(100);
        const empty = writeOf(key, { holder, sequence: 2, from: 100, to: 0, grant: 'none' });
        await ledger.write({ ...empty, refusal: { at: NOW, need: nanoUsd(5000n) } });
        await ledger.write(writeOf(key, { holder, sequence: 3, to: 10 }));
        expect((await ledger.read(key))?.refusing).toBeUndefined();
      });
    });

    describe('many holders at once', () => {
      it('let exactly as much land as there is room for: 30 take the last money [F1, F2]', async () => {
        const { ledger, key } = await leased(300);
        const outcomes = await Promise.all(
          Array.from({ length: 30 }, () => ledger.write(writeOf(key, { holder: holderId(), to: 100 }))),
        );
        expect(outcomes.filter(({ kind }) => kind === 'landed')).toHaveLength(7);
        for (const outcome of outcomes)
          if (outcome.kind === 'refused') expect(outcome).toMatchObject({ why: 'over-ceiling' });
        expect(figures(await ledger.read(key))).toMatchObject({ committed: 1000, leased: 1000 });
      });

      it('never commit more than the ceiling while 30 of them take, spend and give back [F1, F2, F10]', async () => {
        const { ledger, key } = await provided();
        let running = true;
        const watch = async () => {
          const seen: LedgerItem[] = [];
          while (running) {
            const item = await ledger.read(key);
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
              const outcome = await ledger.write(writeOf(key, to === 0 ? { ...change, grant: 'none' } : change));
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
        expect(figures(await ledger.read(key))).toEqual({ ...NOTHING, committed: total, settled: total });
      });
    });

    it('does what the rule says, and conserves, whatever comes in whatever order', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(steps({ mayBreakRules: false }), { minLength: 5, maxLength: 25 }), async (story) => {
          const reference = new MemoryLedger();
          const both = new Story(freshKey(), [makeParty(), { ledger: reference, governor: reference }]);
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
