import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { epochMs } from '../../../domain/clock.ts';
import { regionOf } from '../../../domain/profiles/profile-arn.ts';
import {
  describeEntry,
  findProfile,
  type IndexEntry,
  type ProfileQuery,
} from '../../../domain/profiles/profile-index.ts';
import { OPEN } from '../../../domain/standing/standing.ts';
import { profileArn } from '../governed-account.ts';

const NOVA = 'amazon.nova-lite-v1:0';
const entry = (
  id: string,
  tags: Record<string, string>,
  changes: Partial<IndexEntry> = {},
  region = 'us-east-1',
): IndexEntry => {
  const arn = profileArn(id, region);
  return {
    arn,
    name: id,
    region: regionOf(arn),
    tags,
    baseModelId: NOVA,
    source: 'in-region',
    standing: OPEN,
    budgets: [],
    verifiedAt: epochMs(0),
    ...changes,
  };
};
const acme = { tenant: 'acme', team: 'support' };
const found = (entries: readonly IndexEntry[], query: ProfileQuery): string => {
  const lookup = findProfile(entries, query);
  switch (lookup.kind) {
    case 'found':
      return lookup.entry.name;
    case 'none':
      return `none, near ${lookup.near.map(({ name }) => name).join(' ') || 'nothing'}`;
    case 'several':
      return `several: ${lookup.entries.map(({ name }) => name).join(' ')}`;
  }
};

describe('findProfile', () => {
  const entries = [
    entry('one', acme),
    entry('geo', acme, { source: 'geo', baseModelId: 'anthropic.claude' }),
    entry('eu', acme, { source: 'geo', baseModelId: 'anthropic.claude' }, 'eu-central-1'),
    entry('global', acme, { source: 'global', baseModelId: 'anthropic.opus' }),
    entry('other', { tenant: 'lakeside', team: 'support' }),
    entry('ended', { tenant: 'ended' }, { endedAt: epochMs(1) }),
  ];

  it.each<[string, ProfileQuery, string]>([
    ['the profile that carries the tags', { modelId: NOVA, tags: { tenant: 'acme' } }, 'one'],
    ['it by more tags', { modelId: NOVA, tags: acme }, 'one'],
    [
      'it by the ARN of its model',
      { modelId: `arn:aws:bedrock:us-east-1::foundation-model/${NOVA}`, tags: acme },
      'one',
    ],
    [
      'one that was copied from a system profile of the geography',
      { modelId: 'us.anthropic.claude', tags: acme },
      'geo',
    ],
    ['one of another geography', { modelId: 'eu.anthropic.claude', tags: acme }, 'eu'],
    ['one of a global profile', { modelId: 'global.anthropic.opus', tags: acme }, 'global'],
    ['one of several by its Region', { modelId: 'anthropic.claude', tags: acme, region: 'eu-central-1' }, 'eu'],
    ['several', { modelId: 'anthropic.claude', tags: acme }, 'several: geo eu'],
    ['several by the team alone', { modelId: NOVA, tags: { team: 'support' } }, 'several: one other'],
    [
      'none of an unknown tenant, and what comes near',
      { modelId: NOVA, tags: { tenant: 'x', team: 'support' } },
      'none, near one other',
    ],
    ['none in another case', { modelId: NOVA, tags: { tenant: 'ACME' } }, 'none, near nothing'],
    ['none that has ended', { modelId: NOVA, tags: { tenant: 'ended' } }, 'none, near nothing'],
    ['none by a name that objects inherit', { modelId: NOVA, tags: { constructor: 'Object' } }, 'none, near nothing'],
    [
      'none of a global profile that is in-Region',
      { modelId: `global.${NOVA}`, tags: { tenant: 'acme' } },
      'none, near one geo eu global',
    ],
    [
      'none of a model id that is a word',
      { modelId: 'constructor.x', tags: { tenant: 'nobody' } },
      'none, near nothing',
    ],
  ])('finds %s', (_, query, expected) => {
    expect(found(entries, query)).toBe(expected);
  });

  it.each<[string, Partial<IndexEntry>, string, readonly string[]]>([
    ['jp', { geography: 'jp' }, 'ap-northeast-1', ['jp']],
    ['apac in Japan', { geography: 'apac' }, 'ap-northeast-1', ['apac']],
    ['au', { geography: 'au' }, 'ap-southeast-2', ['au']],
    ['us called from Canada', { geography: 'us' }, 'ca-central-1', ['us']],
    ['us-gov', { geography: 'us-gov' }, 'us-gov-west-1', ['us-gov']],
    // Entries of older versions do not say which: what cannot be told apart is found by each.
    ['one that does not say, in GovCloud', {}, 'us-gov-west-1', ['us-gov']],
    ['one that does not say, in Japan', {}, 'ap-northeast-1', ['apac', 'jp']],
    ['one that does not say, in Korea', {}, 'ap-northeast-2', ['apac']],
    ['one that does not say, in Virginia', {}, 'us-east-1', ['us']],
  ])('finds a profile that was copied from %s by its own geography', (_, more, region, expected) => {
    const one = entry('one', acme, { source: 'geo', baseModelId: 'anthropic.claude', ...more }, region);
    const byPrefix = (prefix: string) =>
      findProfile([one], { modelId: `${prefix}.anthropic.claude`, tags: acme }).kind === 'found';
    expect(['apac', 'au', 'ca', 'eu', 'jp', 'us', 'us-gov'].filter(byPrefix)).toEqual(expected);
  });

  it('names a few near misses, not all', () => {
    const many = Array.from({ length: 50 }, (_, i) => entry(`p${i}`, { tenant: 'acme', team: `t${i}` }));
    const lookup = findProfile(many, { modelId: NOVA, tags: { tenant: 'acme', team: 'x' } });
    expect(lookup.kind === 'none' ? lookup.near : []).toHaveLength(5);
  });

  it('never finds a profile without every tag that was asked for', () => {
    const someTags = fc.dictionary(fc.constantFrom('tenant', 'team', 'app'), fc.constantFrom('a', 'b'));
    fc.assert(
      fc.property(fc.array(someTags, { maxLength: 6 }), someTags, (carried, asked) => {
        const all = carried.map((tags, i) => entry(`p${i}`, tags));
        const lookup = findProfile(all, { modelId: NOVA, tags: asked });
        const right = all.filter(({ tags }) => Object.entries(asked).every(([key, value]) => tags[key] === value));
        expect(lookup.kind).toBe(right.length === 0 ? 'none' : right.length === 1 ? 'found' : 'several');
        if (lookup.kind === 'found') expect([lookup.entry]).toEqual(right);
        if (lookup.kind === 'several') expect(lookup.entries).toEqual(right);
      }),
    );
  });

  it('describes a profile by what tells it from others', () => {
    expect(describeEntry(entry('one', acme))).toBe(`one (${NOVA} in us-east-1: tenant=acme, team=support)`);
  });
});
