import type { Host } from '../fleet/host.ts';
import type { Faults, Service } from '../run/faults.ts';
import type { Trace } from '../run/trace.ts';
import { awsError } from './aws-error.ts';

interface AnswerHeaders {
  readonly response: { readonly headers: Readonly<Record<string, string>> };
}

type Listener = (next: (args: unknown) => Promise<AnswerHeaders>) => (args: unknown) => Promise<AnswerHeaders>;

/** How long a client waits for an answer that does not come, and how often the SDK asks. */
const TIMEOUT_MS = 3_000;
const FUNCTION_TIMEOUT_MS = 5_000;
const MAX_ATTEMPTS = 3;
/** A signed request lives for 15 minutes: so late a copy of it may still arrive; most come while its sender still lives. */
const LATE_COPY_MS = 14 * 60_000;

/**
 * What lies between a process and a service of AWS: the SDK's retry, and a network that loses requests and answers, delays
 * both, and brings a copy of a request long after it was sent.
 */
export class Network {
  readonly #faults: Faults;
  readonly #trace: Trace;
  /** Whose request a service is answering. */
  actor: Host | undefined;
  /** When its sender began what the request belongs to. */
  begunAt = 0;
  #second = 0;
  #date = '';

  constructor(faults: Faults, trace: Trace) {
    this.#faults = faults;
    this.#trace = trace;
  }

  /**
   * One call of a client, with the retries of the SDK: byte-identical requests, of which several may land.
   * @param what is asked, for the trace
   * @param act what the service does when a request arrives
   */
  call<T>(host: Host, service: Service, what: string, listeners: readonly Listener[], act: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const attempt = (number: number): void => {
        this.#trace.say(() => `${host.name} asks ${service}: ${what}`);
        this.#ask(host, service, listeners, act, (outcome) => {
          if ('value' in outcome) resolve(outcome.value);
          else if (number === MAX_ATTEMPTS || !isRetried(outcome.error)) reject(outcome.error);
          else host.machine.after(50 * 2 ** number * host.chance.next(), () => attempt(number + 1));
        });
      };
      attempt(1);
    });
  }

  /** As the header has it, in whole seconds. */
  #dateOf(now: number): string {
    const second = Math.floor(now / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#date = new Date(second * 1_000).toUTCString();
    }
    return this.#date;
  }

  /** An answer passes by those who listen on the way back; where none comes, they hear of the failure. */
  #ask<T>(
    host: Host,
    service: Service,
    listeners: readonly Listener[],
    act: () => T,
    done: (outcome: Outcome<T>) => void,
  ): void {
    if (listeners.length === 0) {
      this.#travel(host, service, act, done);
      return;
    }
    let outcome: Outcome<T> | undefined;
    let asked = (_: unknown): Promise<AnswerHeaders> =>
      new Promise((resolve, reject) =>
        this.#travel(host, service, act, (given, isAnswer) => {
          outcome = given;
          if (isAnswer) resolve({ response: { headers: { date: this.#dateOf(host.scheduler.now) } } });
          else reject(NO_ANSWER);
        }),
      );
    for (const listen of listeners) asked = listen(asked);
    const end = (error?: unknown): void => done(outcome ?? { error });
    asked(NO_ARGUMENTS).then(() => end(), end);
  }

  /** There and back. Where no answer comes, it fails as the SDK's own time-out does. */
  #travel<T>(host: Host, service: Service, act: () => T, done: (outcome: Outcome<T>, isAnswer: boolean) => void): void {
    const { scheduler } = host;
    const fate = this.#faults.ofRequest(service, host);
    const begunAt = host.busySince;
    const there = fate.latencyMs * host.chance.next();
    let isOver = false;
    const end = (outcome: Outcome<T>, isAnswer: boolean): void => {
      if (isOver) return;
      isOver = true;
      done(outcome, isAnswer);
    };
    const timeOut = (ms = TIMEOUT_MS): void => {
      scheduler.after(ms, () =>
        host.deliver(() => end({ error: awsError('TimeoutError', 'no answer came in time') }, false)),
      );
    };
    if (fate.kind === 'lost') {
      timeOut();
      return;
    }
    const arrive = (): void => {
      const land = () => {
        this.actor = host;
        this.begunAt = begunAt;
        return outcomeOf(act);
      };
      const outcome = fate.kind === 'throttled' ? { error: throttled(service) } : land();
      if (fate.kind === 'late-copy') scheduler.after(host.chance.next() ** 3 * LATE_COPY_MS, land);
      const answer = (given: Outcome<T>): void =>
        void scheduler.after(fate.latencyMs * host.chance.next(), () => host.deliver(() => end(given, true)));
      if (fate.kind === 'unanswered') timeOut();
      else if ('value' in outcome && outcome.value instanceof Promise) {
        // A function takes its time, and a client does not wait for ever.
        timeOut(FUNCTION_TIMEOUT_MS);
        outcome.value.then(
          (value: T) => answer({ value }),
          (error: unknown) => answer({ error }),
        );
      } else answer(outcome);
      this.#faults.onArrival(host);
    };
    // While nothing misbehaves nothing overtakes it either.
    if (this.#faults.isOn) scheduler.after(there, arrive);
    else arrive();
  }
}

type Outcome<T> = { readonly value: T } | { readonly error: unknown };
const NO_ARGUMENTS = {};
const NO_ANSWER = new Error('no answer came');

function outcomeOf<T>(act: () => T): Outcome<T> {
  try {
    return { value: act() };
  } catch (error) {
    return { error };
  }
}

const THROTTLES: Readonly<Partial<Record<Service, string>>> = {
  dynamodb: 'ProvisionedThroughputExceededException',
  budgets: 'ThrottlingException',
};

const throttled = (service: Service): Error =>
  awsError(THROTTLES[service] ?? 'ThrottlingException', 'Rate exceeded', 400);

const isRetried = (error: unknown): boolean =>
  error instanceof Error &&
  (error.name === 'TimeoutError' ||
    error.name === 'ThrottlingException' ||
    error.name === 'ProvisionedThroughputExceededException' ||
    error.name === 'InternalServerError');

export type { Listener };
