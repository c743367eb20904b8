import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod';
import { policyDocument } from '../../cli/policy-document.ts';
import { readPolicy } from '../../domain/policy/policy.ts';
import { policyJsonSchema } from '../../domain/policy/policy-schema.ts';
import { documents, type Fence, fencesOf, placeOf, ROOT } from './fences.ts';

/** What looks after the blocks of each language. */
const TESTED_BY: Readonly<Record<string, string>> = {
  sh: 'test/docs/commands.test.ts, and what runs without an account test/docs/getting-started.test.ts',
  ts: 'test/package/helper-package.test.ts',
  text: 'the test of the program that prints it: see below',
  yaml: 'here',
  json: 'here',
  mermaid: 'nothing but an eye: GitHub draws it',
};
/** Where output is shown, and which test compares it. */
const OUTPUT: Readonly<Record<string, string>> = {
  'README.md': 'test/cli/keep.test.ts',
  'docs/errors.md': 'here',
  'docs/getting-started.md': 'test/docs/getting-started.test.ts',
};

const fences = (await Promise.all((await documents()).map(fencesOf))).flat();
const of = (language: string) =>
  fences.filter((fence) => fence.language === language).map((fence) => [placeOf(fence), fence] as const);

describe('the blocks of the documents', () => {
  it('are of languages that some test looks at', () => {
    const untested = fences.filter(({ language }) => TESTED_BY[language] === undefined);
    expect(untested.map(placeOf)).toEqual([]);
    expect(
      of('text')
        .map(([, { file }]) => file)
        .filter((file) => OUTPUT[file] === undefined),
    ).toEqual([]);
  });

  it.each(of('json'))('%s is JSON', (_place, { text }) => {
    expect(() => JSON.parse(text)).not.toThrow();
  });

  it.each(of('yaml'))('%s is a policy, or a part of one', (_place, { text }) => {
    expect(problemsOf(text)).toEqual([]);
  });

  it('would be found wrong: a key that no policy has, a value that no policy takes', () => {
    expect(problemsOf('budgets: [{ name: a, per: tenant, limit: 5 EUR }]')).toHaveLength(1);
    expect(problemsOf('budget: []')).toHaveLength(1);
  });

  it('show problems of a policy in the words that a person gets', () => {
    const [block] = fences.filter(({ file, language }) => file === 'docs/errors.md' && language === 'text');
    const shown = linesOf(block).map((line) => line.replace(/^governance\.yaml:(\d+:)? /, ''));
    const told = [
      { tags: { required: { tenant: {}, environment: { values: ['prod', 'dev'], default: 'staging' } } } },
      { budgets: [{ name: 'a', per: 'tenant', limit: '500 EUR', thresholds: [{ at: '80', action: 'notify' }] }] },
      { timezone: 'UTC' },
    ].flatMap((wrong) => problems({ ...BASE, ...wrong }));
    expect(told).toEqual(shown);
  });
});

describe('the policy reference', () => {
  it('is as the schema is now (npm run docs:policy)', async () => {
    expect(await readFile(`${ROOT}/docs/policy-keys.md`, 'utf8')).toBe(policyDocument(policyJsonSchema()));
  });

  it('has no key that docs/policy.md does not explain', async () => {
    const guide = await readFile(`${ROOT}/docs/policy.md`, 'utf8');
    const reference = policyDocument(policyJsonSchema());
    const keys = [...reference.matchAll(/^\| `(\w+)` \|/gm)].map(([, key = '']) => key);
    expect(keys.length).toBeGreaterThan(60);
    expect(keys.filter((key) => !new RegExp(`\`[^\`]*\\b${key}\\b[^\`]*\``).test(guide))).toEqual([]);
  });
});

/** What a part of a policy is read with. */
const BASE = {
  version: 1,
  regions: ['us-east-1'],
  tenantTag: 'tenant',
  tags: { required: { tenant: {}, environment: { values: ['prod', 'staging', 'dev', 'sandbox'] } } },
  budgets: [{ name: 'tenant-monthly', per: 'tenant', limit: '500 USD' }],
};
/** Keys that `tags.exceptions` of the guide speaks of. */
const COSTCENTER = { costcenter: {} };

function problemsOf(text: string): readonly string[] {
  const part = z.record(z.string(), z.unknown()).parse(parse(text));
  if ('version' in part) return problems(part);
  const { required = {}, ...others } = z
    .looseObject({ required: z.record(z.string(), z.unknown()).optional() })
    .parse(part['tags'] ?? {});
  const named = 'exceptions' in others ? COSTCENTER : {};
  const tags = { ...others, required: { ...BASE.tags.required, ...named, ...required } };
  return problems({ ...BASE, ...part, tags });
}

function problems(document: unknown): readonly string[] {
  const reading = readPolicy(document);
  return reading.kind === 'valid' ? [] : reading.problems.map(({ place, message }) => `${place}: ${message}`);
}

const linesOf = (fence: Fence | undefined): readonly string[] =>
  (fence?.text ?? '').split('\n').filter((line) => line !== '');
