import type { EpochMs } from '../clock.ts';
import { epochMs } from '../clock.ts';
import { add, max, min, type NanoUsd, nanoUsd, subtract, ZERO } from '../money.ts';
import { type LedgerItem, NO_RESOLUTION, type TrueUpWrite } from './ledger.ts';
import { DEAREST_TIER, type PicoUsdPerToken, priceOf, type Rates } from './pricing.ts';
import type { Usage } from './usage.ts';
import { hourAt, type ProcessId, processOf, startOfHour, type UsageTotals } from './usage-record.ts';

/**
 * The true-up compares what AWS metered through a profile with what the helpers recorded, token by token.
 *
 * It compares from the period's beginning to the end of the last closed hour, not hour by hour: a call that is metered
 * in one hour and recorded in the next is then in both sums, save for the calls of the last minute, where hours taken
 * singly would find a little spend outside at every one of them and never give it back.
 *
 * Everything that it finds is an amount since the period's beginning, and the ledger item holds such amounts. So doing
 * it again changes nothing, whatever was interrupted: there is one write, and it says what is to be.
 */

/** How late metrics may be. UNVERIFIED as a bound: CloudWatch gives none; "minutes" is what is seen. */
export const METRICS_DELAY_MS = 15 * 60_000;

/**
 * Up to where everything is metered and recorded: the last full hour that is older than the metrics' delay and than the
 * watermark of every process that holds money. A holder whose process has told no watermark closes nothing.
 */
export function closedUntil(
  now: EpochMs,
  holders: LedgerItem['holders'],
  watermarks: ReadonlyMap<ProcessId, EpochMs>,
  delayMs: number = METRICS_DELAY_MS,
): EpochMs | undefined {
  let until = now - delayMs;
  for (const [holder, { leased }] of holders) {
    if (leased === 0n) continue;
    const watermark = watermarks.get(processOf(holder));
    if (watermark === undefined) return undefined;
    until = Math.min(until, watermark);
  }
  return startOfHour(hourAt(epochMs(until)));
}

/** What a comparison shows of one profile in one window. */
export interface Finding {
  /** What was metered and not recorded, at the profile's rates: no more than it certainly cost, but for the flex tier. */
  readonly excess: NanoUsd;
  /** The most that it can have cost: at the dearest tier, every cache write at the dearer rate. */
  readonly excessAtMost: NanoUsd;
  /** Unconfirmed money that is proven to be spent. */
  readonly confirmed: NanoUsd;
  /** Unconfirmed money that is proven not to be spent. */
  readonly unspent: NanoUsd;
  /** Whether everything recorded has been metered; where not, metrics are missing and prove nothing unspent. */
  readonly isConclusive: boolean;
}

export const NOTHING_FOUND: Finding = {
  excess: ZERO,
  excessAtMost: ZERO,
  confirmed: ZERO,
  unspent: ZERO,
  isConclusive: false,
};

/**
 * Compares one profile in a closed window. Metered = recorded proves that nothing unconfirmed was spent; an excess is
 * taken for the unconfirmed attempts first, and only what goes beyond them came from outside.
 *
 * Metrics do not tell the service tier of a call, so that an excess is priced at the default tier, and at the dearest
 * where money is to be freed; recorded calls have their own price already and are compared by tokens.
 *
 * @param doubtful part of `recorded.unconfirmed` that may be another period's: it explains an excess, but is not decided
 */
export function compare(rates: Rates, metered: Usage, recorded: UsageTotals, doubtful: NanoUsd = ZERO): Finding {
  const { usage, unconfirmed } = recorded;
  const input = metered.inputTokens - usage.inputTokens;
  const output = metered.outputTokens - usage.outputTokens;
  const cacheRead = metered.cacheReadInputTokens - usage.cacheReadInputTokens;
  // Metrics may not tell the two kinds of cache writes apart: compared together, and priced by what is told.
  const cacheWrite = cacheWrites(metered) - cacheWrites(usage);
  const oneHour = Math.max(0, metered.cacheWrite1hInputTokens - usage.cacheWrite1hInputTokens);
  const written = Math.max(0, cacheWrite);
  const beyond: Usage = {
    inputTokens: Math.max(0, input),
    outputTokens: Math.max(0, output),
    cacheReadInputTokens: Math.max(0, cacheRead),
    cacheWrite5mInputTokens: written - Math.min(oneHour, written),
    cacheWrite1hInputTokens: Math.min(oneHour, written),
  };
  const excess = nanoUsd(BigInt(priceOf(rates, beyond, 'default')));
  const excessAtMost = nanoUsd(BigInt(priceOf(withDearestWrites(rates), beyond, DEAREST_TIER)));
  const isConclusive = input >= 0 && output >= 0 && cacheRead >= 0 && cacheWrite >= 0;
  if (!isConclusive) return { ...NOTHING_FOUND, excess, excessAtMost };
  const own = subtract(unconfirmed, doubtful);
  return {
    excess,
    excessAtMost,
    confirmed: min(own, atLeastNothing(excess - doubtful)),
    unspent: atLeastNothing(own - excessAtMost),
    isConclusive,
  };
}

const withDearestWrites = (rates: Rates): Rates => {
  const dearest = Math.max(rates.cacheWrite5m, rates.cacheWrite1h) as PicoUsdPerToken;
  return { ...rates, cacheWrite5m: dearest, cacheWrite1h: dearest };
};

const cacheWrites = (usage: Usage): number => usage.cacheWrite5mInputTokens + usage.cacheWrite1hInputTokens;

export const atLeastNothing = (amount: bigint): NanoUsd => max(ZERO, nanoUsd(amount));

/** What the comparison of all profiles that a budget covers comes to, since the period's beginning. */
export interface BudgetFinding {
  /** Metered beyond the recorded in the closed hours, all profiles together. */
  readonly closedExcess: NanoUsd;
  /** The same up to now; some of it may be in leases or on its way into a record. */
  readonly openExcess: NanoUsd;
  readonly confirmed: NanoUsd;
  readonly unspent: NanoUsd;
  /** Unconfirmed money in the closed hours' records that may be decided. */
  readonly decidable: NanoUsd;
  /** Unconfirmed money of any origin that the ledger's own amounts prove unspent; see domain/spending/checkpoint.ts. */
  readonly unspentInAll: NanoUsd;
}

/**
 * What the ledger item is to hold after a true-up; undefined where it does already.
 *
 * - `unconfirmed` falls by what is proven, never below zero. What records tell of attempts decides no more than was
 *   recorded as unconfirmed; what reclaimed leases left in it has no record, and falls only by what the ledger's own
 *   amounts prove. The two proofs are about the same money: the stronger counts, not their sum.
 * - `unattributed` rises to the excess that nothing else in the item accounts for, and never falls. While hours are open,
 *   money in leases accounts for it too: then only the certain minimum counts.
 * - What was decided stays decided. Should a metric come later than its delay and prove spent what was taken off, it
 *   comes back as unattributed.
 */
export function planTrueUp(item: LedgerItem, finding: BudgetFinding): TrueUpWrite | undefined {
  const before = item.resolution ?? NO_RESOLUTION;
  const undecided = atLeastNothing(finding.decidable - before.confirmed - before.unspent);
  const room = min(item.unconfirmed, undecided);
  // Confirming comes first: it leaves `committed` as it is, so that in doubt less money comes free.
  const confirming = min(room, atLeastNothing(finding.confirmed - before.confirmed));
  const byRecords = min(subtract(room, confirming), atLeastNothing(finding.unspent - before.unspent));
  // What is left still accounts for the excess: calls that were told and never recorded are no spend from outside.
  const spare = atLeastNothing(before.confirmed + item.unconfirmed + item.unattributed - finding.closedExcess);
  const byLedger = min(spare, atLeastNothing(finding.unspentInAll - before.unspent));
  const freeing = max(byRecords, min(subtract(item.unconfirmed, confirming), byLedger));
  const resolution = { confirmed: add(before.confirmed, confirming), unspent: add(before.unspent, freeing) };
  const accounted = add(resolution.confirmed, subtract(item.unconfirmed, add(confirming, freeing)));
  const unattributed = max(
    item.unattributed,
    max(subtract(finding.closedExcess, accounted), subtract(finding.openExcess, add(accounted, item.leased))),
  );
  if (confirming === 0n && freeing === 0n && unattributed === item.unattributed) return undefined;
  return {
    from: { unconfirmed: item.unconfirmed, unattributed: item.unattributed, resolution: before },
    to: { unattributed, resolution },
  };
}
