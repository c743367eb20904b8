import { AwsFault, type Operation, type World } from '../service.ts';

const MINUTE_MS = 60_000;

/** Refuses what comes too often, in each minute of the clock anew. */
export function throttled(
  operations: Readonly<Record<string, Operation>>,
  { clock }: World,
  callsPerMinute = Number.POSITIVE_INFINITY,
): Readonly<Record<string, Operation>> {
  let minute = 0;
  let calls = 0;
  return Object.fromEntries(
    Object.entries(operations).map(([name, operation]): [string, Operation] => [
      name,
      (input, call) => {
        const now = Math.floor(clock.now() / MINUTE_MS);
        if (now !== minute) [minute, calls] = [now, 0];
        if (++calls > callsPerMinute) throw new AwsFault('ThrottlingException', 'Rate exceeded');
        return operation(input, call);
      },
    ]),
  );
}
