import type { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { eventBridgeSdk } from '../aws/sdk-packages.ts';
import { HINT_SOURCE, HINT_TYPE, type ThresholdHint } from '../domain/signals/threshold-hint.ts';
import { type LedgerItem, spent } from '../domain/spending/ledger.ts';
import type { HintCounts, Hints } from './hints.ts';

/** The SDK's own clients wait for as long as the connection stands. */
const TIME_OUTS = { connectionTimeout: 1_000, requestTimeout: 3_000, throwOnRequestTimeout: true };

interface Publishing {
  readonly busName: string;
  /** Ascending. */
  readonly shares: readonly number[];
  readonly client: EventBridgeClient | undefined;
  readonly region: string | undefined;
}

/** Hints that are put on a bus, see {@link eventBridgeHints}. */
export class PublishedHints implements Hints {
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
      const { PutEventsCommand } = await eventBridgeSdk();
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
    const { EventBridgeClient: Client } = await eventBridgeSdk();
    return new Client({ requestHandler: TIME_OUTS, ...(region === undefined ? {} : { region }) });
  }
}
