import type { Chance } from '../clockwork/chance.ts';
import type { Host } from '../fleet/host.ts';
import type { Trace } from './trace.ts';

export type Service =
  | 'bedrock'
  | 'budgets'
  | 'cloudtrail'
  | 'cloudwatch'
  | 'cost-explorer'
  | 'dynamodb'
  | 'eventbridge'
  | 'iam'
  | 'lambda'
  | 'sns'
  | 'ssm'
  | 'tagging';

/** Shares of requests, events, calls. A share of zero takes the fault out of a seed. */
export interface FaultShares {
  /** DynamoDB turns a request away because it is busy. */
  readonly throttled: number;
  /** A request to DynamoDB never arrives, and the client times out. */
  readonly lost: number;
  /** A request to DynamoDB takes effect, and the client times out. */
  readonly unanswered: number;
  /** A copy of a request to DynamoDB arrives minutes later. */
  readonly lateCopy: number;
  /** Something is left over of a batch. */
  readonly leftOver: number;
  /** SNS, EventBridge, Bedrock, Budgets, CloudWatch and the others fail. */
  readonly servicesFail: number;
  /** They take effect without an answer. */
  readonly servicesUnanswered: number;
  /** CloudWatch gives a part of the data. */
  readonly partialMetrics: number;
  readonly eventLost: number;
  readonly eventTwice: number;
  readonly eventLate: number;
  /** A process crashes as a request of its arrives. */
  readonly crashOnArrival: number;
  /** A process is frozen as a request of its arrives. */
  readonly freezeOnArrival: number;
  /** Bedrock's runtime throttles a call. */
  readonly callThrottled: number;
  /** An attempt is billed, and its answer never comes. */
  readonly callUnanswered: number;
  /** An attempt never arrives, and nobody knows. */
  readonly callLost: number;
  /** A streamed answer breaks off. */
  readonly streamBroken: number;
  /** The caller gives up a call or a stream. */
  readonly callAborted: number;
  /** An answer tells no usage. */
  readonly usageUntold: number;
}

export type FaultName = keyof FaultShares;

export interface Fate {
  readonly kind: 'fine' | 'throttled' | 'lost' | 'unanswered' | 'late-copy';
  readonly latencyMs: number;
}

export type CallFate = 'fine' | 'throttled' | 'lost' | 'unanswered';

/** When the table cannot be reached at all. */
export interface Outage {
  readonly from: number;
  readonly until: number;
}

/** Draws what goes wrong, and counts it. */
export class Faults {
  readonly #shares: FaultShares;
  readonly #chance: Chance;
  readonly #trace: Trace;
  readonly outages: Outage[] = [];
  readonly counts = new Map<string, number>();
  /** While it is not, everything is as it should be. */
  isOn = false;

  constructor(shares: FaultShares, chance: Chance, trace: Trace) {
    this.#shares = shares;
    this.#chance = chance;
    this.#trace = trace;
  }

  get total(): number {
    let total = 0;
    for (const count of this.counts.values()) total += count;
    return total;
  }

  happens(fault: FaultName): boolean {
    if (!this.isOn || !this.#chance.happens(this.#shares[fault])) return false;
    this.count(fault);
    return true;
  }

  count(fault: string): void {
    this.counts.set(fault, (this.counts.get(fault) ?? 0) + 1);
  }

  ofRequest(service: Service, host: Host): Fate {
    const kind = this.#kindOf(service, host);
    if (kind !== 'fine') {
      host.suffered++;
      this.#trace.say(() => `${host.name}: a request to ${service} is ${kind}`);
    }
    return { kind, latencyMs: service === 'dynamodb' ? 8 : 60 };
  }

  #kindOf(service: Service, { isRemote, scheduler: { now } }: Host): Fate['kind'] {
    if (!this.isOn) return 'fine';
    // From a laptop on a train.
    if (isRemote && service === 'dynamodb' && this.#shares.lateCopy > 0 && this.#chance.happens(0.3)) {
      this.count('lateCopy');
      return 'late-copy';
    }
    if (service !== 'dynamodb') {
      if (this.happens('servicesFail')) return 'throttled';
      return this.happens('servicesUnanswered') ? 'unanswered' : 'fine';
    }
    if (this.outages.some(({ from, until }) => now >= from && now < until)) {
      this.count('outage');
      return 'lost';
    }
    if (this.happens('throttled')) return 'throttled';
    if (this.happens('lost')) return 'lost';
    if (this.happens('unanswered')) return 'unanswered';
    return this.happens('lateCopy') ? 'late-copy' : 'fine';
  }

  /** A request has arrived, and its answer is on its way. */
  onArrival(host: Host): void {
    if (!this.isOn || host.isGone || host.isSpared) return;
    if (this.happens('crashOnArrival')) {
      this.#trace.say(() => `${host.name} crashes`);
      host.crash();
    } else if (this.happens('freezeOnArrival')) {
      const ms = this.#chance.between(1_000, 200_000);
      this.#trace.say(() => `${host.name} is frozen for ${Math.round(ms)} ms`);
      host.suffered++;
      host.freeze(ms);
    }
  }

  ofCall(): CallFate {
    if (this.happens('callThrottled')) return 'throttled';
    if (this.happens('callLost')) return 'lost';
    return this.happens('callUnanswered') ? 'unanswered' : 'fine';
  }

  /** After how many milliseconds an event is delivered, each time that it is. */
  ofEvent(): number[] {
    if (this.happens('eventLost')) return [];
    const soon = this.#chance.exponential(2_000);
    const first = this.happens('eventLate') ? this.#chance.between(30_000, 400_000) : soon;
    return this.happens('eventTwice') ? [first, this.#chance.exponential(60_000)] : [first];
  }
}
