import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { Fault } from '../../domain/fault.ts';
import { GovernorRefusal } from '../../invoke/index.ts';
import { ProfileResolver } from '../../invoke/profile-resolver.ts';
import { profileArn } from '../domain/governed-account.ts';
import { indexEntry, NOVA } from '../domain/profiles/index-entry.ts';
import { refusalOf } from './governed-aws.ts';
import { MemoryIndex, settled } from './memory-index.ts';

const ACME = { tenant: 'acme', app: 'chat' };
const UMBRELLA = { tenant: 'umbrella', app: 'chat' };

let index: MemoryIndex;
let resolver: ProfileResolver;
beforeEach(() => {
  index = new MemoryIndex();
  index.entries = [indexEntry('chat', ACME), indexEntry('other', UMBRELLA)];
  resolver = new ProfileResolver({ source: index, clock: index, region: 'us-east-1' });
});
const nameOf = async (modelId: string, tags: Record<string, string>) => (await resolver.resolve(modelId, tags)).name;

describe('a cold index', () => {
  it('costs 10,000 concurrent calls exactly one reading [F29]', async () => {
    const calls = Array.from({ length: 10_000 }, (_, i) => nameOf(NOVA, i % 2 === 0 ? ACME : UMBRELLA));
    const names = await Promise.all(calls);
    expect(names.filter((name) => name === 'chat')).toHaveLength(5_000);
    expect(index.reads).toBe(1);
  });

  it('costs one reading also where it says no to every call [F29]', async () => {
    const calls = Array.from({ length: 10_000 }, () => refusalOf(nameOf(NOVA, { tenant: 'nobody' })));
    for (const { code } of await Promise.all(calls)) expect(code).toBe('ProfileNotFound');
    expect(index.reads).toBe(1);
  });

  it('that cannot be read refuses, and the next call tries again [F29]', async () => {
    index.failure = new Error('no route to host');
    const refusal = await refusalOf(nameOf(NOVA, ACME));
    expect(refusal).toMatchObject({ code: 'IndexUnavailable', cause: index.failure });
    for (const part of ['memory', 'no route to host', 'tries again']) expect(refusal.message).toContain(part);
    index.failure = undefined;
    expect(await nameOf(NOVA, ACME)).toBe('chat');
    expect(index.reads).toBe(2);
  });

  it('that cannot be read gives the advice of what is known to be wrong, and no other', async () => {
    const next = 'Run `npm install @aws-sdk/client-ssm`, and bundle the program anew.';
    index.failure = new Fault('PackageMissing', { doing: 'loading it', problem: 'it is not installed', next });
    const { message } = await refusalOf(nameOf(NOVA, ACME));
    expect(message).toBe(
      `reading the index of profiles from memory: it cannot be read, and was not read before: loading it: it is not installed. ${next}`,
    );
  });

  it('answers nothing at once', async () => {
    expect(resolver.resolveAtOnce(NOVA, ACME)).toBeUndefined();
    expect(resolver.snapshot()).toBeUndefined();
    expect(index.reads).toBe(0);
  });
});

describe('a warm index', () => {
  beforeEach(() => nameOf(NOVA, ACME));

  it('answers at once, and is not read for it', () => {
    expect(resolver.resolveAtOnce(NOVA, ACME)?.name).toBe('chat');
    expect(resolver.resolveAtOnce(`arn:aws:bedrock:us-east-1::foundation-model/${NOVA}`, ACME)?.name).toBe('chat');
    expect(resolver.resolveAtOnce(NOVA, UMBRELLA)?.name).toBe('other');
    expect(resolver.resolveAtOnce(NOVA, { tenant: 'nobody' })).toBeUndefined();
    expect(resolver.resolveAtOnce(profileArn('other'), ACME)).toBeUndefined();
    expect(index.reads).toBe(1);
  });

  it('forgets its answers with the reading that they were found in', async () => {
    resolver.resolveAtOnce(NOVA, ACME);
    index.entries = [indexEntry('successor', ACME)];
    index.wait(30_000);
    expect(resolver.resolveAtOnce(NOVA, ACME)?.name).toBe('chat');
    await settled();
    expect(resolver.resolveAtOnce(NOVA, ACME)?.name).toBe('successor');
  });

  it('serves what it has while it is read again, once for all', async () => {
    const answer = index.hold();
    index.wait(30_000);
    const names = await Promise.all(Array.from({ length: 1_000 }, () => nameOf(NOVA, ACME)));
    expect(new Set(names)).toEqual(new Set(['chat']));
    expect(index.reads).toBe(2);
    answer();
  });

  it('checks a no against an index no older than two seconds, with one reading for all', async () => {
    index.wait(1_999);
    await refusalOf(nameOf(NOVA, { tenant: 'new' }));
    expect(index.reads).toBe(1);
    index.wait(1);
    index.entries = [...index.entries, indexEntry('new', { tenant: 'new' })];
    const names = await Promise.all(Array.from({ length: 100 }, () => nameOf(NOVA, { tenant: 'new' })));
    expect(new Set(names)).toEqual(new Set(['new']));
    expect(index.reads).toBe(2);
  });

  it('reads once more where a reading was under way that began too early to know', async () => {
    const answer = index.hold();
    index.wait(30_000);
    resolver.resolveAtOnce(NOVA, ACME);
    index.wait(5_000);
    index.entries = [...index.entries, indexEntry('new', { tenant: 'new' })];
    const call = nameOf(NOVA, { tenant: 'new' });
    await settled();
    answer();
    expect(await call).toBe('new');
    expect(index.reads).toBe(3);
  });

  it('keeps the last good answer while it cannot be read, says how old it is and why, and asks no more than once a second', async () => {
    const failure = new Error('throttled');
    index.failure = failure;
    index.wait(60_000);
    for (let call = 0; call < 10; call++) {
      expect(await nameOf(NOVA, ACME)).toBe('chat');
      await settled();
    }
    expect(await refusalOf(nameOf(NOVA, { tenant: 'new' }))).toMatchObject({ code: 'ProfileNotFound' });
    expect(index.reads).toBe(2);
    expect(resolver.snapshot()).toMatchObject({ source: 'memory', ageMs: 60_000, lastError: 'throttled' });
    index.wait(1_000);
    index.failure = undefined;
    await nameOf(NOVA, ACME);
    await settled();
    expect(resolver.snapshot()).toEqual({
      source: 'memory',
      profiles: index.entries.length,
      withheld: 0,
      readAt: index.now(),
      ageMs: 0,
    });
  });

  it('is as old as the copy that was read', async () => {
    index.writtenAt = index.now() - 600_000;
    index.wait(30_000);
    await nameOf(NOVA, ACME);
    await settled();
    expect(resolver.snapshot()).toMatchObject({ readAt: index.now(), ageMs: 630_000 });
  });
});

describe('a profile that is withheld', () => {
  const odd = profileArn('odd');

  it('because its entry was written by another version is refused by its ARN, and where nothing else matches', async () => {
    index.withheld = [{ arn: odd, why: 'unreadable' }];
    expect(await nameOf(NOVA, ACME)).toBe('chat');
    expect(await nameOf(profileArn('chat'), ACME)).toBe('chat');
    for (const call of [nameOf(odd, ACME), nameOf(NOVA, { tenant: 'new' })]) {
      const refusal = await refusalOf(call);
      expect(refusal.code).toBe('IndexUnreadable');
      expect(refusal.message).toContain(odd);
    }
    expect(await refusalOf(nameOf(profileArn('nobody'), ACME))).toMatchObject({ code: 'ProfileNotFound' });
  });

  it('because the governor has not seen its tags is refused to those who ask for these tags', async () => {
    index.withheld = [{ arn: odd, why: 'unsettled', tags: { tenant: 'new', app: 'chat' } }];
    for (const call of [nameOf(odd, ACME), nameOf(NOVA, { tenant: 'new' })])
      expect(await refusalOf(call)).toMatchObject({ code: 'ProfileUnsettled' });
    expect(await refusalOf(nameOf(NOVA, { tenant: 'another' }))).toMatchObject({ code: 'ProfileNotFound' });
  });

  it('is served as soon as it is withheld no longer', async () => {
    index.withheld = [{ arn: odd, why: 'unreadable' }];
    await refusalOf(nameOf(odd, ACME));
    index.withheld = [];
    index.entries = [...index.entries, indexEntry('odd', ACME)];
    index.wait(2_000);
    expect(await nameOf(odd, ACME)).toBe('odd');
  });
});

it('whatever a caller writes as the model, the profile that is found carries the bound tags [F19]', async () => {
  const tenants = ['acme', 'umbrella', 'globex'];
  index.entries = tenants.flatMap((tenant) => [
    indexEntry(`${tenant}x`, { tenant, app: 'chat' }),
    indexEntry(`${tenant}y`, { tenant, app: 'search' }, { baseModelId: 'anthropic.claude', source: 'geo' }),
  ]);
  const model = fc.oneof(
    fc.constantFrom(NOVA, 'anthropic.claude', 'us.anthropic.claude', 'eu.anthropic.claude', `global.${NOVA}`),
    fc.constantFrom(...index.entries.map(({ arn }) => arn as string)),
    fc.constantFrom(...index.entries.map(({ arn }) => encodeURIComponent(arn))),
    fc
      .tuple(fc.constantFrom('foundation-model', 'inference-profile'), fc.constantFrom(NOVA, 'us.anthropic.claude'))
      .map(([kind, id]) => `arn:aws:bedrock:us-east-1:123456789012:${kind}/${id}`),
    fc.string(),
  );
  let found = 0;
  await fc.assert(
    fc.asyncProperty(model, fc.constantFrom(...tenants), async (modelId, tenant) => {
      const entry = await resolver.resolve(modelId, { tenant }).catch((error: unknown) => {
        if (error instanceof GovernorRefusal) return undefined;
        throw error;
      });
      if (entry === undefined) return;
      found++;
      expect(entry.tags).toMatchObject({ tenant });
    }),
    { numRuns: 500 },
  );
  expect(found).toBeGreaterThan(20);
});

describe('a refusal', () => {
  it('says what was looked for, what is near and in what it differs', async () => {
    const { message } = await refusalOf(nameOf(NOVA, { tenant: 'acme', app: 'search' }));
    for (const part of [NOVA, 'tenant=acme', 'app=search', 'us-east-1', 'chat (', 'differs in app'])
      expect(message).toContain(part);
  });

  it('names a few of many that match', async () => {
    index.entries = Array.from({ length: 500 }, (_, i) => indexEntry(`p${i}`, ACME));
    const { code, message } = await refusalOf(nameOf(NOVA, ACME));
    expect(code).toBe('SeveralProfiles');
    expect(message).toMatch(/^500 profiles match .* and others\. Name one more tag/);
    expect(message.length).toBeLessThan(1_000);
  });

  it('of an ARN that names no model says what a model id looks like', async () => {
    const provisioned = 'arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abc';
    const { code, message } = await refusalOf(nameOf(provisioned, ACME));
    expect(code).toBe('ProfileNotFound');
    expect(message).toContain(provisioned);
    expect(message).toContain('amazon.nova-lite-v1:0');
  });
});
