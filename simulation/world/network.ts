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
  async call<T>(host: Host, service: Service, what: string, listeners: readonly Listener[], act: () => T): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      this.#trace.say(() => `${host.name} asks ${service}: ${what}`);
      try {
        return await this.#attempt(host, service, listeners, act);
      } catch (error) {
        if (attempt === MAX_ATTEMPTS || !isRetried(error)) throw error;
        await host.machine.wait(50 * 2 ** attempt * host.chance.next());
      }
    }
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

  async #attempt<T>(host: Host, service: Service, listeners: readonly Listener[], act: () => T): Promise<T> {
    let outcome: Outcome<T> | undefined;
    if (listeners.length === 0) outcome = await this.#travel(host, service, act);
    else {
      const ask = async (): Promise<AnswerHeaders> => {
        outcome = await this.#travel(host, service, act);
        return { response: { headers: { date: this.#dateOf(host.scheduler.now) } } };
      };
      let asked: (args: unknown) => Promise<AnswerHeaders> = ask;
      for (const listen of listeners) asked = listen(asked);
      await asked(NO_ARGUMENTS);
    }
    if (outcome === undefined) throw new Error('nothing came of a request');
    if ('error' in outcome) throw outcome.error;
    return outcome.value;
  }

  /** There and back. Where no answer comes, it fails as the SDK's own time-out does. */
  #travel<T>(host: Host, service: Service, act: () => T): Promise<Outcome<T>> {
    const { scheduler } = host;
    const fate = this.#faults.ofRequest(service, host);
    const begunAt = host.busySince;
    return new Promise((resolve, reject) => {
      const there = fate.latencyMs * host.chance.next();
      const timeOut = (ms = TIMEOUT_MS): void => {
        scheduler.after(ms, () => host.deliver(() => reject(awsError('TimeoutError', 'no answer came in time'))));
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
          void scheduler.after(fate.latencyMs * host.chance.next(), () => host.deliver(() => resolve(given)));
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
    });
  }
}

type Outcome<T> = { readonly value: T } | { readonly error: unknown };
const NO_ARGUMENTS = {};

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
