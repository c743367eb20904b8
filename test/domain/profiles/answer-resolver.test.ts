import { beforeEach, describe, expect, it } from 'vitest';
import type { BudgetId } from '../../../domain/budgets/budget-id.ts';
import { epochMs, isoTime } from '../../../domain/clock.ts';
import { nanoUsd } from '../../../domain/money.ts';
import { answerResolver } from '../../../domain/profiles/answer-resolver.ts';
import { IndexCache } from '../../../domain/profiles/index-cache.ts';
import { withSnapshot } from '../../../domain/profiles/snapshot-source.ts';
import { MemoryIndex } from '../../invoke/memory-index.ts';
import { profileArn } from '../governed-account.ts';
import { indexEntry, NOVA } from './index-entry.ts';

const ACME = { tenant: 'acme', app: 'chat' };

let index: MemoryIndex;
let cache: IndexCache;
beforeEach(() => {
  index = new MemoryIndex();
  index.entries = [indexEntry('chat', ACME), indexEntry('other', { tenant: 'umbrella' })];
  cache = new IndexCache({ source: index, clock: index, letOthersRun: async () => {} });
});
/** As Lambda does: what goes in and comes out is JSON. */
const ask = async (payload: unknown): Promise<Record<string, unknown>> =>
  JSON.parse(JSON.stringify(await answerResolver(cache, index, payload)));

describe('a request to resolve', () => {
  it('is answered with the profile', async () => {
    expect(await ask({ version: 1, modelId: NOVA, tags: ACME, region: 'us-east-1' })).toEqual({
      version: 1,
      kind: 'profile',
      profileArn: profileArn('chat'),
      region: 'us-east-1',
      name: 'chat',
      baseModelId: NOVA,
      source: 'in-region',
      tags: ACME,
      standing: 'open',
      verifiedAt: isoTime(epochMs(0)),
    });
    expect(await ask({ modelId: NOVA, tags: ACME })).toMatchObject({ kind: 'profile' });
  });

  it('is refused with the code that the helper gives', async () => {
    expect(await ask({ modelId: NOVA, tags: { tenant: 'acme', app: 'search' } })).toMatchObject({
      version: 1,
      kind: 'refused',
      code: 'ProfileNotFound',
      message: expect.stringContaining('differs in app'),
    });
    expect(await ask({ modelId: profileArn('other'), tags: ACME })).toMatchObject({ code: 'TenantMismatch' });
    expect(await ask({ modelId: NOVA, tags: {} })).toMatchObject({
      code: 'SeveralProfiles',
      message: expect.stringContaining('or a Region'),
    });
  });

  it('finds a profile that was made two seconds ago', async () => {
    await ask({ modelId: NOVA, tags: { tenant: 'new' } });
    index.entries = [...index.entries, indexEntry('new', { tenant: 'new' })];
    index.wait(2_000);
    expect(await ask({ modelId: NOVA, tags: { tenant: 'new' } })).toMatchObject({ name: 'new' });
  });

  it('says that the index cannot be read, rather than that there is no such profile', async () => {
    index.failure = new Error('no route to host');
    expect(await ask({ modelId: NOVA, tags: ACME })).toMatchObject({
      kind: 'refused',
      code: 'IndexUnavailable',
      message: expect.stringContaining('no route to host'),
    });
  });
});

describe('a request for a list', () => {
  const spent = {
    kind: 'budget-used-up' as const,
    budget: 'tenant-monthly/acme' as BudgetId,
    period: '2026-11',
    spent: nanoUsd(9_876_501n),
    limit: nanoUsd(7_654_321n),
    until: epochMs(0),
  };

  it('is answered with the entries that carry the tags, and when that was true, but with no amounts', async () => {
    index.entries = [
      indexEntry('chat', ACME, { standing: { state: 'closed', reasons: [spent] } }),
      ...index.entries.slice(1),
    ];
    index.withheld = [
      { arn: profileArn('odd'), why: 'unreadable' },
      { arn: profileArn('foreign'), why: 'unsettled', tags: { tenant: 'umbrella' } },
    ];
    const answer = await ask({ list: { tags: { tenant: 'acme' } } });
    expect(answer).toMatchObject({
      kind: 'profiles',
      profiles: [{ schema: 1, arn: profileArn('chat'), budgets: [], standing: { state: 'closed', reasons: [] } }],
      withheld: [{ arn: profileArn('odd') }],
      writtenAt: index.now(),
    });
    expect(answer['withheld']).toHaveLength(1);
    expect(JSON.stringify(answer)).not.toMatch(/9876501|7654321|umbrella/);
  });

  it('is answered in pages, each of which Lambda can carry', async () => {
    const tags = Object.fromEntries(Array.from({ length: 45 }, (_, n) => [`key-${n}`, 'v'.repeat(250)]));
    index.entries = Array.from({ length: 400 }, (_, i) => indexEntry(`p${i}`, { ...tags, tenant: 'acme' }));
    const arns: unknown[] = [];
    let after: unknown;
    let pages = 0;
    do {
      const answer = await ask({ list: { tags: { tenant: 'acme' }, ...(after === undefined ? {} : { after }) } });
      expect(JSON.stringify(answer).length).toBeLessThan(6_000_000);
      arns.push(...(answer['profiles'] as { arn: string }[]).map(({ arn }) => arn));
      after = answer['after'];
      pages++;
    } while (after !== undefined);
    expect(arns).toEqual(index.entries.map(({ arn }) => arn).sort());
    expect(pages).toBeGreaterThan(1);
  });
});

it.each([
  ['nothing', null, /expected object/],
  ['a text', 'hello', /expected object/],
  ['without tags', { modelId: NOVA }, /expected an object of tags.*at tags/s],
  ['with tags that are a list', { modelId: NOVA, tags: ['tenant'] }, /expected an object of tags.*at tags/s],
  ['with a tag that is a number', { modelId: NOVA, tags: { tenant: 7 } }, /expected an object of tags.*at tags/s],
  ['without a model', { model: NOVA, tags: {} }, /(?=.*at modelId)(?=.*"model")/s],
  ['with an unknown member', { modelId: NOVA, tags: {}, tenant: 'acme' }, /"tenant"/],
  ['of another version', { version: 2, modelId: NOVA, tags: {} }, /expected 1.*at version/s],
  ['of an endless model', { modelId: 'm'.repeat(10_000), tags: {} }, /2048.*at modelId/s],
  ['for a list without tags', { list: {} }, /expected an object of tags.*at list\.tags/s],
])('a request that is %s is refused with what was expected, and reads nothing', async (_, payload, message) => {
  const refusal = { version: 1, kind: 'refused', code: 'RequestInvalid', message: expect.stringMatching(message) };
  expect(await ask(payload)).toMatchObject(refusal);
  expect(index.reads).toBe(0);
});

describe('a source with a copy elsewhere', () => {
  let copy: MemoryIndex;
  beforeEach(() => {
    copy = new MemoryIndex();
    copy.entries = [indexEntry('copied', ACME)];
  });

  it('answers from the copy while it cannot be read and never was', async () => {
    index.failure = new Error('unreachable');
    const source = withSnapshot(index, copy);
    expect((await source.read()).entries).toEqual(copy.entries);
    index.failure = undefined;
    expect((await source.read()).entries).toEqual(index.entries);
  });

  it('is not replaced by the older copy once it has been read', async () => {
    const source = withSnapshot(index, copy);
    await source.read();
    index.failure = new Error('unreachable');
    await expect(source.read()).rejects.toBe(index.failure);
  });

  it('fails as itself where the copy cannot be read either', async () => {
    index.failure = new Error('unreachable');
    copy.failure = new Error('gone');
    await expect(withSnapshot(index, copy).read()).rejects.toBe(index.failure);
  });
});
