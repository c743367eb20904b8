import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { epochMs } from '../../../domain/clock.ts';
import { describeEntry, type IndexEntry } from '../../../domain/profiles/profile-index.ts';
import { ProfileLookup, type ProfileQuery } from '../../../domain/profiles/profile-lookup.ts';
import { readModelId } from '../../../domain/profiles/wanted-model.ts';
import { profileArn } from '../governed-account.ts';
import { indexEntry, NOVA } from './index-entry.ts';
import { naiveLookup } from './naive-lookup.ts';

const acme = { tenant: 'acme', team: 'support' };

interface Asked {
  readonly modelId: string;
  readonly tags: Record<string, string>;
  readonly region?: string;
}

function queryOf({ modelId, ...rest }: Asked): ProfileQuery {
  const model = readModelId(modelId);
  if (model.kind !== 'model') throw new Error(`${modelId} names no model`);
  return { model, ...rest };
}

const found = (entries: readonly IndexEntry[], asked: Asked): string => {
  const lookup = ProfileLookup.of(entries);
  const query = queryOf(asked);
  const result = lookup.find(query);
  const near = () => lookup.near(query).map(({ entry, differs }) => `${entry.name} (${differs.join(', ')})`);
  switch (result.kind) {
    case 'found':
      return result.entry.name;
    case 'none':
      return `none, near ${near().join(' ') || 'nothing'}`;
    case 'several':
      return `several: ${result.first.map(({ name }) => name).join(' ')}`;
  }
};

describe('the lookup of profiles', () => {
  const entries = [
    indexEntry('one', acme),
    indexEntry('geo', acme, { source: 'geo', baseModelId: 'anthropic.claude' }),
    indexEntry('eu', acme, { source: 'geo', baseModelId: 'anthropic.claude' }, 'eu-central-1'),
    indexEntry('global', acme, { source: 'global', baseModelId: 'anthropic.opus' }),
    indexEntry('other', { tenant: 'lakeside', team: 'support' }),
    indexEntry('ended', { tenant: 'ended' }, { endedAt: epochMs(1) }),
  ];

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
    const one = indexEntry('one', acme, { source: 'geo', baseModelId: 'anthropic.claude', ...more }, region);
    const byPrefix = (prefix: string) =>
      found([one], { modelId: `${prefix}.anthropic.claude`, tags: acme, region }) === 'one';
    expect(['apac', 'au', 'ca', 'eu', 'jp', 'us', 'us-gov'].filter(byPrefix)).toEqual(expected);
  });

  it.each<[string, Asked, string]>([
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
      'none, near one (tenant) other (tenant)',
    ],
    ['none in another case', { modelId: NOVA, tags: { tenant: 'ACME' } }, 'none, near nothing'],
    ['none that has ended', { modelId: NOVA, tags: { tenant: 'ended' } }, 'none, near nothing'],
    ['none by a name that objects inherit', { modelId: NOVA, tags: { constructor: 'Object' } }, 'none, near nothing'],
    [
      'none of a global profile that is in-Region',
      { modelId: `global.${NOVA}`, tags: { tenant: 'acme' } },
      'none, near one (model) geo (model) eu (model) global (model)',
    ],
    [
      'none of a model id that is a word',
      { modelId: 'constructor.x', tags: { tenant: 'nobody' } },
      'none, near nothing',
    ],
  ])('finds %s', (_, query, expected) => {
    expect(found(entries, query)).toBe(expected);
  });

  it('names a few near misses, not all, and says what differs', () => {
    const many = Array.from({ length: 50 }, (_, i) => indexEntry(`p${i}`, { tenant: 'acme', team: `t${i}` }));
    const near = ProfileLookup.of(many).near(queryOf({ modelId: NOVA, tags: { tenant: 'acme', team: 'x' } }));
    expect(near).toHaveLength(5);
    for (const { differs } of near) expect(differs).toEqual(['team']);
  });

  it('names the Region that differs, before profiles that differ in more', () => {
    expect(found(entries, { modelId: 'us.anthropic.claude', tags: acme, region: 'eu-west-1' })).toBe(
      'none, near geo (Region) eu (Region) one (model, Region) global (model, Region)',
    );
  });

  const someTags = fc.dictionary(fc.constantFrom('tenant', 'team', 'app', '__proto__'), fc.constantFrom('a', 'b'));
  const someModel = fc.constantFrom('m', 'n');
  const someRegion = fc.constantFrom('us-east-1', 'us-gov-west-1', 'eu-west-1', 'ap-northeast-1');
  const someProfile = fc.record({
    tags: someTags,
    baseModelId: someModel,
    region: someRegion,
    source: fc.constantFrom('in-region' as const, 'geo' as const, 'global' as const),
    ended: fc.boolean(),
  });
  const someQuery = fc.record(
    {
      modelId: fc
        .tuple(fc.constantFrom('', '', 'us.', 'us-gov.', 'eu.', 'apac.', 'jp.', 'global.'), someModel)
        .map((parts) => parts.join('')),
      tags: someTags,
      region: someRegion,
    },
    { requiredKeys: ['modelId', 'tags'] },
  );

  it('finds what looking at every profile finds, for any profiles and query', () => {
    fc.assert(
      // Few kinds of profiles and many of each: postings are dense for some of them, and sparse for others.
      fc.property(
        fc.array(fc.tuple(someProfile, fc.constantFrom(1, 1, 1, 40)), { maxLength: 12 }),
        someQuery,
        (kinds, asked) => {
          const all = kinds
            .flatMap(([profile, times]) => Array.from({ length: times }, () => profile))
            .map(({ tags, ended, region, ...rest }, i) =>
              indexEntry(`p${i}`, tags, { ...rest, ...(ended ? { endedAt: epochMs(1) } : {}) }, region),
            );
          const query = queryOf(asked);
          const right = naiveLookup(all, query);
          const lookup = ProfileLookup.of(all);
          const result = lookup.find(query);
          if (right.length === 0) expect(result).toEqual({ kind: 'none' });
          else if (right.length === 1) expect(result).toEqual({ kind: 'found', entry: right[0] });
          else expect(result).toEqual({ kind: 'several', first: right.slice(0, 5), count: right.length });
          for (const { entry: near, differs } of right.length > 0 ? [] : lookup.near(query)) {
            expect(near.endedAt).toBeUndefined();
            expect(differs).not.toEqual([]);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it('finds a profile by its ARN, unless it has ended', () => {
    const lookup = ProfileLookup.of(entries);
    expect(lookup.byArn(profileArn('one'))?.name).toBe('one');
    expect(lookup.byArn(profileArn('ended'))).toBeUndefined();
    expect(lookup.byArn(profileArn('nobody'))).toBeUndefined();
  });

  it('describes a profile by what tells it from others', () => {
    expect(describeEntry(indexEntry('one', acme))).toBe(`one (${NOVA} in us-east-1: tenant=acme, team=support)`);
  });
});
