/** What a test decides about model calls: how long they take, how they fail, and what they tell of their usage. */
import type { AwsFault } from '../service.ts';
import type { ModelErrorName, StreamErrorName } from './model-errors.ts';

export type ModelOperation = 'Converse' | 'ConverseStream' | 'InvokeModel' | 'InvokeModelWithResponseStream';

/** One attempt that has reached the runtime, whatever then became of it. Denied requests do not reach it. */
export interface ModelCall {
  readonly at: number;
  readonly operation: ModelOperation;
  readonly region: string;
  /** As the caller named it. */
  readonly modelId: string;
  readonly principalArn: string;
  readonly requestId: string;
}

/**
 * The course of one call, for what is not as usual. Times are milliseconds of the virtual clock, so a call that takes
 * an hour ends when the test moves the clock by an hour.
 */
export interface ModelCallPlan {
  /** Answered instead of anything else: no model runs and nothing is billed. Waits for `latencyMs`, too. */
  readonly refuse?: ModelErrorName | AwsFault;
  /** Until the answer, or the first event of a stream. Without it a call takes no time and reports a likely latency. */
  readonly latencyMs?: number;
  /** What the model would write; cut off at the most that the request allows. */
  readonly outputTokens?: number;
  /** In how many pieces a stream carries the text; at most one for each output token. Default 4. */
  readonly chunks?: number;
  /** Before each piece of text but the first. */
  readonly chunkLatencyMs?: number;
  /**
   * Ends the call after so many pieces of text: with an error event, or without one when the connection is cut. A call
   * that does not stream can only be `cut`, which loses its answer; it has run to its end then and is billed whole.
   */
  readonly breaks?: { readonly afterChunks: number; readonly by: 'cut' | StreamErrorName };
  /**
   * `in-body` leaves out what Bedrock adds to a model-native answer (token count headers, invocationMetrics), `nowhere`
   * also what the model's own answer or Converse says. What is billed stays the same. Default `everywhere`.
   */
  readonly usage?: 'everywhere' | 'in-body' | 'nowhere';
}

/**
 * Plans a call whose request is valid, when it arrives. `undefined` leaves it to the other planners, or to the usual
 * course. Who wants to move the clock for a call that has arrived waits for `settled()` first.
 */
export type ModelCallPlanner = (call: ModelCall) => ModelCallPlan | undefined;

/** The attempts so far, and those who plan them. */
export class ModelCalls {
  readonly made: ModelCall[] = [];
  readonly #planners = new Set<{ readonly plan: ModelCallPlanner }>();

  /** Returns a function that takes the planner away. */
  plan(planner: ModelCallPlanner): () => void {
    const entry = { plan: planner };
    this.#planners.add(entry);
    return () => {
      this.#planners.delete(entry);
    };
  }

  /** The first plan, in the order in which the planners were added. */
  planOf(call: ModelCall): ModelCallPlan {
    for (const { plan } of [...this.#planners]) {
      const planned = plan(call);
      if (planned !== undefined) return planned;
    }
    return {};
  }
}
