import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { governor } from '../cli/command.ts';
import { PREFIX, packagedTemplate } from './packaged-template.ts';
import { alarm } from './watched-metrics.ts';

const RUNBOOK = readFileSync(new URL('../../docs/runbook.md', import.meta.url), 'utf8');
const namesIn = (text: string): string[] => [...text.matchAll(/`([a-z-]+)`/g)].map(([, name]) => name ?? '');

/** Sections of the third level: heading and text. */
const SECTIONS = RUNBOOK.split(/^(?=#{2,3} )/m).flatMap((section) => {
  const [heading = '', ...lines] = section.split('\n');
  return heading.startsWith('### ') ? [{ heading, text: lines.join('\n') }] : [];
});

let packaged: Awaited<ReturnType<typeof packagedTemplate>>;
beforeAll(async () => {
  packaged = await packagedTemplate();
});

describe('the runbook', () => {
  it('has a place for every alarm of the packaged template, and none for another', () => {
    const alarms = [...packaged.resources('AWS::CloudWatch::Alarm', alarm).values()].map(({ AlarmName }) => AlarmName);
    // In a heading, or in the first column of a table below one.
    const told = SECTIONS.flatMap(({ heading, text }) => [
      ...namesIn(heading),
      ...[...text.matchAll(/^\| (`[^|]+) \|/gm)].flatMap(([, cell]) => namesIn(cell ?? '')),
    ]);
    expect(told.map((name) => `${PREFIX}${name}`).toSorted()).toEqual(alarms.toSorted());
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
    const text = JSON.stringify(packaged.template);
    const used = [...RUNBOOK.matchAll(/STACK-([a-z-]*[a-z])/g)].map(([, name]) => `${PREFIX}${name}`);
    expect(used.length).toBeGreaterThan(5);
    expect(used.filter((name) => !text.includes(`"${name}"`) && !text.includes(`/${name}"`))).toEqual([]);
  });
});
