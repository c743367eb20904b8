import { describe, expect, it } from 'vitest';
import type { BudgetId } from '../../../domain/budgets/budget-id.ts';
import { epochMs } from '../../../domain/clock.ts';
import { nanoUsd } from '../../../domain/money.ts';
import { SharedReviews } from '../../../domain/profiles/budget-work.ts';
import { governProfile } from '../../../domain/profiles/govern-profile.ts';
import { sweep } from '../../../domain/profiles/sweep.ts';
import type { OverrideChange, OverrideTarget } from '../../../domain/standing/override.ts';
import { overrideStanding } from '../../../domain/standing/override-standing.ts';
import { reopenEnded } from '../../../domain/standing/reopen-ended.ts';
import { reviewBudget } from '../../../domain/standing/review-budget.ts';
import { openSecondLock } from '../../../domain/standing/second-lock.ts';
import { expectToSurviveEveryCrash } from '../crashes.ts';
import { budgetNamed, policyDocument, policyOf } from '../example-policy.ts';
import { GovernedAccount, PortFailure } from '../governed-account.ts';
import { anOverride } from './memory-evidence.ts';

const ID = 'tenant-monthly/acme';
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const usd = (dollars: number) => nanoUsd(BigInt(Math.round(dollars * 1e9)));
const TAGS = { environment: 'prod', team: 'sales', tenant: 'acme' };
const ACME: OverrideTarget = { kind: 'tenant', tenant: 'acme' };

/** Two Regions, so that both locks are to be closed in each. */
async function account() {
  const acme = new GovernedAccount();
  const here = acme.profile('here', TAGS);
  const there = acme.profile('there', TAGS, 'eu-central-1');
  for (const arn of [here, there]) await governProfile(acme.ports, arn);
  acme.changes = [];
  return { acme, here, there };
}
const say = (acme: GovernedAccount, change: OverrideChange, ms: number, target?: OverrideTarget) =>
  overrideStanding(acme.ports, anOverride(acme, change, ms, target));
const standingTag = (acme: GovernedAccount, arn: Parameters<GovernedAccount['tagsOf']>[0]) =>
  acme.tagsOf(arn)?.['governor:standing'];
const review = (acme: GovernedAccount) => reviewBudget(acme.ports, budgetNamed(acme.policy, ID));
const terms = (acme: GovernedAccount, period = '2026-11') => acme.ledgerItem(ID, period).terms;

describe('an operator’s disable', () => {
  it('closes the ledger of this period and the next first, and then the tags in every Region [F28]', async () => {
    const { acme, here, there } = await account();
    const order: string[] = [];
    const { ports } = acme;
    const watched = {
      ...ports,
      ledger: new Proxy(ports.ledger, {
        get: (target, member) => {
          if (member === 'changeTerms') order.push('ledger');
          return Reflect.get(target, member) as unknown;
        },
      }),
      profiles: {
        ...ports.profiles,
        tag: async (...[arn, tags]: Parameters<typeof ports.profiles.tag>) => {
          order.push('tag');
          await ports.profiles.tag(arn, tags);
        },
        read: ports.profiles.read,
        readTags: ports.profiles.readTags,
        untag: ports.profiles.untag,
      },
    };
    const outcome = await overrideStanding(watched, anOverride(acme, { kind: 'disable' }, 30 * DAY));
    expect(outcome).toMatchObject({
      kind: 'applied',
      budgets: [{ budget: ID, period: '2026-11', standing: 'closed', left: 0n }],
      enforcement: { failed: [] },
    });
    expect(order).toEqual(['ledger', 'ledger', 'tag', 'tag']);
    expect(terms(acme)).toMatchObject({
      standing: 'closed',
      heldBy: 'operator',
      reason: 'an operator has closed it: a test',
    });
    expect(terms(acme, '2026-12')).toMatchObject({ standing: 'closed', heldBy: 'operator' });
    for (const arn of [here, there]) {
      expect(standingTag(acme, arn)).toBe('closed');
      expect(acme.entryOf(arn).standing).toMatchObject({ reasons: [{ kind: 'budget-disabled' }] });
    }
    expect(acme.noticesOf('tenant-closed')).toHaveLength(1);
  });

  it('holds across the turn of a period, and ends by itself [F30]', async () => {
    const { acme, here } = await account();
    await say(acme, { kind: 'disable' }, 10 * DAY);
    acme.moveTo('2026-11-30T23:30:00Z');
    await reopenEnded(acme.ports);
    expect(terms(acme, '2026-12').standing).toBe('closed');
    expect(standingTag(acme, here)).toBe('closed');
    acme.moveTo('2026-12-03T10:01:00Z');
    expect(await reopenEnded(acme.ports)).toMatchObject({ due: 2, failed: 0, left: 0 });
    expect(terms(acme, '2026-12').standing).toBe('open');
    expect(standingTag(acme, here)).toBeUndefined();
    expect(acme.noticesOf('tenant-reopened')).toHaveLength(1);
  });

  it('leaves what money had closed closed when it ends, and what it had throttled on its line', async () => {
    const { acme } = await account();
    acme.spend(ID, 20);
    await review(acme);
    await say(acme, { kind: 'disable' }, HOUR);
    expect(terms(acme)).toMatchObject({ standing: 'closed', heldBy: 'operator', tightened: { standing: 'closed' } });
    acme.wait(HOUR);
    expect(await review(acme)).toMatchObject({ kind: 'budget-used-up' });
    expect(terms(acme).heldBy).toBeUndefined();
  });

  it('that is prolonged is told with its new end, and one that money outlasts with that of money', async () => {
    const { acme, here } = await account();
    await say(acme, { kind: 'disable' }, HOUR);
    acme.wait(60_000);
    await say(acme, { kind: 'disable' }, DAY);
    await say(acme, { kind: 'disable' }, DAY);
    await review(acme);
    const subjects = () =>
      acme.notices.all.filter(({ kind }) => kind === 'tenant-closed').map(({ subject }) => subject);
    expect(subjects()).toHaveLength(2);
    acme.spend(ID, 20);
    await governProfile(acme.ports, here);
    expect(subjects()).toHaveLength(2);
    acme.wait(DAY);
    await governProfile(acme.ports, here);
    expect(subjects()).toEqual([
      'Bedrock budget tenant-monthly/acme is closed until 2026-11-23T11:00:00.000Z',
      'Bedrock budget tenant-monthly/acme is closed until 2026-11-24T10:01:00.000Z',
      'Bedrock budget tenant-monthly/acme is closed until 2026-11-30T23:00:00.000Z',
    ]);
  });

  it('of a tenant closes all its budgets, and its profiles that only a shared budget covers', async () => {
    const policy = policyOf(
      policyDocument({
        budgets: [{ name: 'support', selector: { team: 'support' }, limit: '50 USD' }],
      }),
    );
    const acme = new GovernedAccount(policy);
    const arn = acme.profile('a', { ...TAGS, team: 'support' });
    const other = acme.profile('b', { ...TAGS, team: 'support', tenant: 'lakeside' });
    for (const profile of [arn, other]) await governProfile(acme.ports, profile);
    expect(await say(acme, { kind: 'disable' }, HOUR, ACME)).toMatchObject({ kind: 'applied', budgets: [] });
    expect(standingTag(acme, arn)).toBe('closed');
    expect(acme.entryOf(arn).standing).toMatchObject({ reasons: [{ kind: 'tenant-disabled', tenant: 'acme' }] });
    expect(standingTag(acme, other)).toBeUndefined();
    // The sweep agrees, from bulk reads too.
    acme.changes = [];
    await sweep(acme.ports);
    expect(acme.changes).not.toContain('profiles.untag');
    acme.wait(HOUR);
    await reopenEnded(acme.ports);
    expect(standingTag(acme, arn)).toBeUndefined();
  });

  it('beats an enable of one of the tenant’s budgets', async () => {
    const { acme } = await account();
    await say(acme, { kind: 'disable' }, HOUR, ACME);
    await say(acme, { kind: 'enable' }, HOUR);
    expect(terms(acme).standing).toBe('closed');
  });

  it('is not undone by a sweep that reviewed the budget before it [F28]', async () => {
    const { acme, here } = await account();
    const { ports } = acme;
    let isSaid = false;
    const bulkTags = {
      read: async (region: string) => {
        if (!isSaid) {
          isSaid = true;
          await say(acme, { kind: 'disable' }, HOUR);
        }
        return await ports.bulkTags.read(region);
      },
    };
    await sweep({ ...ports, bulkTags });
    expect(terms(acme).standing).toBe('closed');
    expect(standingTag(acme, here)).toBe('closed');
  });

  it('that cannot be enforced on one profile is on the others, and the sweep finishes', async () => {
    const { acme, here, there } = await account();
    acme.unreadable.add(here);
    expect(await say(acme, { kind: 'disable' }, HOUR)).toMatchObject({
      kind: 'applied',
      enforcement: { failed: [{ profile: here }] },
    });
    expect(terms(acme).standing).toBe('closed');
    expect(standingTag(acme, there)).toBe('closed');
    expect(standingTag(acme, here)).toBeUndefined();
    acme.unreadable.clear();
    await sweep(acme.ports);
    expect(standingTag(acme, here)).toBe('closed');
  });

  it('of a tenant closes the budgets that can be written, where one cannot', async () => {
    const policy = policyOf(
      policyDocument({
        budgets: [
          { name: 'one', per: 'tenant', limit: '5 USD' },
          { name: 'two', per: 'tenant', limit: '5 USD' },
        ],
      }),
    );
    const acme = new GovernedAccount(policy);
    await governProfile(acme.ports, acme.profile('a', TAGS));
    const { ports } = acme;
    const ledger = new Proxy(ports.ledger, {
      get: (target, member) => {
        const method: unknown = Reflect.get(target, member);
        if (member !== 'changeTerms' || typeof method !== 'function') return method;
        return async (...args: Parameters<typeof target.changeTerms>): Promise<unknown> => {
          if (args[0].budget === 'one/acme') throw new PortFailure('the item is hot');
          return (await Reflect.apply(method, target, args)) as unknown;
        };
      },
    });
    const disable = anOverride(acme, { kind: 'disable' }, HOUR, ACME);
    expect(await overrideStanding({ ...ports, ledger }, disable)).toMatchObject({
      kind: 'kept',
      problem: 'the item is hot',
    });
    expect(acme.ledgerItem('two/acme', '2026-11').terms.standing).toBe('closed');
    await sweep(acme.ports);
    expect(acme.ledgerItem('one/acme', '2026-11').terms.standing).toBe('closed');
  });

  it('holds from the moment that it is kept, whatever fails after', async () => {
    await expectToSurviveEveryCrash(
      async () => (await account()).acme,
      async (acme) => {
        // The command as an operator gives it once; whoever comes next is the sweep.
        const [known] = await acme.overrides.lasting(acme.now);
        if (known === undefined) await say(acme, { kind: 'disable' }, HOUR, ACME).then(throwKept);
        await sweep(acme.ports);
      },
    );
  });

  it.each<[string, OverrideChange, number, OverrideTarget, RegExp]>([
    [
      'a budget that the policy has not',
      { kind: 'disable' },
      HOUR,
      { kind: 'budget', budget: 'nobody' as BudgetId },
      /the policy has no budget nobody; in use are/,
    ],
    [
      'a budget that covers nothing',
      { kind: 'disable' },
      HOUR,
      { kind: 'budget', budget: 'tenant-monthly/acmee' as BudgetId },
      /no profile is covered by budget tenant-monthly\/acmee/,
    ],
    [
      'a tenant without profiles',
      { kind: 'disable' },
      HOUR,
      { kind: 'tenant', tenant: 'acmee' },
      /no profile has the tenant acmee; there are acme/,
    ],
    ['an end that is past', { kind: 'disable' }, 0, ACME, /yet to come/],
    ['an end in years', { kind: 'disable' }, 400 * DAY, ACME, /within 366 days/],
  ])('is refused for %s, and nothing is kept', async (_, change, ms, target, problem) => {
    const { acme } = await account();
    expect(await say(acme, change, ms, target)).toEqual({ kind: 'refused', problem: expect.stringMatching(problem) });
    expect(await acme.overrides.lasting(acme.now)).toEqual([]);
    expect(acme.changes).toEqual([]);
  });
});

function throwKept(outcome: Awaited<ReturnType<typeof overrideStanding>>): void {
  if (outcome.kind === 'kept') throw new PortFailure(outcome.problem);
  const [failed] = outcome.kind === 'applied' ? outcome.enforcement.failed : [];
  if (failed !== undefined) throw new PortFailure(failed.problem);
}

describe('words of operators that follow each other', () => {
  it('keep their order where the clock of the later one is behind: AWS tells time by whole seconds', async () => {
    const { acme, here } = await account();
    await say(acme, { kind: 'disable' }, HOUR, ACME);
    const earlier = { now: epochMs(acme.now - 900) };
    const enable = anOverride(earlier, { kind: 'enable' }, HOUR, ACME);
    expect(await overrideStanding(acme.ports, enable)).toMatchObject({
      kind: 'applied',
      override: { id: enable.id, madeAt: acme.now + 1 },
    });
    expect(standingTag(acme, here)).toBeUndefined();
    const again = anOverride(earlier, { kind: 'disable' }, HOUR, ACME);
    expect(await overrideStanding(acme.ports, again)).toMatchObject({ override: { madeAt: acme.now + 2 } });
    expect(standingTag(acme, here)).toBe('closed');
    expect(await acme.overrides.lasting(acme.now)).toHaveLength(1);
  });

  /** Somebody else whose whole command runs between this one's look and its word. */
  const meanwhile = (acme: GovernedAccount, other: (acme: GovernedAccount) => Promise<void>) => {
    let isFirst = true;
    const { overrides } = acme;
    return {
      ...acme.ports,
      overrides: {
        lastWord: async (target: OverrideTarget) => {
          const word = await overrides.lastWord(target);
          if (isFirst) {
            isFirst = false;
            await other(acme);
          }
          return word;
        },
        keep: overrides.keep.bind(overrides),
        lasting: overrides.lasting.bind(overrides),
      },
    };
  };

  it('and at once: a disable holds against an enable, in both orders, and who enables is told', async () => {
    const { acme: first } = await account();
    const enables = meanwhile(first, async (acme) => void (await say(acme, { kind: 'disable' }, HOUR, ACME)));
    const enable = anOverride(first, { kind: 'enable' }, HOUR, ACME);
    expect(await overrideStanding(enables, enable)).toEqual({
      kind: 'refused',
      problem: expect.stringMatching(/^nothing was changed: while this ran, arn:\S+ said disable of tenant acme until/),
    });
    expect(await first.overrides.lasting(first.now)).toMatchObject([{ change: { kind: 'disable' } }]);

    const { acme: second } = await account();
    const disables = meanwhile(second, async (acme) => void (await say(acme, { kind: 'enable' }, HOUR, ACME)));
    const disable = anOverride(second, { kind: 'disable' }, HOUR, ACME);
    expect(await overrideStanding(disables, disable)).toMatchObject({ kind: 'applied' });
    expect(await second.overrides.lasting(second.now)).toMatchObject([{ id: disable.id }]);
  });

  it('and at once: of two disables the one that lasts longer holds, in both orders, and who said the other is told', async () => {
    const { acme: first } = await account();
    const briefly = meanwhile(first, async (acme) => void (await say(acme, { kind: 'disable' }, DAY, ACME)));
    expect(await overrideStanding(briefly, anOverride(first, { kind: 'disable' }, HOUR, ACME))).toEqual({
      kind: 'refused',
      problem: expect.stringMatching(/^nothing was changed: while this ran, arn:\S+ said disable of tenant acme until/),
    });
    expect(await first.overrides.lasting(epochMs(first.now + 2 * HOUR))).toHaveLength(1);

    const { acme: second } = await account();
    const longer = meanwhile(second, async (acme) => void (await say(acme, { kind: 'disable' }, HOUR, ACME)));
    const disable = anOverride(second, { kind: 'disable' }, DAY, ACME);
    expect(await overrideStanding(longer, disable)).toMatchObject({ kind: 'applied' });
    expect(await second.overrides.lasting(second.now)).toMatchObject([{ id: disable.id }]);
  });

  it('takes the place of a word that cannot be read, which an enable may not: it may be a disable', async () => {
    const { acme, here } = await account();
    const { overrides } = acme;
    overrides.garble(ACME);
    await expect(review(acme)).rejects.toThrow('cannot be read');
    expect(await say(acme, { kind: 'enable' }, HOUR, ACME)).toMatchObject({
      kind: 'refused',
      problem: expect.stringContaining('cannot be read by this version'),
    });
    expect(await say(acme, { kind: 'disable' }, HOUR, ACME)).toMatchObject({ kind: 'applied' });
    expect(standingTag(acme, here)).toBe('closed');
    expect(await overrides.lasting(acme.now)).toMatchObject([{ change: { kind: 'disable' } }]);
    await review(acme);
  });

  it('and at once with one that cannot be read: an enable does not take its place then either', async () => {
    const { acme } = await account();
    const enables = meanwhile(acme, async ({ overrides }) => overrides.garble(ACME));
    expect(await overrideStanding(enables, anOverride(acme, { kind: 'enable' }, HOUR, ACME))).toMatchObject({
      kind: 'refused',
      problem: expect.stringContaining('cannot be read by this version'),
    });
  });

  it('does not come back where it landed, its answer was lost, and somebody who knew it spoke', async () => {
    const { acme } = await account();
    const disable = anOverride(acme, { kind: 'disable' }, HOUR, ACME);
    const { overrides } = acme;
    let isFirst = true;
    const outcome = await overrideStanding(
      {
        ...acme.ports,
        overrides: {
          lastWord: overrides.lastWord.bind(overrides),
          lasting: overrides.lasting.bind(overrides),
          // The request lands; before the client repeats it, an enable is said after it.
          keep: async (override, after) => {
            const kept = await overrides.keep(override, after);
            if (!isFirst) return kept;
            isFirst = false;
            await say(acme, { kind: 'enable' }, HOUR, ACME);
            return await overrides.keep(override, after);
          },
        },
      },
      disable,
    );
    expect(outcome).toMatchObject({ kind: 'refused', problem: expect.stringContaining('said enable of tenant acme') });
    expect(await overrides.lasting(acme.now)).toMatchObject([{ change: { kind: 'enable' } }]);
  });
});

describe('the second lock of a budget that opens', () => {
  it('stays closed where something else has closed the profile since the index was read', async () => {
    const { acme, here } = await account();
    acme.spend(ID, 20);
    await sweep(acme.ports);
    const asItWas = await acme.ports.index.list();
    await say(acme, { kind: 'disable' }, DAY, ACME);
    const untagged: string[] = [];
    const { ports } = acme;
    const profiles = {
      ...ports.profiles,
      untag: async (...[arn, keys]: Parameters<typeof ports.profiles.untag>) => {
        untagged.push(arn);
        await ports.profiles.untag(arn, keys);
      },
      read: ports.profiles.read,
      readTags: ports.profiles.readTags,
      tag: ports.profiles.tag,
    };
    await openSecondLock({ ...ports, profiles, entries: async () => asItWas }, budgetNamed(acme.policy, ID));
    expect(untagged).toEqual([]);
    expect(standingTag(acme, here)).toBe('closed');
  });
});

describe('an operator’s enable', () => {
  it('takes the place of a disable for good: when it ends, the evidence is judged', async () => {
    const { acme, here } = await account();
    await say(acme, { kind: 'disable' }, 5 * DAY);
    await say(acme, { kind: 'enable' }, HOUR);
    expect(terms(acme).standing).toBe('open');
    expect(standingTag(acme, here)).toBeUndefined();
    acme.wait(2 * HOUR);
    await sweep(acme.ports);
    expect(terms(acme).standing).toBe('open');
  });

  it('opens what money has throttled or closed, and admits nothing past the limit', async () => {
    const { acme } = await account();
    acme.spend(ID, 20);
    await review(acme);
    expect(await say(acme, { kind: 'enable' }, HOUR)).toMatchObject({ budgets: [{ standing: 'open', left: 0n }] });
    acme.wait(HOUR);
    expect(await review(acme)).toMatchObject({ kind: 'budget-used-up' });
  });

  it('is not undone by a sweep that reviewed the budget before it', async () => {
    const { acme, here } = await account();
    await say(acme, { kind: 'disable' }, 5 * DAY, ACME);
    const { ports } = acme;
    let isSaid = false;
    const bulkTags = {
      read: async (region: string) => {
        if (!isSaid) {
          isSaid = true;
          acme.wait(60_000);
          await say(acme, { kind: 'enable' }, DAY, ACME);
          expect(standingTag(acme, here)).toBeUndefined();
        }
        return await ports.bulkTags.read(region);
      },
    };
    await sweep({ ...ports, bulkTags });
    expect(terms(acme).standing).toBe('open');
    expect(standingTag(acme, here)).toBeUndefined();
    expect(acme.entryOf(here).standing.state).toBe('open');
  });

  it('removes the tags before the ledger grants again', async () => {
    const { acme, here, there } = await account();
    await say(acme, { kind: 'disable' }, 5 * DAY);
    const { ports } = acme;
    const tagsAtOpening: (string | undefined)[] = [];
    const ledger = new Proxy(ports.ledger, {
      get: (target, member) => {
        const method: unknown = Reflect.get(target, member);
        if (member !== 'changeTerms' || typeof method !== 'function') return method;
        return (...args: unknown[]): unknown => {
          tagsAtOpening.push(standingTag(acme, here), standingTag(acme, there));
          return Reflect.apply(method, target, args);
        };
      },
    });
    acme.wait(1_000);
    await overrideStanding({ ...ports, ledger }, anOverride(acme, { kind: 'enable' }, HOUR));
    expect(tagsAtOpening.slice(0, 2)).toEqual([undefined, undefined]);
    expect(terms(acme).standing).toBe('open');
  });
});

describe('an operator’s raise', () => {
  it('is in the terms of this period and the next while it lasts, on top of others, and is gone after', async () => {
    const { acme } = await account();
    await say(acme, { kind: 'raise', amount: usd(5) }, 10 * DAY);
    expect(await say(acme, { kind: 'raise', amount: usd(7) }, DAY)).toMatchObject({ budgets: [{ left: usd(32) }] });
    expect(terms(acme).raises?.map(({ amount }) => amount)).toEqual([usd(7), usd(5)]);
    expect(terms(acme, '2026-12').raises?.map(({ amount }) => amount)).toEqual([usd(5)]);
    acme.wait(11 * DAY);
    await review(acme);
    expect(terms(acme, '2026-12').raises).toBeUndefined();
  });

  it('opens what is used up, and tells of the second closing when it is used up as well', async () => {
    const { acme, here } = await account();
    acme.spend(ID, 20);
    await governProfile(acme.ports, here);
    expect(standingTag(acme, here)).toBe('closed');
    await say(acme, { kind: 'raise', amount: usd(5) }, DAY);
    expect(standingTag(acme, here)).toBeUndefined();
    expect(acme.noticesOf('tenant-reopened')).toHaveLength(1);
    acme.spend(ID, 5);
    await governProfile(acme.ports, here);
    expect(standingTag(acme, here)).toBe('closed');
    expect(acme.noticesOf('tenant-closed')).toHaveLength(2);
  });
});

describe('what is read once for many profiles', () => {
  it('is read again where it could not be: one throttled request holds up one profile', async () => {
    const { acme, here, there } = await account();
    const { ports } = acme;
    let throttled = 2;
    const throttle = () => {
      if (throttled-- > 0) throw new Error('throttled');
    };
    const index = {
      ...ports.index,
      list: async () => {
        throttle();
        return await acme.ports.index.list();
      },
    };
    const overrides: typeof ports.overrides = {
      lastWord: (target) => ports.overrides.lastWord(target),
      keep: (override, after) => ports.overrides.keep(override, after),
      lasting: async (now) => {
        throttle();
        return await ports.overrides.lasting(now);
      },
    };
    class Shared extends SharedReviews {
      entries = async () => await this.ports.entries?.();
    }
    const work = new Shared({ ...ports, index, overrides });
    await expect(work.overrides()).rejects.toThrow('throttled');
    await expect(work.entries()).rejects.toThrow('throttled');
    expect(await work.overrides()).toEqual([]);
    expect((await work.entries())?.map(({ arn }) => arn)).toEqual([here, there]);
  });
});

describe('the turn of a period', () => {
  it('opens the ledger at once, and the tags within a minute, of what money has closed and not of what people have', async () => {
    const acme = new GovernedAccount();
    const byMoney = acme.profile('m', TAGS);
    const byPeople = acme.profile('p', { ...TAGS, tenant: 'lakeside' });
    for (const arn of [byMoney, byPeople]) await governProfile(acme.ports, arn);
    acme.spend(ID, 20);
    await governProfile(acme.ports, byMoney);
    await say(acme, { kind: 'disable' }, 60 * DAY, { kind: 'tenant', tenant: 'lakeside' });
    acme.moveTo('2026-11-30T23:01:00Z');
    expect(terms(acme, '2026-12').standing).toBe('open');
    await reopenEnded(acme.ports);
    expect(standingTag(acme, byMoney)).toBeUndefined();
    expect(standingTag(acme, byPeople)).toBe('closed');
  });

  it('makes nobody read the index while nothing has ended', async () => {
    const { acme } = await account();
    const { ports } = acme;
    const index = { ...ports.index, list: () => Promise.reject(new Error('the index is read')) };
    expect(await reopenEnded({ ...ports, index })).toEqual({ due: 0, failed: 0, left: 0 });
  });

  it('goes on in the next run where the time did not suffice', async () => {
    const { acme, here, there } = await account();
    acme.spend(ID, 20);
    await sweep(acme.ports);
    acme.moveTo('2026-11-30T23:01:00Z');
    let looks = 0;
    const first = await reopenEnded(acme.ports, () => (++looks > 1 ? 0 : 60_000));
    expect(first).toMatchObject({ due: 2, left: 1 });
    expect(await reopenEnded(acme.ports)).toMatchObject({ due: 1, left: 0 });
    for (const arn of [here, there]) expect(standingTag(acme, arn)).toBeUndefined();
  });
});
