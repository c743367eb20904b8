import { beforeAll, describe, expect, it } from 'vitest';
import { type Ending, start } from './command.ts';

interface JsonLine {
  readonly type: string;
  readonly at?: string;
  readonly actor?: string;
  readonly what?: string;
  readonly why?: string;
  readonly [member: string]: string | undefined;
}

/** Ids of profiles, the port and the seconds of the clock differ between two runs. */
const stable = (text: string): string =>
  text
    .replaceAll(/application-inference-profile\/[a-z0-9]+/g, 'application-inference-profile/ID')
    .replaceAll(/127\.0\.0\.1:\d+/g, '127.0.0.1:PORT')
    .replaceAll(/(\d\d:\d\d):\d\d\.\d+Z/g, '$1…');

/** Words without the line breaks and margins of the timeline. */
const flat = (text: string): string => stable(text).replaceAll(/\s+/g, ' ');

describe('what npm start prints', () => {
  let text: Ending;
  let json: Ending;
  let lines: readonly JsonLine[];

  beforeAll(async () => {
    [text, json] = await Promise.all([start().ended, start('--json').ended]);
    lines = json.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as JsonLine);
  });

  it('ends well, and complains of nothing', () => {
    expect({ code: text.code, stderr: text.stderr }).toEqual({ code: 0, stderr: '' });
    expect({ code: json.code, stderr: json.stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('has no colour codes where nobody looks at it on a terminal', () => {
    const controlCode = String.fromCharCode(27);
    expect(text.stdout).not.toContain(controlCode);
    expect(json.stdout).not.toContain(controlCode);
  });

  it('is on each line an object of a known type with --json', () => {
    const types = new Set(lines.map(({ type }) => type));
    expect([...types].sort()).toEqual(['chapter', 'event', 'message', 'profile']);
    for (const { type, at, actor, what } of lines)
      if (type === 'event') {
        expect(new Date(at ?? '').toISOString()).toBe(at);
        expect(actor).toMatch(/^(story|you|governor|notice|tenant|aws)$/);
        expect(what).not.toBe('');
      }
  });

  it('tells the same facts as text and as JSON', () => {
    const told = flat(text.stdout);
    const facts = lines.flatMap(({ type, title, what, why, text: said, ...row }) => {
      if (type === 'chapter') return [title];
      if (type === 'event') return [why === undefined ? what : `${what} because ${why}`];
      return type === 'message' ? [said] : Object.values(row);
    });
    expect(facts.length).toBeGreaterThan(50);
    expect(facts.map((fact) => flat(fact ?? '')).filter((fact) => !told.includes(fact))).toEqual([]);
  });

  it('shows each of the four profiles and where it stands', () => {
    const standings = lines.flatMap(({ type, profile, standing }) =>
      type === 'profile' && profile !== '' ? [`${profile}: ${standing}`] : [],
    );
    expect(standings).toEqual([
      'alpine-claims-triage: open',
      'lakeside-underwriting: open',
      'hackathon-experiment: quarantined',
      'harbor-sales-chat: open',
    ]);
  });
});
