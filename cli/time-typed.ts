import { type EpochMs, epochMs } from '../domain/clock.ts';
import { Duration } from '../domain/policy/duration.ts';
import { UserError } from './user-error.ts';

export interface SpanOptions {
  readonly from?: string;
  readonly until?: string;
  readonly last?: string;
}

/** Reads so long a time as it was typed. @returns milliseconds, or what is wrong */
export function durationTyped(option: string, text: string): number | string {
  const span = Duration.safeParse(text);
  return span.success && span.data > 0
    ? span.data
    : `${option}: expected a number above 0 with its unit, such as 45m, 24h or 7d, and at most 30 days; not "${text}"`;
}

const DAY = /^\d{4}-\d\d-\d\d$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/;
const DAY_MS = 86_400_000;
const MOST_MS = 400 * DAY_MS;

/**
 * Reads a span of time: two instants or days of UTC, the second day included, or so long until now. A day until now where
 * nothing was typed.
 *
 * @throws {UserError} for what is wrong whatever the time is; the function that it returns for the rest
 */
export function readSpan({ from, until, last }: SpanOptions): (now: EpochMs) => { from: EpochMs; until: EpochMs } {
  const problems: string[] = [];
  const begins = from === undefined ? undefined : instantOf('--from', from, 0, problems);
  const ends = until === undefined ? undefined : instantOf('--until', until, DAY_MS, problems);
  if (last !== undefined && from !== undefined) problems.push('expected one of --from <time> and --last <duration>');
  const span = durationTyped('--last', last ?? '24h');
  if (typeof span === 'string') problems.push(span);
  if (problems.length > 0) throw new UserError(problems);
  return (now) => {
    const end = epochMs(Math.min(ends ?? Number.POSITIVE_INFINITY, now + 1));
    const start = begins ?? epochMs(end - (typeof span === 'string' ? DAY_MS : span));
    if (start >= end) throw new UserError(['--from: expected a time that has come, and is before --until']);
    if (end - start > MOST_MS) throw new UserError(['--from: expected at most 400 days until the end']);
    return { from: start, until: end };
  };
}

/** @param dayEnds what a day adds, where it stands for its end */
function instantOf(option: string, text: string, dayEnds: number, problems: string[]): EpochMs | undefined {
  const at = DAY.test(text)
    ? Date.parse(`${text}T00:00:00Z`) + dayEnds
    : TIME.test(text)
      ? Date.parse(text)
      : Number.NaN;
  if (!Number.isNaN(at)) return epochMs(at);
  problems.push(`${option}: expected a day or a time with its zone such as 2026-12-01T00:00:00Z, not "${text}"`);
  return undefined;
}
