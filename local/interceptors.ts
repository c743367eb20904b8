/** Faults that a test puts between a client and a service. */
import type { AwsFault, Call, JsonObject } from './service.ts';

/**
 * What happens to a request instead of its normal course. A fault is answered as the service would answer it, an
 * `answer` is what the caller gets instead of the operation's; `no-answer` breaks the connection. `undefined` lets the
 * request pass.
 */
export type Interference = AwsFault | { readonly answer: JsonObject } | 'no-answer' | undefined;

/** Sees each call with its decoded input. A promise holds the request until it resolves. */
export type Interceptor = (call: Call, input: JsonObject) => Interference | Promise<Interference>;

/**
 * A function, or `before`, runs ahead of the operation, which does not run when it interferes. `after` runs when the
 * operation has succeeded: what it has done stays done, and the caller does not learn of it.
 */
export type Interception = Interceptor | { readonly before?: Interceptor; readonly after?: Interceptor };

export class Interceptors {
  readonly #interceptions = new Set<{ readonly before?: Interceptor; readonly after?: Interceptor }>();

  /** Returns a function that takes the interception away. */
  add(interception: Interception): () => void {
    const entry = typeof interception === 'function' ? { before: interception } : { ...interception };
    this.#interceptions.add(entry);
    return () => {
      this.#interceptions.delete(entry);
    };
  }

  /** The first interference, in the order in which the interceptions were added. */
  async interfere(when: 'before' | 'after', call: Call, input: JsonObject): Promise<Interference> {
    for (const interception of [...this.#interceptions]) {
      const interference = await interception[when]?.(call, input);
      if (interference !== undefined) return interference;
    }
    return undefined;
  }
}
