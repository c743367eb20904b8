import { type Clock, type EpochMs, epochMs } from '../domain/clock.ts';
import { steadyClock } from './steady-clock.ts';

interface Stack {
  add(middleware: unknown, options: object): void;
}

/**
 * The time of AWS, as told by the `Date` header of its answers. A machine whose own clock is right keeps it; one whose
 * clock is wrong is corrected, so that every process agrees on when a period begins and a lease ends.
 *
 * An answer that was asked for at `sent`, came at `received` and says `D` proves that the offset between the two clocks
 * lies in [D − received, D + 1 s − sent] (the header has whole seconds). The clock keeps the intersection of these
 * intervals, and its offset is the value in it nearest to zero. An answer that contradicts it starts anew: a clock was
 * set.
 */
export class AwsClock implements Clock {
  readonly #local: () => number;
  #least = Number.NEGATIVE_INFINITY;
  #most = Number.POSITIVE_INFINITY;
  /** Many answers come within one second. */
  #last: { readonly date: string; readonly told: number } | undefined;

  constructor(local: () => number = steadyClock()) {
    this.#local = local;
  }

  now(): EpochMs {
    const offset = Math.min(Math.max(0, this.#least), this.#most);
    return epochMs(this.#local() + offset);
  }

  /** Learns from one answer; times are of the local clock, `date` is the header's text. */
  learn(answer: { readonly sent: number; readonly received: number; readonly date: string | undefined }): void {
    const { date = '' } = answer;
    if (this.#last?.date !== date) this.#last = { date, told: Date.parse(date) };
    const { told } = this.#last;
    if (Number.isNaN(told)) return;
    const least = told - answer.received;
    const most = told + 1000 - answer.sent;
    const agrees = least <= this.#most && most >= this.#least;
    this.#least = agrees ? Math.max(least, this.#least) : least;
    this.#most = agrees ? Math.min(most, this.#most) : most;
  }

  /** Listens to the answers of an AWS client, errors included. Returns the client. */
  listenTo<Client extends { middlewareStack: { add(middleware: never, options: never): void } }>(
    client: Client,
  ): Client {
    const listen = (next: (args: unknown) => Promise<{ response: unknown }>) => async (args: unknown) => {
      const sent = this.#local();
      const result = await next(args);
      const headers = (result.response as { headers?: Record<string, string> }).headers;
      this.learn({ sent, received: this.#local(), date: headers?.['date'] ?? headers?.['Date'] });
      return result;
    };
    // Lowest in the deserialize step: it sees the raw answer of every attempt before an error is made of it. Without a
    // name, which may be there once only: several clocks may listen to one client.
    (client.middlewareStack as Stack).add(listen, { step: 'deserialize', priority: 'low' });
    return client;
  }
}
