import type { Brand } from '../brand.ts';
import { type EpochMs, epochMs } from '../clock.ts';
import { max, type NanoUsd, subtract, ZERO } from '../money.ts';

/** A day of UTC, as AWS bills: `2026-11-23`. Sorts by time. */
export type UtcDay = Brand<string, 'UtcDay'>;

export const DAY_MS = 86_400_000;

export const utcDayAt = (at: EpochMs): UtcDay => new Date(at).toISOString().slice(0, 10) as UtcDay;
export const startOfDay = (day: UtcDay): EpochMs => epochMs(Date.parse(`${day}T00:00:00Z`));
export const endOfDay = (day: UtcDay): EpochMs => epochMs(startOfDay(day) + DAY_MS);
export const daysFrom = (first: UtcDay, last: UtcDay): UtcDay[] => {
  const days: UtcDay[] = [];
  for (let at = startOfDay(first); at <= startOfDay(last); at = epochMs(at + DAY_MS)) days.push(utcDayAt(at));
  return days;
};

/** A bill's figures may come a day late. */
export const BILLING_LAG_MS = DAY_MS;
/** Figures that have not come in so many days will not. */
const LATE_MS = 5 * DAY_MS;

/** Whether figures of a day that have not come by now will not come: then nothing means zero. */
export const isLateFor = (day: UtcDay, now: EpochMs): boolean => now - endOfDay(day) >= LATE_MS;

/** What AWS bills for one day of Bedrock, by the values of the tenant tag. */
export interface BilledDay {
  readonly day: UtcDay;
  readonly byTenant: ReadonlyMap<string, NanoUsd>;
  /** Without a value of the tag: calls round the profiles, profiles without it, or spend before the key was active. */
  readonly unassigned: NanoUsd;
  /** Whether AWS shows any cost of Bedrock at all. Nothing is not the same as zero: it may not have come yet. */
  readonly isSilent: boolean;
}

/** What the helper's usage records say of one tenant. */
export interface RecordedSpend {
  readonly settled: NanoUsd;
  /** Money whose fate nobody knows: the bill may hold any part of it. */
  readonly unconfirmed: NanoUsd;
}

export interface Drift extends RecordedSpend {
  readonly day: UtcDay;
  /** Absent where AWS tells no tenants, and everything is compared as one. */
  readonly tenant?: string;
  readonly billed: NanoUsd;
  /** What AWS bills beyond what is recorded; negative where it bills less. Zero within what is unconfirmed. */
  readonly difference: NanoUsd;
  /** The difference as a share of the largest of the three: from -100 to 100, to a hundredth. For people, never to decide with. */
  readonly percent: number;
}

/** The bill and the records of a tenant differ by more than the policy allows. */
export interface DriftDetected extends Drift {
  readonly type: 'DriftDetected';
}

export interface DriftBound {
  readonly alarmPercent: number;
  readonly ignoreBelow: NanoUsd;
}

export type DayComparison =
  /** AWS shows nothing of a day on which something was recorded: its figures may still come. */
  | { readonly kind: 'not-there-yet'; readonly day: UtcDay }
  | {
      readonly kind: 'compared';
      readonly day: UtcDay;
      readonly drifts: readonly Drift[];
      readonly unassigned: NanoUsd;
    };

/**
 * Compares one day. What is recorded under no tenant (`''`) is unassigned on the bill, among what nobody has recorded: it
 * is compared only where everything is compared as one.
 *
 * @param isLate whether figures that have not come by now will not come: then nothing means zero
 */
export function compareDay(
  billed: BilledDay,
  recorded: ReadonlyMap<string, RecordedSpend>,
  isLate: boolean,
): DayComparison {
  const { day, byTenant, unassigned } = billed;
  if (billed.isSilent && recorded.size > 0 && !isLate) return { kind: 'not-there-yet', day };
  // The key is not active, or was not then: AWS knows what was spent, and not by whom.
  const tellsNoTenant = byTenant.size === 0 && unassigned > 0n;
  if (tellsNoTenant && recorded.size > 0)
    return { kind: 'compared', day, unassigned, drifts: [driftOf({ day, billed: unassigned, ...sum(recorded) })] };
  const tenants = [...new Set([...byTenant.keys(), ...recorded.keys()])].filter((tenant) => tenant !== '').sort();
  const drifts = tenants.map((tenant) =>
    driftOf({ day, tenant, billed: byTenant.get(tenant) ?? ZERO, ...(recorded.get(tenant) ?? NOTHING) }),
  );
  return { kind: 'compared', day, drifts, unassigned };
}

const NOTHING: RecordedSpend = { settled: ZERO, unconfirmed: ZERO };

function sum(recorded: ReadonlyMap<string, RecordedSpend>): RecordedSpend {
  let [settled, unconfirmed] = [0n, 0n];
  for (const each of recorded.values())
    [settled, unconfirmed] = [settled + each.settled, unconfirmed + each.unconfirmed];
  return { settled: settled as NanoUsd, unconfirmed: unconfirmed as NanoUsd };
}

/** How far a bill and the records differ, with the unconfirmed money taken for whatever explains the difference. */
export function driftOf(compared: Omit<Drift, 'difference' | 'percent'>): Drift {
  const { billed, settled, unconfirmed } = compared;
  const most = (settled + unconfirmed) as NanoUsd;
  const difference = billed < settled ? subtract(billed, settled) : billed > most ? subtract(billed, most) : ZERO;
  // A correction may make a bill negative.
  const whole = [abs(billed), settled, abs(difference)].reduce(max);
  return { ...compared, difference, percent: whole === 0n ? 0 : Number((difference * 10_000n) / whole) / 100 };
}

const abs = (amount: NanoUsd): NanoUsd => (amount < 0n ? subtract(ZERO, amount) : amount);

/** Whether a drift is past what the policy allows, decided in whole money. */
export function isPast({ difference, billed, settled }: Drift, { alarmPercent, ignoreBelow }: DriftBound): boolean {
  const size = difference < 0n ? -difference : difference;
  return size >= ignoreBelow && size * 100n > max(billed, settled) * BigInt(alarmPercent);
}
