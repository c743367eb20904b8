import { CreateEventBusCommand, EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BudgetId } from '../../domain/budgets/budget-id.ts';
import { epochMs } from '../../domain/clock.ts';
import { nanoUsd, ZERO } from '../../domain/money.ts';
import { readLedgerHint } from '../../domain/signals/ledger-hint.ts';
import type { LedgerItem } from '../../domain/spending/ledger.ts';
import { eventBridgeHints } from '../../invoke/event-hints.ts';
import type { Hints } from '../../invoke/hints.ts';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';
import type { JsonObject } from '../../local/service.ts';

const NOVEMBER = Date.UTC(2026, 10, 1);
const DECEMBER = Date.UTC(2026, 11, 1);

/** A budget of 20 USD of which so much is spent. */
function item(usd: number, change: Partial<LedgerItem> = {}): LedgerItem {
  const settled = nanoUsd(BigInt(Math.round(usd * 1e9)));
  const limit = nanoUsd(20_000_000_000n);
  return {
    key: { budget: 'tenant-monthly/acme' as BudgetId, period: '2026-11' },
    startsAt: epochMs(NOVEMBER),
    endsAt: epochMs(DECEMBER),
    terms: { limit, stopAt: limit, standing: 'open', version: 1 },
    committed: settled,
    settled,
    leased: ZERO,
    unconfirmed: ZERO,
    unattributed: ZERO,
    holders: new Map(),
    crossed: [],
    ...change,
  };
}

describe('hints of a process', () => {
  let aws: EmbeddedAws;
  let events: EventBridgeClient;
  let seen: JsonObject[];
  let hints: Hints;
  beforeEach(async () => {
    aws = await startEmbeddedAws();
    const credentials = { accessKeyId: 'acme', secretAccessKey: 'not-verified' };
    events = new EventBridgeClient({ endpoint: aws.endpoint, region: 'us-east-1', credentials, maxAttempts: 1 });
    await events.send(new CreateEventBusCommand({ Name: 'governor' }));
    seen = [];
    aws.observe((observation) => {
      if (observation.kind === 'event' && observation.bus === 'governor') seen.push(observation.event);
    });
    hints = await eventBridgeHints({ busName: 'governor', client: events }).open({ region: undefined });
  });
  afterEach(() => aws.close());

  const told = async (): Promise<unknown[]> => {
    await hints.settled();
    return seen.map(({ detail }) => (detail as { percent: number }).percent);
  };
  const saw = (...figures: number[]) => {
    for (const usd of figures) hints.saw(item(usd));
  };

  it('are what the governor reads, once for each share that is crossed', async () => {
    saw(0, 5, 9.99, 10, 10.5, 15.999_999_999, 16, 17, 20, 25);
    expect(await told()).toEqual([50, 80, 100]);
    expect(hints.counts).toEqual({ published: 3, failed: 0 });
    expect(readLedgerHint(seen[0], aws.accountId)).toEqual({ kind: 'hint', budget: 'tenant-monthly/acme' });
    expect(readLedgerHint(seen[0], '999999999999').kind).toBe('unreadable');
  });

  it('are none of what was so before the process came', async () => {
    saw(17, 17.5);
    expect(await told()).toEqual([]);
    saw(18);
    expect(await told()).toEqual([90]);
  });

  it('begin anew with a period, and leave a late word about the one before unsaid', async () => {
    saw(0, 17);
    const december = { key: { ...item(0).key, period: '2026-12' }, startsAt: epochMs(DECEMBER) };
    hints.saw(item(0, december));
    saw(20);
    hints.saw(item(16, december));
    expect(await told()).toEqual([80, 80]);
  });

  it('count what is unconfirmed or unattributed as spent, and leave cells alone', async () => {
    hints.saw(item(0));
    hints.saw(item(0, { unattributed: nanoUsd(16_000_000_000n) }));
    expect(await told()).toEqual([80]);
    const funding = { sequence: 1, until: epochMs(0), at: epochMs(0), slice: ZERO, room: ZERO };
    hints.saw(item(20, { funding }));
    expect(await told()).toEqual([80]);
  });

  it('that fail are counted, disturb nobody, and are not repeated', async () => {
    const from = aws.clock.now();
    aws.planOutage({ service: 'events', from, until: from + 60_000 });
    saw(0, 10);
    expect(await told()).toEqual([]);
    expect(hints.counts).toEqual({ published: 0, failed: 1 });
    await aws.clock.advance(60_000);
    saw(10.5, 16);
    expect(await told()).toEqual([80]);
    aws.intercept(() => ({ answer: { FailedEntryCount: 1, Entries: [{ ErrorCode: 'InternalException' }] } }));
    saw(20);
    await told();
    expect(hints.counts).toEqual({ published: 1, failed: 2 });
  });

  it.each([[[]], [[0]], [[80.5]], [[1_001]], [[Number.NaN]]])('are refused at %j', (at) => {
    expect(() => eventBridgeHints({ busName: 'governor', at })).toThrow(RangeError);
  });

  it('come at the shares that are asked for', async () => {
    hints = await eventBridgeHints({ busName: 'governor', at: [100, 25], client: events }).open({
      region: 'us-east-1',
    });
    saw(0, 4, 5, 19, 20);
    expect(await told()).toEqual([25, 100]);
  });
});
