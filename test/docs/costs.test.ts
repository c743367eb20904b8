import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { GAUGE_NAMES, METRIC_NAMES } from '../../domain/journal.ts';
import { PREFIX, packagedTemplate } from '../infra/packaged-template.ts';
import { ROOT } from './fences.ts';

const DOCUMENT = await readFile(`${ROOT}/docs/costs.md`, 'utf8');

/** The cells of the rows of the table that begins with such a heading. */
function tableOf(heading: string): readonly (readonly string[])[] {
  const [, rows = ''] = DOCUMENT.split(`${heading}\n`);
  return (rows.split('\n\n')[0] ?? '')
    .split('\n')
    .filter((row) => row.startsWith('| ') && !row.startsWith('| --- |'))
    .map((row) =>
      row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll('`', '')),
    );
}

const number = (text: string | undefined): number => Number((text ?? '').replaceAll(/[,*]/g, ''));

const FORMULA = new Map(tableOf('| what | count | price of one |').map(([what, ...cells]) => [what, cells]));
const EXAMPLE = tableOf('| what | count | price of one, USD | USD a month |');

const lambda = z.object({ FunctionName: z.string(), MemorySize: z.number(), Timeout: z.number() });
const schedule = z.object({
  Name: z.string(),
  ScheduleExpression: z.string().optional(),
});
/** Minutes between two runs. */
const MINUTES: Readonly<Record<string, number>> = {
  'rate(1 minute)': 1,
  'rate(5 minutes)': 5,
  'rate(1 hour)': 60,
  'rate(1 day)': 1_440,
};
const MONTH_MINUTES = 43_200;

describe('what docs/costs.md counts', () => {
  let packaged: Awaited<ReturnType<typeof packagedTemplate>>;
  beforeAll(async () => {
    packaged = await packagedTemplate();
  });

  it('are the alarms and metrics that there are', () => {
    const alarms = packaged.resources('AWS::CloudWatch::Alarm', z.unknown()).size;
    expect(FORMULA.get('CloudWatch alarms')?.[0]).toMatch(new RegExp(`^${alarms}, `));
    expect(FORMULA.get('CloudWatch metrics')?.[0]).toMatch(
      new RegExp(`^at most ${METRIC_NAMES.length + GAUGE_NAMES.length}: `),
    );
  });

  it('are the runs by the clock, with the memory and the time that the functions have', () => {
    const functions = [...packaged.resources('AWS::Lambda::Function', lambda).values()];
    const expected = [...packaged.resources('AWS::Events::Rule', schedule).values()].flatMap(
      ({ Name, ScheduleExpression }) => {
        if (ScheduleExpression === undefined) return [];
        const name = Name.replace(/-schedule$/, '');
        const found = functions.find(({ FunctionName }) => FunctionName.startsWith(name));
        const runs = MONTH_MINUTES / (MINUTES[ScheduleExpression] ?? 0);
        return [[found?.FunctionName.slice(PREFIX.length), runs, found?.MemorySize, found?.Timeout]];
      },
    );
    const told = tableOf('| function | runs in a month | memory | longest |').map(([name, runs, memory, longest]) => [
      name,
      number(runs),
      number(memory?.replace(' MB', '')),
      number(longest?.replace(' s', '')),
    ]);
    expect(told.toSorted()).toEqual(expected.toSorted());
    const runs = told.reduce((sum, [, count]) => sum + Number(count), 0);
    expect(FORMULA.get('Lambda requests')?.[0]).toContain(runs.toLocaleString('en-US'));
    const longest = told.reduce(
      (sum, [, count, memory, s]) => sum + (Number(count) * Number(memory) * Number(s)) / 1024,
      0,
    );
    expect(DOCUMENT).toContain(`that would be ${Math.round(longest * 0.0000133334)} USD a month`);
  });

  it('is added up in the example, by the prices of the formula', () => {
    const rows = EXAMPLE.slice(0, -1);
    expect(rows).toHaveLength(FORMULA.size);
    const prices = [...FORMULA.values()].map(([, price]) => price?.replace(' USD', ''));
    expect(rows.map(([, , price]) => price)).toEqual(prices);
    for (const [what, count, price, cost] of rows)
      expect(cost, what).toBe((Math.round(number(count) * number(price) * 100) / 100).toFixed(2));
    const sum = rows.reduce((total, row) => total + number(row[3]), 0);
    expect(EXAMPLE.at(-1)?.[3]).toBe(`**${sum.toFixed(2)}**`);
  });

  it('follows from what the example assumes', () => {
    const count = new Map(EXAMPLE.map(([what, units]) => [what, number(units)]));
    const [profiles, budgets, processes, each, holders] = [50, 25, 20, 5, 20];
    const units = Math.ceil((400 + 64 * holders) / 1024);
    expect(units).toBe(2);
    expect(count.get('DynamoDB write units')).toBe(
      processes * each * units * MONTH_MINUTES + processes * MONTH_MINUTES,
    );
    expect(count.get('DynamoDB read units')).toBe(processes * each * 12 * MONTH_MINUTES + budgets * MONTH_MINUTES);
    expect(count.get('token metrics read')).toBe(profiles * 75_000);
    expect(count.get('Lambda GB-seconds')).toBe(2 * 43_200 * 0.5 + 8_640 * 10 + 720 * 5 + 30 * 30 * 0.5);
  });
});
