import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { overridesTable } from '../../../aws/dynamodb/overrides-table.ts';
import { signalsTable } from '../../../aws/dynamodb/signals-table.ts';
import type { BudgetId } from '../../../domain/budgets/budget-id.ts';
import { epochMs } from '../../../domain/clock.ts';
import { nanoUsd } from '../../../domain/money.ts';
import type { Overrides, Retractions } from '../../../domain/standing/override.ts';
import type { SignalId, Signals } from '../../../domain/standing/signal.ts';
import { type EmbeddedAws, startEmbeddedAws } from '../../../local/embedded-aws.ts';
import { anOverride } from '../../domain/standing/memory-evidence.ts';
import { createGovernorTable, dynamoDbClient, TABLE } from './governor-table.ts';

const NOW = epochMs(Date.UTC(2026, 10, 23, 10));
const HOUR = 3_600_000;

let aws: EmbeddedAws;
let dynamodb: DynamoDBClient;
let overrides: Overrides & Retractions;
let signals: Signals;
afterEach(() => aws.close());
beforeEach(async () => {
  aws = await startEmbeddedAws({ startAt: NOW });
  dynamodb = dynamoDbClient(aws);
  await createGovernorTable(dynamodb);
  overrides = overridesTable(dynamodb, TABLE);
  signals = signalsTable(dynamodb, TABLE);
});

const made = (ms: number) => ({ now: epochMs(NOW + ms) });

describe('the overrides in the table', () => {
  it('are read back as they were kept, raises and tenants included', async () => {
    const all = [
      anOverride(made(0), { kind: 'disable' }, HOUR),
      anOverride(made(0), { kind: 'enable' }, HOUR, { kind: 'tenant', tenant: 'acme # größer' }),
      anOverride(made(0), { kind: 'raise', amount: nanoUsd(12_345_678_901_234_567_890n) }, HOUR),
      anOverride(made(0), { kind: 'raise', amount: nanoUsd(1n) }, 2 * HOUR),
    ];
    for (const override of all) expect(await overrides.keep(override)).toBe('kept');
    const read = await overrides.lasting(NOW);
    expect(read).toHaveLength(all.length);
    expect(read).toEqual(expect.arrayContaining(all));
  });

  it('hold until their end, and not at it', async () => {
    const disable = anOverride(made(0), { kind: 'disable' }, HOUR);
    const raise = anOverride(made(0), { kind: 'raise', amount: nanoUsd(1n) }, HOUR);
    for (const override of [disable, raise]) await overrides.keep(override);
    expect(await overrides.lasting(epochMs(NOW + HOUR - 1))).toHaveLength(2);
    expect(await overrides.lasting(epochMs(NOW + HOUR))).toEqual([]);
  });

  it('have one word on the standing of a target, and a late copy of an earlier one does not come back', async () => {
    const disable = anOverride(made(0), { kind: 'disable' }, 5 * HOUR);
    const enable = anOverride(made(1_000), { kind: 'enable' }, HOUR);
    await overrides.keep(disable);
    const first = await overrides.lastWord(disable.target);
    expect(first).toMatchObject({ override: disable });
    await overrides.keep(enable, first);
    expect(await overrides.keep(disable)).toBe('overtaken');
    expect(await overrides.keep(enable, first)).toBe('kept');
    expect(await overrides.lasting(NOW)).toEqual([enable]);
    expect(await overrides.lastWord(disable.target)).toMatchObject({ override: enable, saidAfter: disable.id });
  });

  it('order words by who knew whom, and not by clocks: AWS tells time by whole seconds', async () => {
    const disable = anOverride(made(900), { kind: 'disable' }, HOUR);
    const enable = anOverride(made(0), { kind: 'enable' }, HOUR);
    await overrides.keep(disable);
    expect(await overrides.keep(enable)).toBe('overtaken');
    expect(await overrides.keep(enable, await overrides.lastWord(disable.target))).toBe('kept');
    expect(await overrides.lasting(NOW)).toEqual([enable]);
  });

  it('read the last word also where it is over, and none where it was taken back or of another target', async () => {
    const disable = anOverride(made(0), { kind: 'disable' }, 1);
    await overrides.keep(disable);
    expect(await overrides.lasting(epochMs(NOW + 2))).toEqual([]);
    expect(await overrides.lastWord(disable.target)).toMatchObject({ override: disable });
    expect(await overrides.lastWord({ kind: 'tenant', tenant: 'tenant-monthly/acme' })).toBeUndefined();
    await overrides.takeBack(disable);
    expect(await overrides.lastWord(disable.target)).toBeUndefined();
  });

  it('let the next word take the place of one that an earlier version has kept', async () => {
    const disable = anOverride(made(0), { kind: 'disable' }, HOUR);
    const enable = anOverride(made(0), { kind: 'enable' }, HOUR);
    const { id, target, change, reason, author, madeAt, until } = disable;
    await dynamodb.send(
      new PutItemCommand({
        TableName: TABLE,
        Item: {
          pk: { S: 'OVERRIDES' },
          sk: { S: 'standing#budget#tenant-monthly/acme' },
          madeAt: { N: String(madeAt) },
          // Members in another order than this version writes them.
          override: { S: JSON.stringify({ until, reason, change, author, madeAt, target, id }) },
        },
      }),
    );
    expect(await overrides.keep(enable)).toBe('overtaken');
    expect(await overrides.keep(enable, await overrides.lastWord(disable.target))).toBe('kept');
    expect(await overrides.lasting(NOW)).toEqual([enable]);
  });

  it('that cannot be read stop every decision: it may be a disable', async () => {
    await dynamodb.send(
      new PutItemCommand({
        TableName: TABLE,
        Item: {
          pk: { S: 'OVERRIDES' },
          sk: { S: 'standing#budget#a' },
          override: { S: '{"change":{"kind":"halve"}}' },
        },
      }),
    );
    await expect(overrides.lasting(NOW)).rejects.toMatchObject({ code: 'OverrideUnreadable' });
  });

  it('that cannot be read give place to a later word, which names what it has seen', async () => {
    const target = { kind: 'budget', budget: 'a' as BudgetId } as const;
    const disable = anOverride(made(0), { kind: 'disable' }, HOUR, target);
    const garble = async (text: string) =>
      await dynamodb.send(
        new PutItemCommand({
          TableName: TABLE,
          Item: { pk: { S: 'OVERRIDES' }, sk: { S: 'standing#budget#a' }, override: { S: text } },
        }),
      );
    await garble('{"change":{"kind":"halve"}}');
    const seen = await overrides.lastWord(target);
    expect(seen?.override).toBeUndefined();
    await garble('no JSON');
    expect(await overrides.keep(disable, seen)).toBe('overtaken');
    expect(await overrides.keep(disable, await overrides.lastWord(target))).toBe('kept');
    expect(await overrides.lasting(NOW)).toEqual([disable]);
  });
});

describe('the signals in the table', () => {
  const signal = {
    id: 'anomaly/1' as SignalId,
    kind: 'anomaly',
    budget: 'tenant-monthly/acme' as BudgetId,
    because: 'an anomaly of 41.50 USD',
    seenAt: NOW,
    until: epochMs(NOW + HOUR),
  } as const;

  it('are kept once for each budget, with what is last known, and are read until their end', async () => {
    await signals.keep(signal);
    await signals.keep({ ...signal, because: 'an anomaly of 50.00 USD' });
    await signals.keep({ ...signal, budget: 'tenant-monthly/lakeside' as BudgetId });
    expect(await signals.lasting(signal.budget, NOW)).toEqual([{ ...signal, because: 'an anomaly of 50.00 USD' }]);
    expect(await signals.lasting(signal.budget, signal.until)).toEqual([]);
  });

  it('that are over do not come back with an answer of AWS from before', async () => {
    const seenAt = epochMs(NOW + 60_000);
    await signals.keep({ ...signal, seenAt, until: seenAt });
    await signals.keep(signal);
    expect(await signals.lasting(signal.budget, seenAt)).toEqual([]);
  });
});
