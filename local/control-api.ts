/** The part of the endpoint that is not AWS: moves and shows the virtual clock. */
import { Temporal } from 'temporal-polyfill';
import { parseObject } from './members.ts';
import type { WireRequest, WireResponse } from './protocols/wire.ts';
import type { VirtualClock } from './virtual-clock.ts';

const EXAMPLES = 'Send either {"advance":"PT10H"} or {"to":"2026-12-01T00:01:00Z"}.';
const PREFIX = '/_embedded/';

export function isControlRequest(request: WireRequest): boolean {
  return request.path.startsWith(PREFIX);
}

/**
 * - `GET /_embedded/health` → `{"status":"ok"}`
 * - `GET /_embedded/clock` → `{"now":"2026-11-23T10:00:00.000Z"}`
 * - `POST /_embedded/clock` with `{"advance":"PT10H"}` (ISO 8601 duration, calendar units in UTC) or
 *   `{"to":"2026-12-01T00:01:00Z"}` moves the clock and answers like GET when all that this set off has ended.
 */
export async function answerControlRequest(request: WireRequest, clock: VirtualClock): Promise<WireResponse> {
  const route = `${request.method} ${request.path.slice(PREFIX.length)}`;
  if (route === 'GET health') return json(200, { status: 'ok' });
  if (route === 'GET clock') return json(200, { now: new Date(clock.now()).toISOString() });
  if (route !== 'POST clock') return json(404, { message: `There is no ${request.method} ${request.path}.` });
  try {
    const move = readMove(request.body.toString('utf8'));
    if ('advance' in move) await clock.advance(millisecondsFrom(clock.now(), move.advance));
    else await clock.moveTo(move.to);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return error instanceof RangeError ? json(400, { message: `${message} ${EXAMPLES}` }) : json(500, { message });
  }
  return json(200, { now: new Date(clock.now()).toISOString() });
}

function readMove(body: string): { readonly advance: Temporal.Duration } | { readonly to: number } {
  const { advance, to } = parseObject(body) ?? {};
  if (typeof advance === 'string' && to === undefined) return { advance: Temporal.Duration.from(advance) };
  if (typeof to === 'string' && advance === undefined) return { to: Temporal.Instant.from(to).epochMilliseconds };
  throw new RangeError('There is no move in this.');
}

function millisecondsFrom(now: number, duration: Temporal.Duration): number {
  const start = Temporal.Instant.fromEpochMilliseconds(now).toZonedDateTimeISO('UTC');
  return start.add(duration).epochMilliseconds - now;
}

function json(status: number, body: Readonly<Record<string, string>>): WireResponse {
  return { status, headers: { 'content-type': 'application/json' }, body: `${JSON.stringify(body)}\n` };
}
