import { beforeEach, describe, expect, it } from 'vitest';
import { provisionBudgets } from '../../../domain/budgets/provision-all.ts';
import { awsBudgetName } from '../../../domain/budgets/provisioning.ts';
import { Fault } from '../../../domain/fault.ts';
import { sweep } from '../../../domain/profiles/sweep.ts';
import { expectToSurviveEveryCrash } from '../crashes.ts';
import { budgetNamed, policyDocument, policyOf } from '../example-policy.ts';
import { GovernedAccount } from '../governed-account.ts';

const ACME = { tenant: 'acme', environment: 'prod', team: 'sales' };
const LAKESIDE = { ...ACME, tenant: 'lakeside' };
const ACME_BUDGET = 'governor/prod/tenant-monthly/acme';
const LAKESIDE_BUDGET = 'governor/prod/tenant-monthly/lakeside';
const removing = (changes: Record<string, unknown> = {}) =>
  policyOf(policyDocument({ awsBudgets: { removeStale: true }, ...changes }));
const fail = (): never => {
  throw new Error('the profile is there');
};
const throttle = new Fault('ThrottlingException', { doing: 'creating', problem: 'too fast', next: 'Wait.' });

describe('AWS budgets in a sweep', () => {
  let account: GovernedAccount;
  beforeEach(() => {
    account = new GovernedAccount(removing());
    account.profile('a', ACME);
    account.profile('b', LAKESIDE);
  });

  it('are read in bulk once, and asked for singly not at all where all is as wanted', async () => {
    await sweep(account.ports);
    const asked: string[] = [];
    const { awsBudgets } = account.ports;
    const counted = new Proxy(awsBudgets, {
      get: (target, member) => {
        asked.push(String(member));
        return Reflect.get(target, member) as unknown;
      },
    });
    await sweep({ ...account.ports, awsBudgets: counted });
    expect(asked).toEqual(['list']);
  });

  const provisioned = () =>
    account.events.all.flatMap((event) =>
      event.type === 'BudgetProvisioned' ? [`${event.detail.outcome} ${event.detail.awsBudget}`] : [],
    );
  const changed = async (outcome: 'updated' | 'adopted' | 'alerts-full' | 'unchanged') => {
    await sweep(account.ports);
    account.wait(300_000);
    const { awsBudgets } = account.ports;
    account.policy = removing({
      budgets: [{ name: 'tenant-monthly', per: 'tenant', limit: '21 USD', period: 'month' }],
    });
    await sweep({
      ...account.ports,
      awsBudgets: { ...awsBudgets, describe: awsBudgets.describe, list: awsBudgets.list, update: async () => outcome },
    });
    return provisioned().filter((event) => !event.startsWith('created'));
  };

  it('are announced once when they are made, and not while they only ought to be', async () => {
    account.policy = removing({ mode: 'observe' });
    await sweep(account.ports);
    expect(provisioned()).toEqual([]);
    account.policy = removing();
    await sweep(account.ports);
    account.wait(300_000);
    await sweep(account.ports);
    expect(provisioned().sort()).toEqual([`created ${ACME_BUDGET}`, `created ${LAKESIDE_BUDGET}`]);
  });

  it.each(['updated', 'adopted'] as const)('are announced as updated where they were %s', async (outcome) => {
    expect((await changed(outcome)).sort()).toEqual([`updated ${ACME_BUDGET}`, `updated ${LAKESIDE_BUDGET}`]);
  });

  it.each(['alerts-full', 'unchanged'] as const)('are not announced where AWS says %s', async (outcome) => {
    expect(await changed(outcome)).toEqual([]);
  });

  it('are all made where the table throttles the announcement: that says nothing of AWS Budgets', async () => {
    const { outbox } = account.ports;
    const announce = async (): Promise<void> => {
      throw throttle;
    };
    const report = await sweep({ ...account.ports, outbox: { ...outbox, enter: outbox.enter, announce } });
    expect(report).not.toHaveProperty('unprovisioned');
    expect(account.awsBudgets.size).toBe(2);
    expect(account.counted.filter((metric) => metric === 'BudgetProvisioningFailed')).toHaveLength(2);
  });

  it('are left as they are where AWS throttles, and the next sweep goes on', async () => {
    const { awsBudgets } = account.ports;
    let created = 0;
    const ports = {
      ...account.ports,
      awsBudgets: {
        ...awsBudgets,
        describe: awsBudgets.describe,
        list: awsBudgets.list,
        create: async (budget: Parameters<typeof awsBudgets.create>[0]) => {
          if (created > 0) throw throttle;
          created++;
          return await awsBudgets.create(budget);
        },
      },
    };
    expect(await sweep(ports)).toMatchObject({ unprovisioned: 1, failed: [] });
    expect(account.awsBudgets.size).toBe(1);
    const first = structuredClone([...account.awsBudgets]);
    const report = await sweep(account.ports);
    expect(report).not.toHaveProperty('unprovisioned');
    expect(account.awsBudgets.size).toBe(2);
    expect([...account.awsBudgets].slice(0, 1)).toEqual(first);
  });

  it('stop where the time is up, after the profiles, and none is lost', async () => {
    let left = 100_000;
    const report = await sweep(account.ports, () => left);
    expect(report).not.toHaveProperty('unprovisioned');
    account.awsBudgets.clear();
    const { awsBudgets } = account.ports;
    const slow = {
      ...account.ports,
      awsBudgets: {
        ...awsBudgets,
        describe: awsBudgets.describe,
        list: awsBudgets.list,
        create: async (budget: Parameters<typeof awsBudgets.create>[0]) => {
          left = 0;
          return await awsBudgets.create(budget);
        },
      },
    };
    expect(await sweep(slow, () => left)).toMatchObject({ unprovisioned: 1, carriedOver: 0 });
  });

  it('hold up nothing but themselves where they cannot be read', async () => {
    await sweep(account.ports);
    const ports = {
      ...account.ports,
      awsBudgets: { ...account.ports.awsBudgets, list: () => Promise.reject(new Error('down')) },
    };
    account.spend('tenant-monthly/acme', 60);
    const report = await sweep(ports);
    expect(report.failed).toEqual(['AWS Budgets', 'providing AWS Budgets']);
    expect([...account.stored.values()].map(({ tags }) => tags['governor:standing'])).toEqual(['closed', undefined]);
    expect([...account.awsBudgets.keys()].sort()).toEqual([ACME_BUDGET, LAKESIDE_BUDGET]);
  });

  describe('that no budget stands for any more', () => {
    beforeEach(async () => {
      await sweep(account.ports);
      expect([...account.awsBudgets.keys()].sort()).toEqual([ACME_BUDGET, LAKESIDE_BUDGET]);
    });
    const without = { budgets: [{ name: 'other', per: 'tenant', limit: '10 USD' }] };
    const stale = () => [...account.awsBudgets.keys()].filter((name) => name.includes('/tenant-monthly/'));

    it('are removed where the policy says so', async () => {
      account.policy = removing(without);
      await sweep(account.ports);
      await sweep(account.ports);
      expect(stale()).toEqual([]);
      expect(account.awsBudgets.has('governor/prod/other/acme')).toBe(true);
    });

    it('stay where the policy does not say so, and where it only observes', async () => {
      account.policy = policyOf(policyDocument(without));
      await sweep(account.ports);
      account.policy = removing({ ...without, mode: 'observe' });
      await sweep(account.ports);
      expect(stale()).toHaveLength(2);
      expect(account.decisions.map(({ decision }) => decision)).toContain('would remove AWS budget');
    });

    it('stay where AWS does not say that they are ours', async () => {
      account.foreignBudgets.add(ACME_BUDGET);
      account.policy = removing(without);
      await sweep(account.ports);
      await sweep(account.ports);
      expect(stale()).toEqual([ACME_BUDGET]);
    });

    it('are not those of a profile that is quarantined, or has ended', async () => {
      for (const [arn, { tags }] of account.stored)
        if (tags['tenant'] === 'acme')
          account.stored.set(arn, { ...(account.stored.get(arn) ?? fail()), tags: { tenant: 'acme' } });
        else account.stored.delete(arn);
      await sweep(account.ports);
      await sweep(account.ports);
      expect(stale()).toHaveLength(2);
    });

    it('are not those of another stage or another owner', async () => {
      const other = account.awsBudgets.get(ACME_BUDGET);
      if (other === undefined) throw new Error('the budget is there');
      for (const name of ['governor/production/tenant-monthly/acme', 'governor/dev/x', 'finance/2026'])
        account.awsBudgets.set(name, { ...other, name });
      await sweep(account.ports);
      expect(account.awsBudgets.size).toBe(5);
    });

    it('stay while something could not be read', async () => {
      account.policy = removing(without);
      account.unlistable.add('us-east-1');
      await sweep(account.ports);
      expect(stale()).toHaveLength(2);
    });

    it('are not those of a profile that came while the sweep ran', async () => {
      const { index, awsBudgets } = account.ports;
      let lists = 0;
      const gone = [...account.indexed];
      const ports = {
        ...account.ports,
        awsBudgets,
        // The sweep saw no profile of acme when it began.
        index: {
          get: index.get,
          put: index.put,
          list: async () =>
            lists++ === 0 ? (await index.list()).filter(({ tags }) => tags['tenant'] !== 'acme') : await index.list(),
        },
      };
      for (const [arn, { tags }] of account.stored) if (tags['tenant'] === 'acme') account.stored.delete(arn);
      await sweep(ports);
      expect(gone).toHaveLength(2);
      expect(stale().sort()).toEqual([ACME_BUDGET, LAKESIDE_BUDGET]);
    });

    it('go a few at a time', async () => {
      const other = account.awsBudgets.get(ACME_BUDGET);
      if (other === undefined) throw new Error('the budget is there');
      for (let n = 0; n < 25; n++) {
        const name = awsBudgetName({ name: 'old', value: String(n) }, 'prod');
        account.awsBudgets.set(name, { ...other, name });
      }
      await sweep(account.ports);
      expect(account.awsBudgets.size).toBe(2 + 5);
      await sweep(account.ports);
      expect(account.awsBudgets.size).toBe(2);
    });
  });

  describe('of which many stay stale', () => {
    beforeEach(async () => {
      await sweep(account.ports);
      const other = account.awsBudgets.get(ACME_BUDGET);
      if (other === undefined) throw new Error('the budget is there');
      for (let n = 10; n < 50; n++) {
        const name = awsBudgetName({ name: 'old', value: String(n) }, 'prod');
        account.awsBudgets.set(name, { ...other, name });
        if (n < 40) account.foreignBudgets.add(name);
      }
    });

    it('are removed though those before them are not ours, in a few sweeps', async () => {
      for (let sweeps = 0; sweeps < 4; sweeps++) {
        await sweep(account.ports);
        account.wait(300_000);
      }
      expect(account.awsBudgets.size).toBe(2 + 30);
    });

    it('are asked for a few at a time', async () => {
      const { awsBudgets } = account.ports;
      let asked = 0;
      const remove = async (name: string) => {
        asked++;
        return await awsBudgets.remove(name);
      };
      await sweep({ ...account.ports, awsBudgets: { ...awsBudgets, remove } });
      expect(asked).toBe(20);
    });

    it('hold up no other where AWS denies it, and all where it throttles', async () => {
      account.foreignBudgets.clear();
      const { awsBudgets } = account.ports;
      let code = 'AccessDeniedException';
      let asked = 0;
      const remove = async (name: string) => {
        asked++;
        if (asked === 1) throw new Fault(code, { doing: 'removing', problem: 'no', next: 'Wait.' });
        return await awsBudgets.remove(name);
      };
      const report = await sweep({ ...account.ports, awsBudgets: { ...awsBudgets, remove } });
      expect(account.awsBudgets.size).toBe(2 + 40 - 19);
      expect(report.failed).toEqual([expect.stringContaining('removing AWS budget governor/prod/old/')]);
      code = 'ThrottlingException';
      asked = 0;
      await sweep({ ...account.ports, awsBudgets: { ...awsBudgets, remove } });
      expect(asked).toBe(1);
    });
  });

  it('that are missing come before those that differ, which others may keep so for good', async () => {
    await sweep(account.ports);
    const raised = removing({
      budgets: [{ name: 'tenant-monthly', per: 'tenant', limit: '21 USD', period: 'month' }],
    });
    const { awsBudgets } = account.ports;
    const ports = { ...account.ports, policy: raised, awsBudgets: { ...awsBudgets, update: async () => fail() } };
    const budgets = ['acme', 'zebra'].map((tenant) => budgetNamed(raised, `tenant-monthly/${tenant}`));
    const seen = await awsBudgets.list('governor/prod/');
    let isOver = false;
    const created = async (budget: Parameters<typeof awsBudgets.create>[0]) => {
      isOver = true;
      return await awsBudgets.create(budget);
    };
    const left = await provisionBudgets({ ...ports, awsBudgets: { ...ports.awsBudgets, create: created } }, budgets, {
      seen,
      isTimeUp: () => isOver,
    });
    expect(left).toBe(1);
    expect(account.awsBudgets.has('governor/prod/tenant-monthly/zebra')).toBe(true);
    expect(account.counted).not.toContain('BudgetProvisioningFailed');
  });

  it('that keep a sweep until it is killed take nothing from how far it came', async () => {
    for (let n = 0; n < 40; n++) account.profile(`c${n}`, ACME);
    const kept: unknown[] = [];
    let reads = 0;
    let left = 200_000;
    const { awsBudgets, progress, profiles } = account.ports;
    const sweeping = sweep(
      {
        ...account.ports,
        profiles: {
          ...profiles,
          readTags: async (arn) => {
            if (++reads === 1) left = 10_000;
            return await profiles.readTags(arn);
          },
        },
        progress: {
          read: progress.read,
          keep: async (cursor) => {
            kept.push(cursor);
          },
        },
        awsBudgets: { ...awsBudgets, list: () => new Promise<never>(() => {}) },
      },
      () => left,
    );
    await Promise.race([sweeping, new Promise((resolve) => setImmediate(resolve))]);
    expect(kept).toHaveLength(1);
  });

  it('survive every crash, those that are removed too', async () => {
    await expectToSurviveEveryCrash(
      async () => {
        const built = new GovernedAccount(removing());
        built.profile('a', ACME);
        const name = 'governor/prod/old/acme';
        built.awsBudgets.set(name, {
          name,
          amount: '1.0',
          timeUnit: 'MONTHLY',
          selector: { tenant: ['acme'] },
          notifications: [],
        });
        return built;
      },
      (built) => sweep(built.ports),
    );
  });

  it('is what the fixture says', () => {
    expect(awsBudgetName(budgetNamed(removing(), 'tenant-monthly/acme'), 'prod')).toBe(ACME_BUDGET);
  });
});
