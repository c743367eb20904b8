import fc from 'fast-check';
import { expect } from 'vitest';
import { add, min, nanoUsd, subtract, ZERO } from '../../domain/money.ts';
import {
  type HolderId,
  type LeaseEntry,
  type LeaseLedger,
  type LeaseWrite,
  type LedgerItem,
  type LedgerKey,
  type LedgerStore,
  NO_OPENING,
  NO_RESOLUTION,
  type WriteOutcome,
} from '../../domain/spending/ledger.ts';
import { ceiling, type LedgerStanding, type Terms } from '../../domain/spending/terms.ts';
import { amount, ENDS, holderId, NOW, OPEN, STARTS, writeId, writeOf } from './lease-writes.ts';

/** A ledger as processes reach it, and the store behind it, which the governor writes. */
export interface Party {
  readonly ledger: LeaseLedger;
  readonly governor: LedgerStore;
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
const CARE = ['provide', 'forget', 'reclaim'] as const;
/**
 * @param options `mayBreakRules` also lets holders leave sequences out, come back after they were forgotten, and know terms of the future, which
 *   only the store itself has an answer to
 */
export const steps = ({ mayBreakRules }: { readonly mayBreakRules: boolean }): fc.Arbitrary<Step> =>
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constant('write' as const),
        holder: small,
        ahead: mayBreakRules ? fc.constantFrom(1, 1, 1, 1, 0, 2) : fc.constant(1),
        settled: fc.nat({ max: 200 }),
        to: fc.constantFrom(0, 100, 400, 1000),
        knowsTerms: mayBreakRules ? fc.constantFrom(true, true, true, false) : fc.constant(true),
      }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('repeat' as const), write: fc.nat({ max: 20 }) }) },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constantFrom(...(mayBreakRules ? CARE : CARE.filter((care) => care !== 'forget'))),
        holder: small,
      }),
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

/** One sequence of requests to several ledgers, each made from the first one's item. */
export class Story {
  readonly #key: LedgerKey;
  readonly #parties: readonly Party[];
  readonly #sent: LeaseWrite[] = [];

  constructor(key: LedgerKey, parties: readonly Party[]) {
    this.#key = key;
    this.#parties = parties;
  }

  async items(): Promise<(LedgerItem | undefined)[]> {
    return await Promise.all(this.#parties.map(({ ledger }) => ledger.read(this.#key)));
  }

  async take(step: Step): Promise<void> {
    const request = await this.#requestOf(step);
    const [answer, ...others] = await Promise.all(this.#parties.map(request));
    for (const other of others) expect(answer).toEqual(other);
  }

  /** What stands before a store may keep a holder under a longer name of its own. */
  async #keptAs(governor: LedgerStore, holder: HolderId): Promise<HolderId> {
    const holders = [...((await governor.read(this.#key))?.holders.keys() ?? [])];
    return holders.find((kept) => kept.endsWith(holder)) ?? holder;
  }

  async #requestOf(step: Step): Promise<(party: Party) => Promise<string>> {
    const key = this.#key;
    const [item] = await this.items();
    const holder = holderId(1 + ('holder' in step ? step.holder : 0));
    const entry = item?.holders.get(holder);
    const known: LeaseEntry = entry ?? { sequence: 1, writeId: writeId(), leased: ZERO, expiresAt: NOW };
    switch (step.do) {
      case 'provide':
        return ({ governor }) => governor.provide({ key, startsAt: STARTS, endsAt: ENDS, terms: OPEN });
      case 'forget':
        return async ({ governor }) => governor.forget(key, new Map([[await this.#keptAs(governor, holder), known]]));
      case 'reclaim': {
        const id = writeId();
        return async ({ governor }) => governor.reclaim(key, await this.#keptAs(governor, holder), known, id);
      }
      case 'terms': {
        const version = (item?.terms.version ?? 0) + step.ahead;
        const terms: Terms = { ...OPEN, standing: step.standing, stopAt: amount(step.stopAt), version };
        return ({ governor }) => governor.changeTerms(key, terms);
      }
      case 'outside': {
        const from = item?.unattributed ?? ZERO;
        return ({ governor }) => governor.raiseUnattributed(key, { from, to: nanoUsd(from + BigInt(step.to)) });
      }
      case 'opening': {
        const from = item?.opening ?? NO_OPENING;
        const to = { settled: nanoUsd(from.settled + BigInt(step.to)), unconfirmed: nanoUsd(from.unconfirmed + 1n) };
        return ({ governor }) => governor.raiseOpening(key, { from, to });
      }
      case 'true up': {
        const { unconfirmed = ZERO, unattributed = ZERO, resolution = NO_RESOLUTION } = item ?? {};
        const confirmed = min(unconfirmed, amount(step.to));
        const unspent = min(subtract(unconfirmed, confirmed), amount(step.to % 7));
        const to = {
          unattributed: nanoUsd(unattributed + 1n),
          resolution: { confirmed: add(resolution.confirmed, confirmed), unspent: add(resolution.unspent, unspent) },
        };
        return ({ governor }) => governor.trueUp(key, { from: { unconfirmed, unattributed, resolution }, to });
      }
      case 'repeat': {
        const copy = this.#sent[step.write % Math.max(1, this.#sent.length)];
        return async ({ ledger }) => (copy === undefined ? 'nothing sent yet' : outcomeOf(await ledger.write(copy)));
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
        return async ({ ledger }) => outcomeOf(await ledger.write(write));
      }
    }
  }
}
