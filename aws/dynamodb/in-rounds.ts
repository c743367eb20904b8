import type { Fault } from '../../domain/fault.ts';
import { thisMachine } from '../machine.ts';

const MAX_ROUNDS = 6;
/** Doubled with each round: what DynamoDB leaves over it asks to be left alone for. */
const FIRST_PAUSE_MS = 50;

/** How one waits, in milliseconds. */
export type Wait = (ms: number) => Promise<unknown>;

export const waitInRealTime: Wait = thisMachine.wait;

/**
 * Does a batch request, and does it again for what the table left over because it was busy.
 *
 * @param request returns what is left over
 * @param tooBusy what to throw where so much is left after the last round
 */
export async function inRounds<Part>(
  parts: readonly Part[],
  {
    request,
    tooBusy,
    wait,
  }: {
    readonly request: (parts: Part[]) => Promise<Part[] | undefined>;
    readonly tooBusy: (left: number) => Fault;
    readonly wait: Wait;
  },
): Promise<void> {
  let rest = [...parts];
  for (let round = 0; rest.length > 0; round++) {
    if (round === MAX_ROUNDS) throw tooBusy(rest.length);
    if (round > 0) await wait(FIRST_PAUSE_MS * 2 ** (round - 1));
    rest = (await request(rest)) ?? [];
  }
}
