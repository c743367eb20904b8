import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { usageTable } from '../../aws/dynamodb/usage-table.ts';
import type { CoveringBudget } from '../../domain/profiles/profile-index.ts';
import { type RecordedUsage, readRecordedUsage } from '../../domain/spending/recorded-usage.ts';
import { processOf } from '../../domain/spending/usage-record.ts';
import { AwsFault } from '../../local/service.ts';
import { TABLE } from '../aws/dynamodb/governor-table.ts';
import { ask, CALL_COST, converse, figures, GovernedAws } from './governed-aws.ts';

const HOUR_MS = 3_600_000;

let world: GovernedAws;
let budget: CoveringBudget;
beforeEach(async () => {
  world = await GovernedAws.start();
  budget = await world.budget('tenant-monthly/acme', 1_000_000_000);
});
afterEach(() => world.close());

const recorded = async (): Promise<RecordedUsage> =>
  await readRecordedUsage(usageTable(world.dynamodb, TABLE), {
    from: (await world.item(budget)).startsAt,
    until: world.now,
  });

describe('a process that calls models', () => {
  it('records the tokens and the money that AWS bills, by profile', async () => {
    const chat = await world.profile({ budgets: [budget] });
    const triage = await world.profile({ tags: { tenant: 'acme', app: 'triage' }, budgets: [budget] });
    const { client, governor } = world.process();
    for (const [modelId, text] of [
      [chat.arn, 'Hello!!!'],
      [triage.arn, 'Is this claim urgent?'],
      [chat.arn, 'Hello again, and again, and again.'],
    ])
      await client.send(converse({ modelId, messages: ask(text) }));
    await world.aws.clock.advance(1);
    await governor.flush();
    const { totals } = await recorded();
    for (const { arn } of [chat, triage]) {
      const billed = world.aws.billing.filter(({ profileArn }) => profileArn === arn);
      expect(totals.get(arn)).toMatchObject({
        calls: billed.length,
        usage: {
          inputTokens: billed.reduce((sum, { inputTokens }) => sum + inputTokens, 0),
          outputTokens: billed.reduce((sum, { outputTokens }) => sum + outputTokens, 0),
        },
        settled: billed.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0n),
        unconfirmed: 0n,
      });
    }
  });

  it('records calls of profiles that no budget covers', async () => {
    const free = await world.profile();
    const { client, governor } = world.process();
    await client.send(converse());
    await world.aws.clock.advance(1);
    await governor.flush();
    expect((await recorded()).totals.get(free.arn)?.settled).toBe(BigInt(CALL_COST));
  });

  it('records the hold of an attempt that may have run as unconfirmed, as the ledger does, and nothing for one that did not', async () => {
    const { arn } = await world.profile({ budgets: [budget] });
    const answers = [
      new AwsFault('ThrottlingException', 'Later.', 429),
      new AwsFault('InternalServerException', '?', 500),
    ];
    world.intercept(({ operation }) => (operation === 'Converse' ? answers.shift() : undefined));
    const { client, governor } = world.process();
    await client.send(converse());
    await world.aws.clock.advance(1);
    await governor.flush();
    const { settled, unconfirmed } = figures(await world.item(budget));
    expect(unconfirmed).toBeGreaterThan(0);
    expect((await recorded()).totals.get(arn)).toMatchObject({
      calls: 1,
      settled: BigInt(settled),
      unconfirmed: BigInt(unconfirmed),
    });
  });

  it('records nothing for a call that is refused', async () => {
    const poor = await world.budget('poor', 1);
    await world.profile({ budgets: [poor] });
    const { client, governor } = world.process();
    await expect(client.send(converse())).rejects.toThrow();
    await world.aws.clock.advance(1);
    await governor.flush();
    expect((await recorded()).totals.size).toBe(0);
  });

  it('counts a call in the hour in which it is complete', async () => {
    const { arn } = await world.profile({ budgets: [budget] });
    const { client, governor } = world.process();
    await client.send(converse());
    await world.aws.clock.advance(HOUR_MS);
    await client.send(converse());
    await client.send(converse());
    await world.aws.clock.advance(1);
    await governor.flush();
    const hours: [string, number | undefined][] = [];
    for await (const record of usageTable(world.dynamodb, TABLE).read({
      from: (await world.item(budget)).startsAt,
      until: world.now,
    }))
      hours.push([record.hour, record.totals.get(arn)?.calls]);
    expect(hours).toEqual([
      ['2026-11-23T10', 1],
      ['2026-11-23T11', 2],
    ]);
  });

  it('is known by its leases: the ledger tells whose watermark to wait for', async () => {
    await world.profile({ budgets: [budget] });
    const { client, governor } = world.process();
    await client.send(converse());
    const complete = world.now;
    await governor.flush();
    const holders = [...(await world.item(budget)).holders.keys()].map(processOf);
    await world.aws.clock.advance(1);
    const { watermarks } = await recorded();
    expect([...watermarks.keys()]).toEqual(holders);
    expect(Math.max(...watermarks.values())).toBeGreaterThanOrEqual(complete);
  });

  it('gives its money back on closing also where its usage cannot be written, and says so', async () => {
    await world.profile({ budgets: [budget] });
    const { client, governor } = world.process({ dynamodb: world.dynamodbOnce() });
    await client.send(converse());
    const stop = world.intercept(({ operation }) =>
      operation === 'PutItem' ? new AwsFault('AccessDeniedException', 'No.') : undefined,
    );
    await expect(governor.close()).rejects.toMatchObject({ code: 'AccessDeniedException' });
    stop();
    expect(figures(await world.item(budget))).toEqual({ settled: CALL_COST, leased: 0, unconfirmed: 0 });
  });
});
