import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { epochMs } from '../../domain/clock.ts';
import * as period from '../../domain/period.ts';
import { lateCalendar } from '../../infra/late-calendar.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'governor-calendar-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** `domain/period.ts` as it is in a bundle. */
async function bundled(name: string, ...plugins: Plugin[]): Promise<typeof period> {
  const outfile = join(folder, name);
  await build({
    entryPoints: ['domain/period.ts'],
    bundle: true,
    platform: 'node',
    format: 'esm',
    mainFields: ['module', 'main'],
    plugins: [lateCalendar, ...plugins],
    outfile,
    logLevel: 'silent',
  });
  return await import(outfile);
}

const NOW = epochMs(Date.UTC(2026, 10, 23, 10));

it('gives in a bundle the periods that it gives outside of one', async () => {
  const { periodAt, isTimeZone } = await bundled('whole.mjs');

  for (const kind of period.PERIOD_KINDS)
    for (const zone of ['UTC', 'America/St_Johns', 'Pacific/Apia'])
      expect(periodAt(kind, zone, NOW)).toEqual(period.periodAt(kind, zone, NOW));
  expect(['UTC', 'Europe/Zurich', 'Europe/Atlantis'].map(isTimeZone)).toEqual([true, true, false]);
});

it('runs the calendar of time zones for a period in one, and not before', async () => {
  const broken: Plugin = {
    name: 'broken-calendar',
    setup({ onLoad }) {
      onLoad({ filter: /temporal-polyfill.*PlainDate/ }, () => ({ contents: "throw new Error('it runs')" }));
    },
  };
  const { periodAt, isTimeZone } = await bundled('broken.mjs', broken);

  expect([isTimeZone('UTC'), periodAt('month', 'UTC', NOW).id]).toEqual([true, '2026-11']);
  expect(() => periodAt('month', 'Europe/Zurich', NOW)).toThrow('it runs');
});
