import type { Clock } from '../clock.ts';
import {
  type Call,
  type DeadLetter,
  type DeadLetterQueue,
  type DeadLetterQueueName,
  readLetter,
} from './dead-letter.ts';

/** A queue of dead letters. What was received is invisible to others for some minutes. */
export interface DeadLetters {
  /** Whether there is such a queue. */
  isThere(): Promise<boolean>;
  /** Some that are visible; none may mean that there are some all the same, so {@link count} is asked too. */
  receive(): Promise<readonly DeadLetter[]>;
  /** About how many are visible now. */
  count(): Promise<number>;
  remove(letter: DeadLetter): Promise<void>;
  /** Makes it visible again at once. */
  release(letter: DeadLetter): Promise<void>;
}

export interface Redriving {
  /** What the names of the stack's functions begin with. */
  readonly prefix: string;
  readonly clock: Clock;
  letters(queue: DeadLetterQueue): DeadLetters;
  /**
   * Hands a function its event as the service would have, and returns when Lambda has taken it, not when it is done.
   * There may be no such function any more: an earlier version of the stack had it.
   */
  call(call: Call): Promise<'taken' | 'no-such-function'>;
}

export interface Redriven {
  readonly queue: DeadLetterQueueName;
  /** Of a queue that several Regions have. */
  readonly region?: string;
  /** The stack of that Region is not deployed. */
  readonly isMissing?: true;
  /** How many letters each function was called for; a function may have been called less often. */
  readonly called: ReadonlyMap<string, number>;
  /** What stays in the queue, and why. */
  readonly kept: readonly { readonly id: string; readonly why: string }[];
  /** About how many came in meanwhile, or could not be had: another run finds them. */
  readonly left: number;
}

export interface RedriveOptions {
  readonly dryRun: boolean;
  readonly isInterrupted?: () => boolean;
  /** Hears of each queue when it is done; what later ones fail with changes nothing about it. */
  readonly told?: (report: Redriven) => void;
}

/** SQS asks only some of its servers at a time, so one empty answer says little. */
const EMPTY_ANSWERS = 5;

/**
 * Calls the functions again for what got lost on its way to them, and removes the letter once Lambda has taken the call.
 * What breaks off in between is called again by the next run; events are hints, so that changes nothing.
 *
 * A letter that came in after the run began stays: it may be of a call that this run has made, and failed.
 *
 * In a Region whose queue is not there, nothing can be; that is told, and the others are gone through all the same.
 *
 * @param dryRun tells what would be called, and leaves everything where it is
 * @param isInterrupted is asked before each letter; then what is not done stays for the next run
 */
export async function redrive(
  ports: Redriving,
  queues: readonly DeadLetterQueue[],
  { dryRun, isInterrupted = () => false, told = () => {} }: RedriveOptions,
): Promise<readonly Redriven[]> {
  const made = new Set<string>();
  const reports: Redriven[] = [];
  for (const queue of queues) {
    if (isInterrupted()) break;
    const place = 'region' in queue ? { region: queue.region } : {};
    const isMissing = 'region' in queue && !(await ports.letters(queue).isThere());
    const report: Redriven = isMissing
      ? { queue: queue.name, ...place, isMissing, called: new Map(), kept: [], left: 0 }
      : { ...(await redriveQueue(ports, queue, { dryRun, isInterrupted, made })), ...place };
    reports.push(report);
    told(report);
  }
  return reports;
}

async function redriveQueue(
  ports: Redriving,
  queue: DeadLetterQueue,
  {
    dryRun,
    isInterrupted,
    made,
  }: Required<Omit<RedriveOptions, 'told'>> & {
    readonly made: Set<string>;
  },
): Promise<Redriven> {
  const letters = ports.letters(queue);
  const called = new Map<string, number>();
  /** Received and still in the queue, with what speaks against calling for it. */
  const inHand = new Map<string, { readonly letter: DeadLetter; readonly why?: string }>();
  // Asked first, so that the clock is the queue's.
  await letters.count();
  const begun = ports.clock.now();
  let late = 0;
  let notTaken = 0;

  const take = async (letter: DeadLetter): Promise<void> => {
    if (letter.sentAt > begun) {
      late++;
      return;
    }
    const read = readLetter(ports.prefix, queue, letter);
    if (read.kind === 'unreadable') {
      inHand.set(letter.id, { letter, why: read.why });
      return;
    }
    if (!dryRun) {
      if ((await callOnce(ports, read.call, made)) === 'no-such-function') {
        inHand.set(letter.id, { letter, why: `there is no function ${read.call.functionName}` });
        return;
      }
      await letters.remove(letter);
      inHand.delete(letter.id);
    }
    called.set(read.call.functionName, (called.get(read.call.functionName) ?? 0) + 1);
  };

  try {
    for (let empty = 0; empty < EMPTY_ANSWERS && !isInterrupted(); ) {
      const received = await letters.receive();
      const fresh = received.filter(({ id }) => !inHand.has(id));
      // Of one that came round again only the latest receipt is good.
      for (const letter of received) inHand.set(letter.id, { ...inHand.get(letter.id), letter });
      for (const letter of fresh)
        if (isInterrupted()) notTaken++;
        else await take(letter);
      if (fresh.length > 0) continue;
      if (received.length === 0 && (await letters.count()) === 0) break;
      empty++;
    }
  } finally {
    // Where that fails, and the failure that led here is told, they become visible by themselves in some minutes.
    for (const { letter } of inHand.values()) await letters.release(letter).catch(() => {});
  }
  const visible = await letters.count();
  return {
    queue: queue.name,
    called,
    kept: [...inHand].flatMap(([id, { why }]) => (why === undefined ? [] : [{ id, why }])),
    left: notTaken + (dryRun ? late : Math.max(late, visible - (inHand.size - late))),
  };
}

async function callOnce(ports: Redriving, call: Call, made: Set<string>): ReturnType<Redriving['call']> {
  const key = call.isScheduled ? call.functionName : `${call.functionName} ${call.payload}`;
  if (made.has(key)) return 'taken';
  const outcome = await ports.call(call);
  if (outcome === 'taken') made.add(key);
  return outcome;
}
