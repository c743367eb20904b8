import { CreateAliasCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ledgerTable } from '../../aws/dynamodb/ledger-table.ts';
import { policyTable } from '../../aws/dynamodb/policy-table.ts';
import { profileIndexTable } from '../../aws/dynamodb/profile-index-table.ts';
import { tagHistoriesTable } from '../../aws/dynamodb/tag-histories-table.ts';
import { usageTable } from '../../aws/dynamodb/usage-table.ts';
import { lambdaLeaseFunction, leaseFunctionLedger, leaseFunctionUsage } from '../../aws/lease-function.ts';
import { type EpochMs, epochMs } from '../../domain/clock.ts';
import { cellId, cellKey, cellsOf } from '../../domain/spending/cell.ts';
import type { LeaseLedger, LedgerKey, LedgerStore } from '../../domain/spending/ledger.ts';
import { callCost } from '../../domain/spending/pricing.ts';
import { readRecordedUsage } from '../../domain/spending/recorded-usage.ts';
import { NO_USAGE } from '../../domain/spending/usage.ts';
import { HOUR_MS, hourAt, type ProcessId, type UsageRecord } from '../../domain/spending/usage-record.ts';
import { provideCells } from '../../domain/standing/collect-cells.ts';
import { packageStack } from '../../infra/package.ts';
import { UsageRecorder } from '../../invoke/usage-recorder.ts';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';
import type { Interception } from '../../local/interceptors.ts';
import { AwsFault } from '../../local/service.ts';
import { budgetNamed, policyOf } from '../domain/example-policy.ts';
import { LENDING_POLICY, LendingAccount } from '../domain/lending/lending-account.ts';
import { describeLeaseLedger } from '../spending/lease-ledger.contract.ts';
import {
  contractBudget,
  ENDS,
  freshKey,
  holderId,
  MOST_BUDGETS,
  NOW,
  OPEN,
  STARTS,
  writeOf,
} from '../spending/lease-writes.ts';
import { clientConfig } from './client-config.ts';
import { dynamoDbClient } from './dynamodb/governor-table.ts';

const PROCESS = 'contracts-process' as ProcessId;
const HOT = budgetNamed(policyOf(LENDING_POLICY), 'hot');
const profileOf = (id: string, tenant: string) => new LendingAccount().profile(id, { tenant });
const profile = profileOf('a1', 'acme');

let aws: EmbeddedAws;
let table: string;
let functionName: string;
let governor: LedgerStore;
beforeAll(async () => {
  aws = await startEmbeddedAws({ startAt: NOW });
  const { outputs } = await aws.deploy(await packageStack());
  table = outputs['TableName'] ?? '';
  functionName = outputs['LeaseFunctionName'] ?? '';
  const dynamodb = dynamoDbClient(aws);
  await policyTable(dynamodb, table).apply({ ...LENDING_POLICY, ledger: {} });
  const budgets = Array.from({ length: MOST_BUDGETS }, (_, number) => ({
    id: contractBudget(number + 1),
    period: 'month' as const,
    timeZone: 'UTC',
  }));
  const hot = { id: HOT.id, period: HOT.period, timeZone: HOT.timeZone, ...(HOT.cells && { cells: HOT.cells }) };
  await profileIndexTable(dynamodb, table).put({ ...profile, budgets: [...budgets, hot] });
  governor = ledgerTable(dynamodb, table);
  const alias = { FunctionName: functionName, Name: 'tenant-acme', FunctionVersion: '$LATEST' };
  await new LambdaClient(clientConfig(aws)).send(new CreateAliasCommand(alias));
});
afterAll(() => aws.close());

const asking = (qualifier = 'tenant-acme', maxAttempts = 1) =>
  lambdaLeaseFunction({ functionName, qualifier }, async () => new LambdaClient({ ...clientConfig(aws), maxAttempts }));

describeLeaseLedger('through the deployed lease function', () => ({
  ledger: leaseFunctionLedger(asking(), PROCESS),
  governor,
}));

/** The table takes one write and is not heard of again. */
function losingTheTableOnceWritten(): Interception {
  let isLost = false;
  return {
    before: ({ service }) => (isLost && service === 'dynamodb' ? 'no-answer' : undefined),
    after: ({ operation }) => {
      if (operation !== 'UpdateItem') return undefined;
      isLost = true;
      return 'no-answer';
    },
  };
}

describe('the client of the lease function', () => {
  let key: LedgerKey;
  let ledger: LeaseLedger;
  beforeEach(async () => {
    key = freshKey();
    await governor.provide({ key, startsAt: STARTS, endsAt: ENDS, terms: OPEN });
    ledger = leaseFunctionLedger(asking(), PROCESS);
  });

  const stops: (() => void)[] = [];
  const intercept = (interception: Interception) => void stops.push(aws.intercept(interception));
  const stopAll = () => {
    for (const stop of stops.splice(0)) stop();
  };
  afterEach(stopAll);

  it.each<[string, Interception, bigint]>([
    ['its answer is lost', { after: ({ operation }) => (operation === 'Invoke' ? 'no-answer' : undefined) }, 400n],
    ['the function fails after it has written', losingTheTableOnceWritten(), 400n],
    [
      'the function is throttled',
      {
        before: ({ operation }) =>
          operation === 'Invoke' ? new AwsFault('TooManyRequestsException', '', 429) : undefined,
      },
      0n,
    ],
    [
      'the function cannot reach the table',
      { before: ({ service }) => (service === 'dynamodb' ? 'no-answer' : undefined) },
      0n,
    ],
  ])(
    'says that the fate of a write is unknown where %s; the identical write lands it once',
    async (_, mishap, meanwhile) => {
      const write = writeOf(key, { holder: holderId(), to: 400 });
      intercept(mishap);
      await expect(ledger.write(write)).rejects.toMatchObject({ name: 'Fault', code: 'LedgerUnavailable' });
      stopAll();
      expect((await governor.read(key))?.committed).toBe(meanwhile);
      expect(await ledger.write(write)).toMatchObject({ kind: 'landed' });
      expect((await governor.read(key))?.committed).toBe(400n);
    },
  );

  it("counts a write once that the SDK's own retry repeats", async () => {
    let lost = 0;
    intercept({ after: ({ operation }) => (operation === 'Invoke' && lost++ === 0 ? 'no-answer' : undefined) });
    const retrying = leaseFunctionLedger(asking('tenant-acme', 3), PROCESS);
    expect(await retrying.write(writeOf(key, { holder: holderId(), to: 400 }))).toMatchObject({ kind: 'landed' });
    expect(lost).toBe(2);
    expect((await governor.read(key))?.committed).toBe(400n);
  });

  it('lends from cells that the caller neither sees nor names', async () => {
    const store = ledgerTable(dynamoDbClient(aws), table);
    const root: LedgerKey = { budget: HOT.id, period: '2026-11' };
    const item = { key: root, startsAt: STARTS, endsAt: ENDS, terms: OPEN };
    await provideCells({ ledger: store }, HOT, item);
    await store.provide(item);
    const holder = holderId();
    expect(await ledger.write(writeOf(root, { holder, to: 400 }))).toMatchObject({ kind: 'landed' });
    const [cell = cellId(0)] = cellsOf((await store.read(root)) ?? { holders: new Map() });
    const before = await store.read(cellKey(root, cell));
    expect(before?.leased).toBe(400n);
    // The name of the budget under which the table keeps the cell, from one who has a lease in it.
    const direct = { budget: `${HOT.id}#${cell}` as LedgerKey['budget'], period: root.period };
    const report = writeOf(direct, { holder, sequence: 2, settled: 10, from: 400, to: 400, grant: 'none' });
    await expect(ledger.write(report)).rejects.toMatchObject({ code: 'BudgetNotYours' });
    expect(await store.read(cellKey(root, cell))).toEqual(before);
  });

  it('passes on a denial with its code: nothing was written then', async () => {
    const unknown = { ...key, budget: 'tenant-monthly/beta' as LedgerKey['budget'] };
    await expect(ledger.write(writeOf(unknown, { holder: holderId(), to: 1 }))).rejects.toMatchObject({
      name: 'Fault',
      code: 'BudgetNotYours',
    });
  });

  it('takes an answer that it cannot read for an unknown fate', async () => {
    for (const answer of ['', 'null', '{"protocol":2,"kind":"landed","item":null}', '{"protocol":1,"kind":"item"}']) {
      const confused = leaseFunctionLedger(async () => answer, PROCESS);
      await expect(confused.read(key)).rejects.toMatchObject({ code: 'LedgerUnavailable' });
    }
  });

  it('writes usage records, which the governor reads as those of any process', async () => {
    const record: UsageRecord = {
      process: PROCESS,
      hour: hourAt(NOW),
      chunk: 0,
      sequence: 1,
      watermark: NOW,
      totals: new Map([
        [
          profile.arn,
          { calls: 2, usage: { ...NO_USAGE, inputTokens: 7 }, settled: OPEN.limit, unconfirmed: OPEN.limit },
        ],
      ]),
    };
    const usage = leaseFunctionUsage(asking());
    await usage.write(record);
    await usage.write(record);
    const kept: UsageRecord[] = [];
    for await (const one of usageTable(dynamoDbClient(aws), table).read({ from: STARTS, until: ENDS })) kept.push(one);
    expect(kept).toHaveLength(1);
    expect(kept[0]).toMatchObject({ hour: record.hour, totals: record.totals });
  });

  describe('with a profile that was retagged away from the tenant while the process used it', () => {
    const process = 'retagged-process' as ProcessId;
    const used = { calls: 2, usage: { ...NO_USAGE, inputTokens: 7 }, settled: OPEN.limit, unconfirmed: OPEN.limit };
    const retagged = profileOf('retagged', 'beta');
    const foreign = profileOf('foreign', 'beta');
    const record = (change: Partial<UsageRecord>): UsageRecord => ({
      process,
      hour: hourAt(NOW),
      chunk: 0,
      sequence: 1,
      watermark: NOW,
      totals: new Map([profile, retagged, foreign].map(({ arn }) => [arn, used])),
      ...change,
    });
    const recorded = async () => {
      const { totals, watermarks } = await readRecordedUsage(usageTable(dynamoDbClient(aws), table), {
        from: STARTS,
        until: ENDS,
      });
      return { totals, watermark: [...watermarks].find(([name]) => name.endsWith(process))?.[1] };
    };
    beforeAll(async () => {
      const dynamodb = dynamoDbClient(aws);
      for (const entry of [retagged, foreign]) await profileIndexTable(dynamodb, table).put(entry);
      const earlier = { from: epochMs(0), until: epochMs(NOW - 1), tags: { tenant: 'acme' } };
      const history = [earlier, { from: epochMs(NOW - 1), tags: { tenant: 'beta' } }];
      await tagHistoriesTable(dynamodb, table).put(retagged.arn, history, 0);
      // The function has read the index a moment ago.
      await aws.clock.advance(2_000);
    });

    it('takes what was used while it was the tenant’s, and says which totals never were its own', async () => {
      expect(await leaseFunctionUsage(asking()).write(record({}))).toEqual(new Set([foreign.arn]));
      const { totals } = await recorded();
      expect(totals.get(retagged.arn)).toEqual(used);
      expect(totals.has(foreign.arn)).toBe(false);
    });

    it('writes nothing while the history cannot be read, and the process tells it again', async () => {
      const clock = { now: () => epochMs(NOW + 1_000) };
      const recorder = new UsageRecorder({ records: leaseFunctionUsage(asking()), clock, process });
      // What the function remembers is of before.
      await aws.clock.advance(20_000);
      recorder.of(retagged.arn).settled(NO_USAGE, callCost(5));
      const stop = aws.intercept(({ operation }, input) =>
        operation === 'GetItem' && JSON.stringify(input).includes('"TAGS"')
          ? new AwsFault('ThrottlingException', 'Slow down.', 400)
          : undefined,
      );
      await expect(recorder.flush()).rejects.toMatchObject({ code: 'LedgerUnavailable' });
      stop();
      const before = (await recorded()).totals.get(retagged.arn)?.calls ?? 0;
      // Sequence 1 was another recorder's.
      await recorder.flush();
      expect((await recorded()).totals.get(retagged.arn)?.calls).toBe(1);
      expect(before).toBe(2);
    });

    it('goes on with the hours after one of which nothing is its own', async () => {
      const clock = { time: epochMs(NOW - HOUR_MS), now: (): EpochMs => clock.time };
      const later = 'goes-on-process-' as ProcessId;
      const recorder = new UsageRecorder({ records: leaseFunctionUsage(asking()), clock, process: later });
      recorder.of(foreign.arn).settled(NO_USAGE, callCost(5));
      clock.time = NOW;
      recorder.of(profile.arn).settled(NO_USAGE, callCost(3));
      await recorder.flush();
      const records: UsageRecord[] = [];
      for await (const one of usageTable(dynamoDbClient(aws), table).read({ from: STARTS, until: ENDS }))
        if (one.process.endsWith(later)) records.push(one);
      expect(records.map(({ hour, totals }) => [hour, [...totals.keys()]])).toEqual([
        [hourAt(epochMs(NOW - HOUR_MS)), []],
        [hourAt(clock.now()), [profile.arn]],
      ]);
      expect(records.at(-1)?.watermark).toBe(NOW);
    });
  });
});
