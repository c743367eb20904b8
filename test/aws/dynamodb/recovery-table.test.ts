import { DeleteItemCommand, type DynamoDBClient, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ledgerTable } from '../../../aws/dynamodb/ledger-table.ts';
import { overridesTable } from '../../../aws/dynamodb/overrides-table.ts';
import { profileIndexTable } from '../../../aws/dynamodb/profile-index-table.ts';
import { recoveryTable, tableIdentities } from '../../../aws/dynamodb/recovery-table.ts';
import { signalsTable } from '../../../aws/dynamodb/signals-table.ts';
import { storedEntries } from '../../../aws/dynamodb/stored-entries.ts';
import { tableLook } from '../../../aws/dynamodb/table-identity.ts';
import { usageTable } from '../../../aws/dynamodb/usage-table.ts';
import { genaiPrices } from '../../../aws/price-list.ts';
import type { BudgetId } from '../../../domain/budgets/budget-id.ts';
import { epochMs } from '../../../domain/clock.ts';
import { type NanoUsd, nanoUsd, ZERO } from '../../../domain/money.ts';
import type { ProfileArn } from '../../../domain/profiles/profile-arn.ts';
import type { ProfileFacts } from '../../../domain/profiles/profiles.ts';
import {
  hasStrayItem,
  openTable,
  planRecovery,
  type Recovery,
  recoverableAt,
  recoverBudget,
} from '../../../domain/recovery/recover.ts';
import type { TableId } from '../../../domain/recovery/table-identity.ts';
import { closeTable, refuseRestored, tableState, tendTable } from '../../../domain/recovery/tend-table.ts';
import { cellId, cellKey } from '../../../domain/spending/cell.ts';
import { CellLedger } from '../../../domain/spending/cell-ledger.ts';
import type { HolderId, LedgerItem, LedgerKey, WriteId } from '../../../domain/spending/ledger.ts';
import type { Metered } from '../../../domain/spending/metered-spend.ts';
import { METRICS_DELAY_MS } from '../../../domain/spending/true-up.ts';
import { NO_USAGE } from '../../../domain/spending/usage.ts';
import type { ProcessId, UtcHour } from '../../../domain/spending/usage-record.ts';
import { type EmbeddedAws, startEmbeddedAws } from '../../../local/embedded-aws.ts';
import { AwsFault } from '../../../local/service.ts';
import { examplePolicyOf } from '../../domain/recovery/recovery-policy.ts';
import { createGovernorTable, dynamoDbClient, TABLE } from './governor-table.ts';
import { type Backup, backUp, restore } from './restored-table.ts';

const START = Date.UTC(2026, 10, 23, 10);
const BUDGET = 'tenant-monthly/acme' as BudgetId;
const KEY: LedgerKey = { budget: BUDGET, period: '2026-11' };
const NEXT: LedgerKey = { budget: BUDGET, period: '2026-12' };
const ARN = 'arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abcdefghijkl' as ProfileArn;
const FACTS: ProfileFacts = { arn: ARN, name: 'acme', baseModelId: 'amazon.nova-lite-v1:0', source: 'in-region' };
const HOLDER = 'process-1.1' as HolderId;
const usd = (nano: number): NanoUsd => nanoUsd(BigInt(nano));

describe('the recovery of a restored table', () => {
  let aws: EmbeddedAws;
  let client: DynamoDBClient;
  let metered: Metered;
  let living: readonly ProfileFacts[];
  let writes: number;
  const clock = { now: () => epochMs(aws.clock.now()) };
  const decided: string[] = [];
  const journal = { decided: (decision: string) => void decided.push(decision), counted: () => {} };
  const ledger = () => ledgerTable(client, TABLE, tableLook(client, TABLE, clock));
  const itemOf = async (key = KEY): Promise<LedgerItem> => {
    const item = await ledger().read(key);
    if (item === undefined) throw new Error('there is no item');
    return item;
  };
  const ports = (): Recovery => ({
    policy: examplePolicyOf(),
    clock,
    journal,
    profiles: {
      async *list(region) {
        if (region === 'us-east-1') yield* living;
      },
      readTags: async () => ({ tenant: 'acme', environment: 'prod', team: 'a' }),
    },
    index: profileIndexTable(client, TABLE),
    prices: genaiPrices,
    ledger: ledger(),
    overrides: overridesTable(client, TABLE),
    signals: signalsTable(client, TABLE),
    identities: tableIdentities(client, TABLE),
    store: recoveryTable(client, TABLE),
    metered: { read: async (windows) => windows.map(() => metered) },
    records: usageTable(client, TABLE),
    newWriteId: () => `recovery-${++writes}` as WriteId,
  });
  const here = async () => (await tableIdentities(client, TABLE).describe()).tableId;
  const plan = async (stated = new Map<BudgetId, NanoUsd>()) => await planRecovery(ports(), await here(), stated);
  const tend = async () =>
    await tendTable({
      identities: tableIdentities(client, TABLE),
      close: (key) => recoveryTable(client, TABLE).close(key),
      items: async () => ({ keys: [KEY, NEXT], isWhole: true }),
      clock,
      journal,
    });
  const provide = async (key: LedgerKey, startsAt: number, endsAt: number) =>
    await ledger().provide({
      key,
      startsAt: epochMs(startsAt),
      endsAt: epochMs(endsAt),
      terms: { limit: usd(1e9), stopAt: usd(1e9), standing: 'open', version: 1 },
    });
  const lease = async (sequence: number, leased: number, table = ledger()) => {
    const before = (await itemOf()).holders.get(HOLDER)?.leased ?? ZERO;
    return await table.write({
      key: KEY,
      holder: HOLDER,
      settled: ZERO,
      unconfirmed: ZERO,
      leased: nanoUsd(BigInt(leased) - before),
      entry: {
        sequence,
        writeId: `write-${sequence}` as WriteId,
        leased: usd(leased),
        expiresAt: epochMs(START + 120_000),
      },
      grant: { termsVersion: 1, ceiling: usd(1e9), at: clock.now() },
    });
  };

  let backup: Backup;
  beforeEach(async () => {
    aws = await startEmbeddedAws({ startAt: START });
    client = dynamoDbClient(aws);
    await createGovernorTable(client);
    writes = 0;
    decided.length = 0;
    living = [FACTS];
    metered = { kind: 'told', usage: { ...NO_USAGE, inputTokens: 1_000, outputTokens: 1_000 } };
    expect(await tend()).toBe('open');
    await provide(KEY, Date.UTC(2026, 10, 1), Date.UTC(2026, 11, 1));
    await provide(NEXT, Date.UTC(2026, 11, 1), Date.UTC(2027, 0, 1));
    await lease(1, 5_000);
    backup = await backUp(client, TABLE);
    await lease(2, 9_000);
    await aws.clock.advance(61_000);
  });
  afterEach(() => aws.close());

  it('is known by the id of the table, and closes what is in it once', async () => {
    expect(await tend()).toBe('open');
    await restore(client, TABLE, backup);
    expect(await tableState(tableIdentities(client, TABLE))).toBe('restored');
    await expect(refuseRestored(tableIdentities(client, TABLE))).rejects.toMatchObject({ code: 'TableRestored' });
    expect([await tend(), await tend()]).toEqual(['closed', 'closed']);
    expect(decided).toEqual(['close restored table']);
    expect((await itemOf()).openIn).toBe('closed');
  });

  it('is looked for by the governor’s word beside the index, and in DynamoDB where that is old', async () => {
    const asked: string[] = [];
    client.middlewareStack.add(
      (next, { commandName = '' }) =>
        (args) => {
          asked.push(commandName);
          return next(args);
        },
      { step: 'initialize' },
    );
    const lookAfterReadingTheIndex = async () => {
      const look = tableLook(client, TABLE, clock);
      const entries = [];
      for await (const entry of storedEntries(client, TABLE, (word) => look.heard(word))) entries.push(entry);
      expect(entries).toEqual([]);
      asked.length = 0;
      return { id: await look.now(), askedDynamoDb: asked.includes('DescribeTableCommand') };
    };
    await tend();
    const old = await here();
    expect(await lookAfterReadingTheIndex()).toEqual({ id: old, askedDynamoDb: false });
    await aws.clock.advance(89_000);
    expect(await lookAfterReadingTheIndex()).toEqual({ id: old, askedDynamoDb: false });
    const copy = await backUp(client, TABLE);
    await aws.clock.advance(1_000);
    expect(await lookAfterReadingTheIndex()).toEqual({ id: old, askedDynamoDb: true });
    await restore(client, TABLE, copy);
    expect(await lookAfterReadingTheIndex()).toEqual({ id: await here(), askedDynamoDb: true });
    // Nobody vouches for a table that is not right.
    expect(await tend()).toBe('closed');
    expect(await lookAfterReadingTheIndex()).toEqual({ id: await here(), askedDynamoDb: true });
  });

  it('does not take DynamoDB’s own answer back for an older word', async () => {
    const look = tableLook(client, TABLE, clock);
    const id = await look.now();
    look.heard({ tableId: 'another' as TableId, at: epochMs(clock.now() - 1_000) });
    expect(await look.now()).toBe(id);
  });

  it('takes a young word where DynamoDB gives no answer, also one that is older than the question', async () => {
    const blind = dynamoDbClient(aws, 1);
    let asked = 0;
    const stop = aws.intercept((call) => {
      if (call.operation !== 'DescribeTable') return undefined;
      asked++;
      return new AwsFault('AccessDeniedException', 'denied');
    });
    const look = tableLook(blind, TABLE, clock);
    expect(await look.now()).toBeUndefined();
    look.heard({ tableId: 'here' as TableId, at: epochMs(clock.now() - 30_000) });
    expect(await look.now()).toBe('here');
    await aws.clock.advance(59_000);
    expect([await look.now(), asked]).toEqual(['here', 1]);
    await aws.clock.advance(1_000);
    expect([await look.now(), asked]).toEqual([undefined, 2]);
    stop();
  });

  it('does not keep the governor from its work while DynamoDB does not say which table it is, unless it is closed', async () => {
    const identities = tableIdentities(dynamoDbClient(aws, 1), TABLE);
    const failing = (code: string) =>
      aws.intercept((call) => (call.operation === 'DescribeTable' ? new AwsFault(code, 'ill') : undefined));
    let stop = failing('LimitExceededException');
    await refuseRestored(identities);
    stop();
    stop = failing('AccessDeniedException');
    await expect(refuseRestored(identities)).rejects.toMatchObject({ code: 'AccessDeniedException' });
    stop();
    await restore(client, TABLE, backup);
    await tend();
    stop = failing('LimitExceededException');
    await expect(refuseRestored(identities)).rejects.toMatchObject({ code: 'TableRestored' });
    stop();
  });

  it('goes on where no id was ever told, as by servers that stand in for DynamoDB, and is not taken for right where one was', async () => {
    const stop = aws.intercept((call) =>
      call.operation === 'DescribeTable' ? { answer: { Table: { TableName: TABLE } } } : undefined,
    );
    await expect(tend()).rejects.toMatchObject({ code: 'TableIdentityUntold' });
    await expect(tableState(tableIdentities(client, TABLE))).rejects.toMatchObject({ code: 'TableIdentityUntold' });
    await client.send(new DeleteItemCommand({ TableName: TABLE, Key: { pk: { S: 'TABLE' }, sk: { S: 'IDENTITY' } } }));
    expect(await tend()).toBe('untold');
    expect(await tableState(tableIdentities(client, TABLE))).toBe('untold');
    await refuseRestored(tableIdentities(client, TABLE));
    expect(await tableIdentities(client, TABLE).known()).toBeUndefined();
    stop();
    expect(await tend()).toBe('open');
  });

  it('refuses a lease before anybody has noticed, and to whoever may not look at the table once it is closed', async () => {
    await restore(client, TABLE, backup);
    await expect(lease(2, 9_000)).rejects.toMatchObject({
      code: 'TableRestored',
      next: expect.stringMatching(/recover/),
    });
    const blind = ledgerTable(client, TABLE, { now: async () => undefined });
    expect((await lease(2, 9_000, blind)).kind).toBe('landed');
    await tend();
    await expect(lease(3, 12_000, blind)).rejects.toMatchObject({ code: 'TableRestored' });
    // What was spent is told all the same.
    const report = { key: KEY, holder: HOLDER, settled: usd(9_000), unconfirmed: ZERO, leased: usd(-9_000) };
    const entry = { sequence: 3, writeId: 'report' as WriteId, leased: ZERO, expiresAt: epochMs(START) };
    expect((await blind.write({ ...report, entry })).kind).toBe('landed');
  });

  it('is closed again where it is restored while it is closed, from then on', async () => {
    await restore(client, TABLE, backup);
    await tend();
    const closed = await backUp(client, TABLE);
    await aws.clock.advance(3_600_000);
    await restore(client, TABLE, closed);
    expect(await tableState(tableIdentities(client, TABLE))).toBe('restored');
    await tend();
    const since = (await tableIdentities(client, TABLE).known())?.closed?.at ?? 0;
    expect(since).toBeGreaterThan(aws.clock.now() - 60_000);
  });

  describe('that an operator says was rolled back in place', () => {
    const identities = () => tableIdentities(client, TABLE);
    const closeBy = async (close: (key: LedgerKey) => Promise<void>, known = identities().known()) =>
      await closeTable(
        { identities: identities(), close, items: async () => ({ keys: [KEY, NEXT], isWhole: true }), clock },
        await known,
        await identities().describe(),
      );

    it('stays one to be closed where its closing breaks off, and is closed from when the last item is', async () => {
      const close = recoveryTable(client, TABLE).close;
      const breakOff = async (key: LedgerKey) => {
        if (key === NEXT) throw new Error('the connection broke');
        await close(key);
      };
      await expect(closeBy(breakOff)).rejects.toThrow('the connection broke');
      // Not open, with an item that seems to be left behind and may be recovered at once.
      expect(await tableState(identities())).toBe('restored');
      await expect(refuseRestored(identities())).rejects.toMatchObject({ code: 'TableRestored' });
      await aws.clock.advance(600_000);
      // The governor closes what its index knows, and leaves it to the operator to say that all is closed.
      expect(await tend()).toBe('restored');
      expect((await itemOf(NEXT)).openIn).toBe('closed');
      expect(await tableState(identities())).toBe('restored');
      await closeBy(close);
      expect(await tableState(identities())).toBe('closed');
      expect((await identities().known())?.closed?.at).toBeGreaterThan(START + 600_000);
    });

    it('is closed also where somebody remembered it while the operator was asked', async () => {
      // Read before the governor had first looked after the table.
      await closeBy((key) => recoveryTable(client, TABLE).close(key), Promise.resolve(undefined));
      expect(await tableState(identities())).toBe('closed');
    });
  });

  it('is recovered once those leases are over as well that a cell gives while its own lasts', async () => {
    const cell = cellId(0);
    await provide(cellKey(KEY, cell), Date.UTC(2026, 10, 1), Date.UTC(2026, 11, 1));
    const leaseMs = 120_000;
    const newWriteId = () => `cell-${++writes}` as WriteId;
    const options = { key: KEY, cell, clock, leaseMs, newWriteId, random: () => 0.5 };
    const leases = new CellLedger({ ledger: ledger(), ...options });
    const leaseOf = async (holder: string) => {
      const now = clock.now();
      const expiresAt = epochMs(now + leaseMs);
      const entry = { sequence: 1, writeId: newWriteId(), leased: usd(1_000), expiresAt };
      const grant = { termsVersion: 1, ceiling: usd(1e9), at: now };
      const write = { key: KEY, holder: holder as HolderId, settled: ZERO, unconfirmed: ZERO, leased: usd(1_000) };
      return { ...(await leases.write({ ...write, entry, grant })), expiresAt };
    };
    expect((await leaseOf('process-2.1')).kind).toBe('landed');
    const before = await tableIdentities(client, TABLE).known();
    const close = recoveryTable(client, TABLE).close;
    const closing = {
      identities: tableIdentities(client, TABLE),
      close,
      items: async () => ({ keys: [KEY, NEXT], isWhole: true }),
      clock,
    };
    await closeTable(closing, before, await tableIdentities(client, TABLE).describe());
    await aws.clock.advance(110_000);
    const late = await leaseOf('process-3.1');
    expect(late.kind).toBe('landed');
    await aws.clock.advance(20_000);
    await expect(leaseOf('process-4.1')).rejects.toMatchObject({ code: 'TableRestored' });
    const closedAt = (await tableIdentities(client, TABLE).known())?.closed?.at ?? epochMs(0);
    expect(recoverableAt(closedAt, 0)).toBeGreaterThanOrEqual(late.expiresAt + METRICS_DELAY_MS);
  });

  it('counts what AWS metered at the dearest, opens the periods now and next, and done again changes nothing', async () => {
    await restore(client, TABLE, backup);
    await tend();
    const steps = await plan();
    expect(steps.map(({ kind, period }) => `${kind} ${period.id}`)).toEqual(['true-up 2026-11', 'true-up 2026-12']);
    for (const step of steps) expect(await recoverBudget(ports(), await here(), step)).toBe('recovered');
    const item = await itemOf();
    // 1,000 tokens in and out of Nova Lite at the priority tier, of which 5,000 nano-dollars were leased.
    expect(item).toMatchObject({ leased: 0n, unconfirmed: 5_000n, settled: 0n });
    expect(item.committed).toBeGreaterThanOrEqual(300_000n);
    expect((await itemOf(NEXT)).committed).toBe(0n);
    expect((await plan()).map(({ kind }) => kind)).toEqual(['done', 'done']);
    for (const step of steps) expect(await recoverBudget(ports(), await here(), step)).toBe('recovered');
    expect(await itemOf()).toEqual(item);
    await openTable(ports(), await here(), await tableIdentities(client, TABLE).known());
    expect(await tend()).toBe('open');
    expect(await hasStrayItem(ports(), await here())).toBe(false);
    await recoveryTable(client, TABLE).close(NEXT);
    expect(await hasStrayItem(ports(), await here())).toBe(true);
    // The holder of before finds its lease gone; another one is served.
    expect(await lease(2, 9_000)).toMatchObject({ kind: 'refused', why: 'lease-lost' });
  });

  it('counts recorded calls at their own price, and only what goes beyond them at the dearest', async () => {
    await restore(client, TABLE, backup);
    await usageTable(client, TABLE).write({
      process: 'process-1' as ProcessId,
      hour: '2026-11-23T09' as UtcHour,
      chunk: 0,
      sequence: 1,
      watermark: epochMs(START),
      totals: new Map([
        [
          ARN,
          {
            calls: 1,
            usage: { ...NO_USAGE, inputTokens: 1_000, outputTokens: 1_000 },
            settled: usd(300_000),
            unconfirmed: ZERO,
          },
        ],
      ]),
    });
    expect((await plan())[0]).toMatchObject({ kind: 'true-up', spentAtMost: 300_000n });
    // Less metered than recorded: metrics are missing, and prove nothing.
    metered = { kind: 'told', usage: { ...NO_USAGE, inputTokens: 1 } };
    expect((await plan())[0]).toMatchObject({ kind: 'unknown', why: expect.stringMatching(/less than was recorded/) });
  });

  it.each([
    ['metrics that cannot be read', { kind: 'unreadable', why: 'AccessDenied' }],
    ['metrics of which there are none at all', { kind: 'silent' }],
  ] as const)('leaves a budget closed with %s, until an operator says what it has spent', async (_, answer) => {
    metered = answer;
    await restore(client, TABLE, backup);
    await tend();
    const [step] = await plan();
    expect(step).toMatchObject({ kind: 'unknown' });
    const [stated] = await plan(new Map([[BUDGET, usd(70_000)]]));
    expect(stated).toMatchObject({ kind: 'true-up', spentAtMost: 70_000n, after: 70_000n });
    await expect(plan(new Map([['no-such' as BudgetId, ZERO]]))).rejects.toMatchObject({ code: 'BudgetUnknown' });
  });

  it('takes a profile that is not called for unused where metrics of others are there', async () => {
    const other = 'arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/mnopqrstuvwx' as ProfileArn;
    living = [FACTS, { ...FACTS, arn: other }];
    const heard: Metered = { kind: 'told', usage: { ...NO_USAGE, inputTokens: 5 } };
    await restore(client, TABLE, backup);
    const some = {
      ...ports(),
      metered: {
        read: async (windows: readonly { from: number }[]) =>
          windows.map(({ from }): Metered => (from < Date.UTC(2026, 10, 1) ? heard : { kind: 'silent' })),
      },
    };
    const [step] = await planRecovery(some, await here(), new Map());
    expect(step).toMatchObject({ kind: 'true-up', spentAtMost: 0n, before: 5_000n, after: 5_000n });
  });

  it('counts a budget whose item is not in the backup, before anything is lent from it', async () => {
    await restore(
      client,
      TABLE,
      backup.filter(({ pk }) => pk?.S?.startsWith('LEDGER#') !== true),
    );
    await tend();
    const steps = await plan();
    expect(steps.map(({ kind }) => kind)).toEqual(['provide']);
    for (const step of steps) await recoverBudget(ports(), await here(), step);
    const item = await itemOf();
    expect(item.committed).toBeGreaterThanOrEqual(300_000n);
    expect(item.openIn).toBe(await here());
  });

  it('goes on where it was stopped, at whichever write, and by two at once', async () => {
    const amounts: bigint[] = [];
    for (let failing = 0; failing < 3; failing++) {
      await restore(client, TABLE, backup);
      await tend();
      await aws.clock.advance(61_000);
      let updates = 0;
      const stop = aws.intercept((call) => {
        if (call.operation !== 'UpdateItem' || updates++ !== failing) return undefined;
        return new AwsFault('ValidationException', 'stopped');
      });
      const steps = await plan();
      await Promise.allSettled(
        [...steps, ...steps].map(async (step) => await recoverBudget(ports(), await here(), step)),
      );
      stop();
      for (const step of await plan()) await recoverBudget(ports(), await here(), step);
      const item = await itemOf();
      expect(item.openIn).toBe(await here());
      amounts.push(item.committed);
    }
    expect(new Set(amounts).size).toBe(1);
  });

  it('says of an item of before tables were told apart that it is right here, once', async () => {
    const Key = { pk: { S: `LEDGER#${BUDGET}` }, sk: { S: '2026-11' } };
    await client.send(new UpdateItemCommand({ TableName: TABLE, Key, UpdateExpression: 'REMOVE openIn' }));
    await ledger().openHere(KEY);
    expect((await itemOf()).openIn).toBe(await here());
    await recoveryTable(client, TABLE).close(KEY);
    await ledger().openHere(KEY);
    expect((await itemOf()).openIn).toBe('closed');
  });
});
