import type { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import type { HintChoice } from './hints.ts';

export interface EventHintsOptions {
  /** The governor's bus: the output `BusName` of its stack. The process's role needs `events:PutEvents` on it. */
  readonly busName: string;
  /** Shares of a budget's limit, in percent, at which the governor is to look; by default 50, 80, 90 and 100. */
  readonly at?: readonly number[];
  /** By default one made from the environment that gives up a request after three seconds. */
  readonly client?: EventBridgeClient;
}

const DEFAULT_AT = [50, 80, 90, 100];

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
  return {
    async open({ region }) {
      const { PublishedHints } = await import('./published-hints.ts');
      return new PublishedHints({ busName, shares, client, region });
    },
  };
}
