import type { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import type { ThresholdHint } from '../domain/signals/threshold-hint.ts';
import { type LedgerItem, spent } from '../domain/spending/ledger.ts';

/** Tells the governor early of what the ledger shows anyway: the option `hints` of `costGovernor`. */
export interface HintChoice {
  open(process: { readonly region: string | undefined }): Hints;
}

export interface Hints {
  /** Looks at an item that this process has read or written; returns at once and never throws. */
  saw(item: LedgerItem): void;
  /** Resolves when what was told has been taken, or not. Never rejects. */
  settled(): Promise<void>;
  readonly counts: HintCounts;
}

/** What became of the hints of this process. */
export interface HintCounts {
  readonly published: number;
  readonly failed: number;
}

export interface EventHintsOptions {
  /** The governor's bus: the output `BusName` of its stack. The process's role needs `events:PutEvents` on it. */
  readonly busName: string;
  /** Shares of a budget's limit, in percent, at which the governor is to look; by default 50, 80, 90 and 100. */
  readonly at?: readonly number[];
  /** By default one made from the environment that gives up a request after three seconds. */
  readonly client?: EventBridgeClient;
}

const DEFAULT_AT = [50, 80, 90, 100];
/** The SDK's own clients wait for as long as the connection stands. */
const TIME_OUTS = { connectionTimeout: 1_000, requestTimeout: 3_000, throwOnRequestTimeout: true };

/**
 * Tells the governor through EventBridge that a budget has crossed a share of its limit, so that it acts within seconds
 * instead of a minute. Each process tells once for each budget, share and period, off the path of calls, and loads the
 * client for EventBridge when it first has something to tell. A hint that is lost is counted and nothing else: the governor
 * looks over the ledger each minute.
 *
 * ```ts
 * costGovernor({ …, hints: eventBridgeHints({ busName: 'bedrock-cost-governor-prod' }) })
 * ```
 *
 * @throws {RangeError} where a share is no whole percentage from 1 to 1000
 */
export function eventBridgeHints({ busName, at = DEFAULT_AT, client }: EventHintsOptions): HintChoice {
  if (at.length === 0 || at.some((percent) => !Number.isInteger(percent) || percent < 1 || percent > 1_000))
    throw new RangeError('eventBridgeHints: expected `at` to be whole percentages from 1 to 1000, such as [80, 100]');
  const shares = [...at].sort((a, b) => a - b);
  return { open: ({ region }) => new EventBridgeHints({ busName, shares, client, region }) };
}

interface Publishing {
  readonly busName: string;
  /** Ascending. */
  readonly shares: readonly number[];
  readonly client: EventBridgeClient | undefined;
  readonly region: string | undefined;
}

class EventBridgeHints implements Hints {
  readonly #options: Publishing;
  /** The highest share of each budget's latest period that needs no more telling: as many entries as there are budgets. */
  readonly #known = new Map<string, { readonly startsAt: number; readonly percent: number }>();
  readonly #underWay = new Set<Promise<void>>();
  #client: Promise<EventBridgeClient> | undefined;
  #published = 0;
  #failed = 0;

  constructor(options: Publishing) {
    this.#options = options;
  }

  get counts(): HintCounts {
    return { published: this.#published, failed: this.#failed };
  }

  saw(item: LedgerItem): void {
    // A cell holds a part of the budget's figures.
    if (item.funding !== undefined) return;
    const { budget, period } = item.key;
    const known = this.#known.get(budget);
    if (known !== undefined && known.startsAt > item.startsAt) return;
    const percent = this.#crossed(item);
    const before = known?.startsAt === item.startsAt ? known.percent : undefined;
    if (before !== undefined && percent <= before) return;
    this.#known.set(budget, { startsAt: item.startsAt, percent });
    // What was so at the first sight was crossed by others, who have told it, or by nobody who lives.
    if (before === undefined) return;
    const publishing = this.#publish({ version: 1, budget, period, percent });
    this.#underWay.add(publishing);
    void publishing.finally(() => this.#underWay.delete(publishing));
  }

  async settled(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  /** The highest share that is reached; 0 for none. */
  #crossed(item: LedgerItem): number {
    const gone = spent(item) * 100n;
    let crossed = 0;
    for (const percent of this.#options.shares) if (gone >= item.terms.limit * BigInt(percent)) crossed = percent;
    return crossed;
  }

  async #publish(hint: ThresholdHint): Promise<void> {
    try {
      const { PutEventsCommand } = await import('@aws-sdk/client-eventbridge');
      const { HINT_SOURCE, HINT_TYPE } = await import('../domain/signals/threshold-hint.ts');
      this.#client ??= this.#connect();
      const client = await this.#client;
      const { FailedEntryCount: failed = 0 } = await client.send(
        new PutEventsCommand({
          Entries: [
            {
              EventBusName: this.#options.busName,
              Source: HINT_SOURCE,
              DetailType: HINT_TYPE,
              Detail: JSON.stringify(hint),
            },
          ],
        }),
      );
      if (failed > 0) this.#failed++;
      else this.#published++;
    } catch {
      this.#failed++;
    }
  }

  async #connect(): Promise<EventBridgeClient> {
    const { client, region } = this.#options;
    if (client !== undefined) return client;
    const { EventBridgeClient: Client } = await import('@aws-sdk/client-eventbridge');
    return new Client({ requestHandler: TIME_OUTS, ...(region === undefined ? {} : { region }) });
  }
}
