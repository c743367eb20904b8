import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { governor } from '../cli/command.ts';
import { packagedRegions } from './packaged-regions.ts';
import { PREFIX } from './packaged-template.ts';

const RUNBOOK = readFileSync(new URL('../../docs/runbook.md', import.meta.url), 'utf8');
const namesIn = (text: string): string[] => [...text.matchAll(/`([a-z-]+)`/g)].map(([, name]) => name ?? '');

/** Sections of the third level: heading and text. */
const SECTIONS = RUNBOOK.split(/^(?=#{2,3} )/m).flatMap((section) => {
  const [heading = '', ...lines] = section.split('\n');
  return heading.startsWith('### ') ? [{ heading, text: lines.join('\n') }] : [];
});

let packaged: Awaited<ReturnType<typeof packagedRegions>>;
beforeAll(async () => {
  packaged = await packagedRegions();
});
afterAll(() => packaged.remove());
const stacks = () => [packaged.home, ...packaged.further];

describe('the runbook', () => {
  it('has a place for every alarm of the packaged templates, those of other Regions and the payer included, and none for another', () => {
    const named = z.object({ AlarmName: z.string() });
    const alarms = new Set(
      stacks().flatMap((stack) =>
        [...stack.ofType('AWS::CloudWatch::Alarm', named).values()].map(({ AlarmName }) => AlarmName),
      ),
    );
    // In a heading, or in the first column of a table below one.
    const told = SECTIONS.flatMap(({ heading, text }) => [
      ...namesIn(heading),
      ...[...text.matchAll(/^\| (`[^|]+) \|/gm)].flatMap(([, cell]) => namesIn(cell ?? '')),
    ]);
    expect(told.map((name) => `${PREFIX}${name}`).toSorted()).toEqual([...alarms].toSorted());
  });

  it('says of each what it means, where to look and what to do', () => {
    const lacking = SECTIONS.flatMap(({ heading, text }) =>
      ['Means:', 'Look', 'Do:'].filter((label) => !text.includes(`**${label}`)).map((label) => `${heading}: ${label}`),
    );
    expect(lacking).toEqual([]);
  });

  it('names no command of the governor that does not exist', async () => {
    const { stdout } = await governor({}, '--help').ended;
    const known = [...stdout.matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name);
    const used = [...RUNBOOK.matchAll(/npm run governor -- ([a-z]+)/g)].map(([, name]) => name);
    expect(used.length).toBeGreaterThan(4);
    expect(used.filter((name) => !known.includes(name))).toEqual([]);
  });

  it('names no function, queue or rule that does not exist', () => {
    const text = JSON.stringify(stacks().map(({ template }) => template));
    const used = [...RUNBOOK.matchAll(/STACK-([a-z-]*[a-z])/g)].map(([, name]) => `${PREFIX}${name}`);
    expect(used.length).toBeGreaterThan(5);
    expect(used.filter((name) => !text.includes(`"${name}"`) && !text.includes(`/${name}"`))).toEqual([]);
  });
});
