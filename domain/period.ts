import type { EpochMs } from './clock.ts';
import type { Period, PeriodKind } from './period-kind.ts';
import { utcPeriod } from './utc-period.ts';
import { timeZoneId, zonedPeriod } from './zoned-period.ts';

export { PERIOD_KINDS, type Period, type PeriodKind } from './period-kind.ts';

/** Where no time zone is named. It has no clock changes, so that its calendar needs no database. */
const UTC = 'UTC';

/** Whether the runtime's time zone database knows this IANA name. Fixed offsets (`+02:00`) are not accepted. */
export function isTimeZone(name: string): boolean {
  if (name === UTC) return true;
  if (/^[+-]/.test(name)) return false;
  try {
    // Temporal also takes a date with a zone or an offset in it; then the zone that it finds has another name.
    return timeZoneId(name).toLowerCase() === name.toLowerCase();
  } catch {
    return false;
  }
}

/**
 * Periods that were looked up last, by kind and time zone: a calendar is slow, and almost always the same few periods are
 * asked for. The periods of a kind and time zone leave no gap and do not overlap.
 */
const lately = new Map<string, Period[]>();
const KEPT = 4;
const KEPT_CALENDARS = 100;

/** The period of a kind that holds the instant, by the calendar of the time zone. Days last 23, 24 or 25 hours there. */
export function periodAt(kind: PeriodKind, timeZone: string, at: EpochMs): Period {
  const calendar = `${kind} ${timeZone}`;
  const known = lately.get(calendar) ?? [];
  for (const period of known) if (at >= period.startsAt && at < period.endsAt) return period;
  const period = timeZone === UTC ? utcPeriod(kind, at) : zonedPeriod(kind, timeZone, at);
  if (lately.size >= KEPT_CALENDARS) lately.clear();
  lately.set(calendar, [period, ...known.slice(0, KEPT - 1)]);
  return period;
}

/** The period that begins where this one ends. */
export const nextPeriod = (period: Period, timeZone: string): Period => periodAt(period.kind, timeZone, period.endsAt);
