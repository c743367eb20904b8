import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BudgetId } from '../../../domain/budgets/budget-id.ts';
import { type EpochMs, epochMs } from '../../../domain/clock.ts';
import { add, type NanoUsd, nanoUsd, ZERO } from '../../../domain/money.ts';
import { type Checkpoint, checkpointOf, provenUnspent, withCheckpoint } from '../../../domain/spending/checkpoint.ts';
import { isConserved, type LedgerItem, trueUpEffect } from '../../../domain/spending/ledger.ts';
import { planTrueUp } from '../../../domain/spending/true-up.ts';
import { HOUR_MS, hourAt, startOfHour } from '../../../domain/spending/usage-record.ts';
import { at } from './usage-fixtures.ts';

const MINUTE_MS = 60_000;
const point = (iso: string, settled: number, unconfirmed: number): Checkpoint => ({
  at: at(iso),
  settled: nanoUsd(BigInt(settled)),
  unconfirmed: nanoUsd(BigInt(unconfirmed)),
});

describe('proof by checkpoints', () => {
  const closed = at('2026-11-23T12:00:00Z');
  const known = [point('2026-11-23T10:55:00Z', 50, 40), point('2026-11-23T11:58:00Z', 70, 90)];

  it('is what was told and cannot have been spent', () => {
    expect(provenUnspent(known, closed, nanoUsd(85n))).toBe(25n);
    expect(provenUnspent(known, closed, nanoUsd(110n))).toBe(0n);
    expect(provenUnspent(known, closed, nanoUsd(500n))).toBe(0n);
  });

  it('is nothing while attempts may still run, or what was spent is not known', () => {
    expect(provenUnspent(known.slice(1), closed, nanoUsd(85n))).toBe(0n);
    expect(provenUnspent(known, closed, undefined)).toBe(0n);
    expect(provenUnspent([], closed, ZERO)).toBe(0n);
  });

  it('does not use what was told in the last minute of the hour', () => {
    const late = [...known, point('2026-11-23T11:59:01Z', 75, 90)];
    expect(provenUnspent(late, closed, nanoUsd(85n))).toBe(25n);
  });

  it('keeps the last of each hour that may serve its end, for eight hours, and none that says nothing new', () => {
    let points: readonly Checkpoint[] = [];
    for (let minute = 0; minute < 20 * 60; minute++) {
      const iso = new Date(at('2026-11-23T00:00:30Z') + minute * MINUTE_MS).toISOString();
      points = withCheckpoint(points, point(iso, minute, 0)) ?? points;
    }
    expect(points).toHaveLength(8);
    expect(new Date(points.at(-2)?.at ?? 0).toISOString()).toBe('2026-11-23T19:58:30.000Z');
    const last = points.at(-1);
    if (last === undefined) throw new Error('there is one');
    expect(withCheckpoint(points, { ...last, at: epochMs(last.at + HOUR_MS) })).toBeUndefined();
  });

  it('never frees money that was spent, and in the end frees all that was not', () => {
    const process = fc.nat(3);
    const step = fc.record({
      waitMs: fc.nat(20 * MINUTE_MS),
      act: fc.oneof(
        fc.record({ kind: fc.constant('lease' as const), process, amount: fc.integer({ min: 1, max: 100 }) }),
        fc.record({
          kind: fc.constant('call' as const),
          process,
          hold: fc.nat(60),
          share: fc.nat(100),
          lastsMs: fc.nat(15 * MINUTE_MS),
          isGivenUp: fc.boolean(),
          runsOnMs: fc.nat(HOUR_MS - 16 * MINUTE_MS),
        }),
        fc.record({ kind: fc.constant('tell' as const), process }),
        fc.record({ kind: fc.constant('crash' as const), process }),
        fc.record({ kind: fc.constant('outside' as const), cost: fc.nat(30) }),
      ),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 5, maxLength: 60 }), (steps) => {
        const budget = new Model();
        for (const { waitMs, act } of steps) {
          budget.pass(waitMs);
          budget.act(act);
          budget.trueUp();
          budget.check();
        }
        for (const each of [0, 1, 2, 3]) budget.act({ kind: 'crash', process: each });
        for (let minutes = 0; minutes < 5 * 60; minutes += 10) {
          budget.pass(10 * MINUTE_MS);
          budget.trueUp();
          budget.check();
        }
        if (steps.every(({ act }) => act.kind !== 'outside'))
          expect(budget.item.committed).toBe(budget.truth(Number.POSITIVE_INFINITY));
      }),
      { numRuns: 1_000 },
    );
  });
});

type Act =
  | { readonly kind: 'lease'; readonly process: number; readonly amount: number }
  | {
      readonly kind: 'call';
      readonly process: number;
      readonly hold: number;
      readonly share: number;
      readonly lastsMs: number;
      readonly isGivenUp: boolean;
      readonly runsOnMs: number;
    }
  | { readonly kind: 'tell'; readonly process: number }
  | { readonly kind: 'crash'; readonly process: number }
  | { readonly kind: 'outside'; readonly cost: number };

interface Process {
  leased: number;
  available: number;
  spent: number;
  unconfirmed: number;
  calls: { readonly endsAt: number; readonly hold: number; readonly cost: number; readonly isGivenUp: boolean }[];
}

const GRACE_MS = 15 * MINUTE_MS;
const DELAY_MS = 15 * MINUTE_MS;

/** A budget's item, its processes, and what their calls truly cost. */
class Model {
  now: EpochMs = at('2026-11-23T00:00:00Z');
  item: LedgerItem = {
    key: { budget: 'chat' as BudgetId, period: '2026-11-23' },
    startsAt: at('2026-11-23T00:00:00Z'),
    endsAt: at('2026-12-23T00:00:00Z'),
    terms: { limit: nanoUsd(1_000_000n), stopAt: nanoUsd(1_000_000n), standing: 'open', version: 1 },
    committed: ZERO,
    settled: ZERO,
    leased: ZERO,
    unconfirmed: ZERO,
    unattributed: ZERO,
    holders: new Map(),
    crossed: [],
  };
  #checkpoints: readonly Checkpoint[] = [];
  readonly #processes = new Map<number, Process>();
  readonly #lost: { readonly at: number; readonly leased: number }[] = [];
  readonly #metered: { readonly at: number; readonly cost: number; readonly isOutside: boolean }[] = [];

  pass(ms: number): void {
    this.now = epochMs(this.now + ms);
    for (const process of this.#processes.values()) this.#end(process);
    for (const lost of this.#lost.filter((each) => each.at <= this.now)) {
      this.#lost.splice(this.#lost.indexOf(lost), 1);
      this.#commit({ leased: -lost.leased, unconfirmed: lost.leased });
    }
  }

  act(act: Act): void {
    if (act.kind === 'outside') {
      this.#metered.push({ at: this.now, cost: act.cost, isOutside: true });
      return;
    }
    const process = this.#processes.get(act.process) ?? {
      leased: 0,
      available: 0,
      spent: 0,
      unconfirmed: 0,
      calls: [],
    };
    this.#processes.set(act.process, process);
    if (act.kind === 'lease') {
      process.leased += act.amount;
      process.available += act.amount;
      this.#commit({ leased: act.amount });
    } else if (act.kind === 'call') {
      const hold = Math.min(act.hold, process.available);
      process.available -= hold;
      const cost = Math.floor((hold * act.share) / 100);
      const endsAt = this.now + act.lastsMs;
      process.calls.push({ endsAt, hold, cost, isGivenUp: act.isGivenUp });
      this.#metered.push({ at: endsAt + (act.isGivenUp ? act.runsOnMs : 0), cost, isOutside: false });
    } else if (act.kind === 'tell') {
      this.#commit({
        leased: -process.spent - process.unconfirmed,
        settled: process.spent,
        unconfirmed: process.unconfirmed,
      });
      process.leased -= process.spent + process.unconfirmed;
      process.spent = 0;
      process.unconfirmed = 0;
    } else {
      this.#processes.delete(act.process);
      // What it held is reclaimed when its longest call is over; attempts that it gave up before may run on a little.
      if (process.leased > 0) this.#lost.push({ at: this.now + GRACE_MS, leased: process.leased });
    }
  }

  trueUp(): void {
    this.#checkpoints = withCheckpoint(this.#checkpoints, checkpointOf(this.item, this.now)) ?? this.#checkpoints;
    const closed = startOfHour(hourAt(epochMs(this.now - DELAY_MS)));
    const metered = this.#metered.filter((each) => Math.floor(each.at / MINUTE_MS) * MINUTE_MS < closed);
    const spentAtMost = nanoUsd(BigInt(metered.reduce((sum, { cost }) => sum + cost, 0)));
    const change = planTrueUp(this.item, {
      ...{ closedExcess: ZERO, openExcess: ZERO, confirmed: ZERO, unspent: ZERO, decidable: ZERO },
      unspentInAll: provenUnspent(this.#checkpoints, closed, spentAtMost),
    });
    if (change === undefined) return;
    const more = trueUpEffect(change);
    this.item = {
      ...this.item,
      unconfirmed: add(this.item.unconfirmed, more.unconfirmed),
      committed: add(this.item.committed, more.committed),
      resolution: change.to.resolution,
    };
  }

  check(): void {
    expect(isConserved(this.item)).toBe(true);
    expect(this.item.unconfirmed).toBeGreaterThanOrEqual(0n);
    // Also what calls in flight are going to cost is covered.
    expect(this.item.committed).toBeGreaterThanOrEqual(this.truth(Number.POSITIVE_INFINITY));
  }

  /** What calls of the helpers cost that end before an instant. */
  truth(until: number): NanoUsd {
    const counted = this.#metered.filter((each) => !each.isOutside && each.at < until);
    return nanoUsd(BigInt(counted.reduce((sum, { cost }) => sum + cost, 0)));
  }

  #end(process: Process): void {
    for (const call of process.calls.filter(({ endsAt }) => endsAt <= this.now)) {
      process.calls.splice(process.calls.indexOf(call), 1);
      if (call.isGivenUp) process.unconfirmed += call.hold;
      else {
        process.spent += call.cost;
        process.available += call.hold - call.cost;
      }
    }
  }

  #commit(more: { readonly settled?: number; readonly unconfirmed?: number; readonly leased?: number }): void {
    const { settled = 0, unconfirmed = 0, leased = 0 } = more;
    this.item = {
      ...this.item,
      settled: nanoUsd(this.item.settled + BigInt(settled)),
      unconfirmed: nanoUsd(this.item.unconfirmed + BigInt(unconfirmed)),
      leased: nanoUsd(this.item.leased + BigInt(leased)),
      committed: nanoUsd(this.item.committed + BigInt(settled + unconfirmed + leased)),
    };
  }
}
