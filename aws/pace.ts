import { isThrottle } from '../domain/fault.ts';
import { errorName } from './asking.ts';
import { type Machine, thisMachine } from './machine.ts';

export interface PaceOptions {
  readonly perSecond: number;
  /** Requests that may go out at once after a pause. */
  readonly burst: number;
  /** Milliseconds. A clock that is set back pauses the pace, and does not undo it. */
  readonly now?: () => number;
  readonly wait?: (ms: number) => Promise<unknown>;
  /** How often one request is repeated that AWS throttled, after the SDK has given up. Default 4. */
  readonly repeats?: number;
}

/** GetResources: 15 requests a second for an account (AWS General Reference), of which others need some. */
export const GET_RESOURCES_PACE = { perSecond: 10, burst: 5 } as const;
/** Bedrock publishes no rate for reading and tagging profiles (UNVERIFIED): throttling tells. */
export const BEDROCK_PACE = { perSecond: 50, burst: 25 } as const;
/** A function that is called for each event does one thing at a time: it only slows down once AWS has throttled it. */
export const EVENT_PACE = { perSecond: 1_000, burst: 100 } as const;

/**
 * AWS Budgets publishes no rate; tens of calls a minute are taken (UNVERIFIED). Who is throttled does not insist: what is
 * left is left to the next sweep.
 */
export const BUDGETS_PACE = { perSecond: 0.75, burst: 20, repeats: 0 } as const;

/** Cost Explorer publishes no rate either, and each request costs a US cent: one a second is taken (UNVERIFIED). */
export const COST_EXPLORER_PACE = { perSecond: 1, burst: 3 } as const;

const REPEATS = 4;
const SLOWEST_SHARE = 1 / 16;
/** What each success adds to the rate again, as a share of the full rate. */
const RECOVERY_SHARE = 1 / 100;

/**
 * A token bucket: requests wait for their turn, so that they stay below a rate. When AWS throttles all the same, the rate
 * is halved for everybody, the request is repeated, and the rate recovers with each success.
 */
export class Pace {
  readonly #options: Required<PaceOptions>;
  #perSecond: number;
  #tokens: number;
  #at: number;
  #slowedAt = Number.NEGATIVE_INFINITY;

  constructor(options: PaceOptions) {
    this.#options = { now: thisMachine.monotonic, wait: thisMachine.wait, repeats: REPEATS, ...options };
    this.#perSecond = options.perSecond;
    this.#tokens = options.burst;
    this.#at = this.#options.now();
  }

  /** @throws what the request throws; a throttled one has been repeated some times */
  async keep<Answer>(request: () => Promise<Answer>): Promise<Answer> {
    const { perSecond, repeats } = this.#options;
    for (let repeat = 0; ; repeat++) {
      await this.#turn();
      const sentAt = this.#options.now();
      try {
        const answer = await request();
        this.#setRate(this.#perSecond + perSecond * RECOVERY_SHARE);
        return answer;
      } catch (error) {
        if (!isThrottle(errorName(error))) throw error;
        // Requests that were under way together are throttled together, and slow down once.
        if (sentAt > this.#slowedAt) {
          this.#setRate(this.#perSecond / 2);
          this.#slowedAt = this.#options.now();
        }
        if (repeat === repeats) throw error;
      }
    }
  }

  /** Takes a token, which may be one that is not there yet: whoever waits has its place in the line. */
  async #turn(): Promise<void> {
    this.#refill();
    this.#tokens -= 1;
    if (this.#tokens < 0) await this.#options.wait(Math.ceil((-this.#tokens / this.#perSecond) * 1_000));
  }

  #refill(): void {
    const at = this.#options.now();
    this.#tokens = Math.min(this.#options.burst, this.#tokens + (Math.max(0, at - this.#at) / 1_000) * this.#perSecond);
    this.#at = at;
  }

  #setRate(perSecond: number): void {
    this.#refill();
    const { perSecond: full } = this.#options;
    this.#perSecond = Math.min(full, Math.max(full * SLOWEST_SHARE, perSecond));
  }
}

/** A pace by the clock of a machine, unless it says another. */
export const paceOf = ({ monotonic, wait }: Machine, rate: PaceOptions): Pace =>
  new Pace({ now: monotonic, wait, ...rate });
