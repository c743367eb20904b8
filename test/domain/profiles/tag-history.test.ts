import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { epochMs } from '../../../domain/clock.ts';
import { governProfile } from '../../../domain/profiles/govern-profile.ts';
import {
  keepTags,
  MAX_HISTORY_BYTES,
  MAX_INTERVALS,
  type TagHistory,
  tagsAt,
  withEnd,
  withTags,
} from '../../../domain/profiles/tag-history.ts';
import type { Tags } from '../../../domain/tags.ts';
import { expectToSurviveEveryCrash } from '../crashes.ts';
import { GovernedAccount, profileArn } from '../governed-account.ts';
import { MemoryTagHistories } from './memory-tag-histories.ts';

const good = { tenant: 'acme', environment: 'prod', team: 'sales' };
const at = (ms: number) => epochMs(ms);

describe('the history of a profile’s tags', () => {
  const change = fc.record({
    wait: fc.nat(3),
    tags: fc.option(fc.record({ tenant: fc.constantFrom('a', 'b', 'c') })),
  });

  it('says at every instant what was seen last before it, as a list of all that was seen does', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
        let history: TagHistory = [];
        const seen: { at: number; tags: Tags | undefined }[] = [];
        let now = 10;
        for (const { wait, tags } of changes) {
          now += wait;
          history = tags === null ? withEnd(history, at(now)) : withTags(history, tags, at(now));
          seen.push({ at: now, tags: tags ?? undefined });
        }
        for (let instant = 0; instant <= now + 1; instant++)
          expect(tagsAt(history, at(instant))).toEqual(seen.findLast((one) => one.at <= instant)?.tags);
        for (const [index, { from, until }] of history.entries()) {
          expect(until ?? Number.POSITIVE_INFINITY).toBeGreaterThan(from);
          expect(from).toBeGreaterThanOrEqual(history[index - 1]?.until ?? 0);
          if (index < history.length - 1) expect(until).toBeDefined();
        }
      }),
    );
  });

  it('is the same object where nothing is new, so that nothing is written', () => {
    const history = withTags([], good, at(5));
    expect(withTags(history, { ...good }, at(9))).toBe(history);
    const ended = withEnd(history, at(9));
    expect(withEnd(ended, at(10))).toBe(ended);
    expect(withEnd([], at(10))).toEqual([]);
  });

  it('never goes back in time, whatever the clocks of two functions say', () => {
    const history = withTags(withTags([], { tenant: 'a' }, at(100)), { tenant: 'b' }, at(90));
    expect(history).toEqual([{ from: 100, tags: { tenant: 'b' } }]);
  });

  it('gives up its oldest intervals, by number and by size', () => {
    let many: TagHistory = [];
    for (let i = 0; i < 250; i++) many = withTags(many, { tenant: `t${i}` }, at(i));
    expect(many).toHaveLength(MAX_INTERVALS);
    expect(many.at(-1)).toEqual({ from: 249, tags: { tenant: 't249' } });
    expect(tagsAt(many, at(10))).toBeUndefined();
    let large: TagHistory = [];
    const tags = (i: number) =>
      Object.fromEntries(Array.from({ length: 49 }, (_, key) => [`${key}${'k'.repeat(125)}`, `${i}`.padEnd(256, 'v')]));
    for (let i = 0; i < 30; i++) large = withTags(large, tags(i), at(i));
    expect(JSON.stringify(large).length).toBeLessThanOrEqual(MAX_HISTORY_BYTES);
    expect(tagsAt(large, at(29))).toEqual(tags(29));
  });
});

describe('keeping it', () => {
  it('follows a profile from its first look to its end, with the tags that mending has made', async () => {
    const account = new GovernedAccount();
    const arn = account.profile('a', { tenant: 'acme', team: 'sales' });
    const first = account.now;
    await governProfile(account.ports, arn);
    account.wait(1_000);
    await governProfile(account.ports, arn);
    account.profile('a', { ...good, tenant: 'globex' });
    const second = account.now;
    await governProfile(account.ports, arn);
    account.wait(1_000);
    account.stored.delete(arn);
    await governProfile(account.ports, arn);
    expect(account.histories.of(arn)).toEqual([
      { from: first, until: second, tags: { ...good, environment: 'dev' } },
      { from: second, until: account.now, tags: { ...good, tenant: 'globex' } },
    ]);
  });

  it('leaves out the governor’s own tags, so that a standing is no change', async () => {
    const account = new GovernedAccount();
    const arn = account.profile('a', good);
    await governProfile(account.ports, arn);
    account.spend('tenant-monthly/acme', 25);
    account.wait(1_000);
    await governProfile(account.ports, arn);
    await governProfile(account.ports, arn);
    expect(account.tagsOf(arn)).toHaveProperty('governor:standing');
    expect(account.histories.of(arn)).toHaveLength(1);
  });

  it('begins with what the index has of a profile that was governed before there were histories', async () => {
    const histories = new MemoryTagHistories();
    const arn = profileArn('a');
    await keepTags(histories, arn, { before: { tenant: 'a' }, after: { tenant: 'b' }, now: at(50) });
    expect(tagsAt(histories.of(arn), at(1))).toEqual({ tenant: 'a' });
    expect(tagsAt(histories.of(arn), at(50))).toEqual({ tenant: 'b' });
  });

  it('loses no interval to another writer at the same moment, and gives up in words where others never stop', async () => {
    const histories = new MemoryTagHistories();
    const arn = profileArn('a');
    let rivals = 1;
    const contended = {
      ...histories,
      list: () => histories.list(),
      get: (of: typeof arn) => histories.get(of),
      async put(of: typeof arn, history: TagHistory, version: number) {
        if (rivals-- > 0)
          await keepTags(histories, of, { before: undefined, after: { tenant: `r${rivals}` }, now: at(10) });
        return await histories.put(of, history, version);
      },
    };
    await keepTags(contended, arn, { before: undefined, after: { tenant: 'b' }, now: at(20) });
    expect(histories.of(arn)).toEqual([
      { from: 10, until: 20, tags: { tenant: 'r0' } },
      { from: 20, tags: { tenant: 'b' } },
    ]);
    rivals = 100;
    await expect(
      keepTags(contended, arn, { before: undefined, after: { tenant: 'c' }, now: at(30) }),
    ).rejects.toMatchObject({ code: 'TagHistoryNotKept' });
  });

  it('comes to the same end whichever port call fails on the way of a retag', async () => {
    await expectToSurviveEveryCrash(
      async () => {
        const account = new GovernedAccount();
        const arn = account.profile('a', good);
        await governProfile(account.ports, arn);
        account.wait(1_000);
        account.profile('a', { ...good, tenant: 'globex' });
        return account;
      },
      (account) => governProfile(account.ports, profileArn('a')),
    );
  });
});
