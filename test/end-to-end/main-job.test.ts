import { TagResourceCommand } from '@aws-sdk/client-bedrock';
import { ConverseCommand } from '@aws-sdk/client-bedrock-runtime';
import { PublishCommand } from '@aws-sdk/client-sns';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GovernorRefusal } from '../../invoke/index.ts';
import { DeployedGovernor, type LedgerState, NOVA_PRO, SONNET, type Tenant } from './deployed-governor.ts';
import type { Mail } from './mailbox.ts';

const USD = 1_000_000_000n;
const HOUR_MS = 3_600_000;
const NOVEMBER = '2026-11';
const DECEMBER = '2026-12';

/** Whatever happened: the parts of an item add up, and nothing was spent past the limit by way of the ledger. */
function expectConserved(item: LedgerState | undefined): asserts item is LedgerState {
  expect(item).toBeDefined();
  if (item === undefined) return;
  expect(item.committed).toBe(item.settled + item.leased + item.unconfirmed + item.unattributed);
  expect(item.committed - item.unattributed).toBeLessThanOrEqual(item.limit);
}

function refusalFrom(reason: unknown): GovernorRefusal {
  if (reason instanceof GovernorRefusal) return reason;
  throw new Error(`expected a refusal, got ${String(reason)}`);
}

const refusalOf = async (call: Promise<unknown>): Promise<GovernorRefusal> =>
  refusalFrom(
    await call.then(
      () => 'an answer',
      (reason: unknown) => reason,
    ),
  );

/** One deployment for all; each part goes on from where the one before it left the month. */
describe('the main job, three days before the month ends in Zurich', () => {
  let governor: DeployedGovernor;
  const arns = { alpine: '', lakeside: '', hackathon: '', harbor: '' };
  const budgetOf = (tenant: string) => `tenant-monthly/${tenant}`;
  let lateAlerts: readonly Mail[] = [];

  beforeAll(async () => {
    governor = await DeployedGovernor.start('2026-11-28T09:00:00Z');
  });

  afterAll(async () => {
    await governor.close();
  });

  const alpine = (): Tenant => governor.tenant({ tenant: 'alpine-re', app: 'triage' });
  const lakeside = (options = {}): Tenant => governor.tenant({ tenant: 'lakeside', app: 'quotes' }, options);
  const harbor = (): Tenant => governor.tenant({ tenant: 'harbor-mutual', app: 'chat_app' });

  const call = async (tenant: Tenant, modelId: string, text = 'Summarise this claim. '.repeat(200)) => {
    try {
      return await tenant.call(modelId, text);
    } finally {
      await tenant.close();
    }
  };

  describe('1 and 2: four profiles are created, and each creation is governed', () => {
    beforeAll(async () => {
      const nova = governor.foundationModel(NOVA_PRO);
      arns.alpine = await governor.createProfile('alpine-claims-triage', nova, {
        dept: 'claims',
        team: 'intake',
        app: 'triage',
        tenant: 'alpine-re',
        environment: 'prod',
        costcenter: 'cc-1042',
      });
      arns.lakeside = await governor.createProfile('lakeside-underwriting', nova, {
        dept: 'underwriting',
        team: 'pricing',
        app: 'quotes',
        tenant: 'lakeside',
        environment: 'prod',
      });
      arns.hackathon = await governor.createProfile('hackathon-experiment', nova, {
        dept: 'marketing',
        team: 'lab',
        app: 'poems',
      });
      arns.harbor = await governor.createProfile('harbor-sales-chat', governor.systemProfile(`us.${SONNET}`), {
        dept: 'sales',
        team: 'support',
        app: 'chat_app',
        tenant: 'harbor-mutual',
        environment: 'prod',
        costcenter: 'cc-2001',
      });
      await governor.aws.settled();
    });

    it('leaves a complete profile as its owner made it', async () => {
      expect(await governor.tagsOf(arns.alpine)).toEqual({
        dept: 'claims',
        team: 'intake',
        app: 'triage',
        tenant: 'alpine-re',
        environment: 'prod',
        costcenter: 'cc-1042',
      });
    });

    it('adds the tag that has a default to a profile that lacks it', async () => {
      expect(await governor.tagsOf(arns.lakeside)).toEqual({
        dept: 'underwriting',
        team: 'pricing',
        app: 'quotes',
        tenant: 'lakeside',
        environment: 'prod',
        costcenter: 'cc-0000',
      });
    });

    it('quarantines a profile that violates the policy, and adds nothing else to it', async () => {
      expect(await governor.tagsOf(arns.hackathon)).toEqual({
        dept: 'marketing',
        team: 'lab',
        app: 'poems',
        'governor:standing': 'quarantined',
      });
      expect(await governor.newNotices()).toEqual([
        'profile-quarantined: Bedrock profile hackathon-experiment is quarantined',
      ]);
    });

    it('gives each tenant an AWS budget whose alerts come to the governor', async () => {
      const toGovernor = [`SNS ${governor.alertTopicArn}`];
      const tenantBudget = (tenant: string, limitUsd: number) => ({
        limitUsd,
        timeUnit: 'MONTHLY',
        tags: { tenant: [tenant] },
        notifications: { 'ACTUAL > 80%': toGovernor, 'ACTUAL > 100%': toGovernor, 'FORECASTED > 100%': toGovernor },
      });
      expect(await governor.awsBudget('governor/dev/tenant-monthly/alpine-re')).toEqual(tenantBudget('alpine-re', 20));
      expect(await governor.awsBudget('governor/dev/tenant-monthly/lakeside')).toEqual(tenantBudget('lakeside', 5));
      expect(await governor.awsBudget('governor/dev/tenant-monthly/harbor-mutual')).toEqual(
        tenantBudget('harbor-mutual', 20),
      );
    });

    it('gives the budget of one application an AWS budget on all of its tags', async () => {
      const toGovernor = [`SNS ${governor.alertTopicArn}`];
      expect(await governor.awsBudget('governor/dev/sales-support-chat')).toEqual({
        limitUsd: 10_000,
        timeUnit: 'MONTHLY',
        tags: { dept: ['sales'], team: ['support'], app: ['chat_app'] },
        notifications: { 'ACTUAL > 50%': toGovernor, 'ACTUAL > 90%': toGovernor, 'ACTUAL > 100%': toGovernor },
      });
    });

    it('indexes each profile with its tags, model, source and budgets', async () => {
      expect(await governor.indexEntry(arns.lakeside)).toMatchObject({
        name: 'lakeside-underwriting',
        baseModelId: NOVA_PRO,
        source: 'in-region',
        tags: { tenant: 'lakeside', costcenter: 'cc-0000' },
        standing: { state: 'open' },
        budgets: [{ id: 'tenant-monthly/lakeside' }],
      });
      expect(await governor.indexEntry(arns.harbor)).toMatchObject({
        baseModelId: SONNET,
        source: 'geo',
        budgets: [{ id: 'tenant-monthly/harbor-mutual' }, { id: 'sales-support-chat' }],
      });
      expect(await governor.indexEntry(arns.hackathon)).toMatchObject({ standing: { state: 'closed' }, budgets: [] });
    });

    it('provides the ledger items of this period and of the next', async () => {
      for (const period of [NOVEMBER, DECEMBER]) {
        const item = await governor.ledger(budgetOf('lakeside'), period);
        expect(item).toMatchObject({ limit: 5n * USD, committed: 0n, standing: 'open' });
      }
    });

    it('refuses the quarantined profile in the helper and names the tags that are wrong', async () => {
      const tenant = governor.tenant({ team: 'lab', app: 'poems' });
      const refusal = await refusalOf(call(tenant, NOVA_PRO));
      expect(refusal.code).toBe('ProfileQuarantined');
      expect(refusal.message).toContain('tag "tenant" is missing');
      expect(refusal.message).toContain('tag "dept" is "marketing"');
      expect(governor.billed(arns.hackathon)).toBe(0n);
    });

    it('releases it when its tags are corrected, and says so once', async () => {
      await governor.bedrock.send(
        new TagResourceCommand({
          resourceARN: arns.hackathon,
          tags: [
            { key: 'dept', value: 'claims' },
            { key: 'tenant', value: 'hackathon' },
          ],
        }),
      );
      await governor.aws.settled();
      expect(await governor.tagsOf(arns.hackathon)).toEqual({
        dept: 'claims',
        team: 'lab',
        app: 'poems',
        tenant: 'hackathon',
        environment: 'dev',
        costcenter: 'cc-0000',
      });
      expect(await governor.newNotices()).toEqual([
        'profile-released: Bedrock profile hackathon-experiment is released',
      ]);
      expect(await governor.awsBudget('governor/dev/tenant-monthly/hackathon')).toMatchObject({ limitUsd: 20 });
      await call(governor.tenant({ team: 'lab', app: 'poems' }), NOVA_PRO);
      expect(governor.billed(arns.hackathon)).toBeGreaterThan(0n);
    });
  });

  describe('3: tenants call models by tags, through the helper', () => {
    it('sends the call through the profile and settles what AWS bills, to the nano-dollar', async () => {
      const tenant = alpine();
      for (const words of [1, 50, 777]) await tenant.call(NOVA_PRO, 'claim '.repeat(words));
      await tenant.close();
      const item = await governor.ledger(budgetOf('alpine-re'), NOVEMBER);
      expectConserved(item);
      expect(governor.billed(arns.alpine)).toBeGreaterThan(0n);
      expect(item.settled).toBe(governor.billed(arns.alpine));
      expect(item.committed).toBe(item.settled);
    });

    it('counts a call against every budget that covers its profile', async () => {
      await call(harbor(), SONNET);
      const billed = governor.billed(arns.harbor);
      expect(billed).toBeGreaterThan(0n);
      for (const budget of [budgetOf('harbor-mutual'), 'sales-support-chat']) {
        const item = await governor.ledger(budget, NOVEMBER);
        expectConserved(item);
        expect(item.settled).toBe(billed);
      }
    });
  });

  describe('4: a tenant spends all it has', () => {
    it('admits 20 calls at once from two processes as long as there is money, and never a nano-dollar past the limit', async () => {
      const [first, second] = [lakeside({ maxWaitMs: 0 }), lakeside({ maxWaitMs: 0 })];
      const text = 'Price this risk. '.repeat(1_200);
      for (let isOver = false; !isOver; ) {
        const round = Array.from({ length: 20 }, (_, index) =>
          (index % 2 === 0 ? first : second).call(NOVA_PRO, text, 10_000),
        );
        const refusals = (await Promise.allSettled(round)).flatMap((outcome) =>
          outcome.status === 'rejected' ? [refusalFrom(outcome.reason)] : [],
        );
        expect(governor.billed(arns.lakeside)).toBeLessThanOrEqual(5n * USD);
        // Money that is promised to calls in flight refuses as well; only a round without any says that there is none.
        isOver = refusals.length === 20 && refusals.every(({ code }) => code === 'BudgetExhausted');
        await governor.aws.clock.advance(1_000);
      }
      await Promise.all([first.close(), second.close()]);

      const item = await governor.ledger(budgetOf('lakeside'), NOVEMBER);
      expectConserved(item);
      expect(item.settled).toBe(governor.billed(arns.lakeside));
      expect(item.committed).toBe(item.settled);
      // Refusing early would keep to the limit too: all but the price of one more call is spent.
      expect(item.settled).toBeGreaterThan((5n * USD * 98n) / 100n);
    });

    it('closes the budget with the next sweep and shows it on the profile, telling the owners once', async () => {
      await governor.aws.clock.advance(5 * 60_000);
      await governor.aws.settled();
      expect(await governor.ledger(budgetOf('lakeside'), NOVEMBER)).toMatchObject({ standing: 'closed' });
      expect((await governor.tagsOf(arns.lakeside))['governor:standing']).toBe('closed');
      expect(await governor.newNotices()).toEqual([
        'tenant-closed: Bedrock budget tenant-monthly/lakeside is closed until 2026-11-30T23:00:00.000Z',
        'threshold-crossed: Bedrock budget tenant-monthly/lakeside has reached 80%',
      ]);
    });

    it('refuses the next call with the figures and the time at which the budget opens again', async () => {
      const billed = governor.billed(arns.lakeside);
      const refusal = await refusalOf(call(lakeside(), NOVA_PRO));
      expect(refusal.code).toBe('BudgetClosed');
      expect(refusal.details).toMatchObject({
        budget: 'tenant-monthly/lakeside',
        period: NOVEMBER,
        limitUsd: '5.00',
        resetsAt: new Date('2026-11-30T23:00:00Z'),
        retryAfter: new Date('2026-11-30T23:00:00Z'),
      });
      expect(Math.round(Number(refusal.details.spentUsd) * 1e9)).toBe(Number(billed));
      expect(governor.billed(arns.lakeside)).toBe(billed);
    });

    it('leaves the other tenants alone', async () => {
      await call(alpine(), NOVA_PRO);
      expect((await governor.tagsOf(arns.alpine))['governor:standing']).toBeUndefined();
      expect((await governor.tagsOf(arns.harbor))['governor:standing']).toBeUndefined();
      expect(await governor.ledger(budgetOf('alpine-re'), NOVEMBER)).toMatchObject({ standing: 'open' });
    });
  });

  describe('5: a tenant goes round the helper, and AWS Budgets notices hours later', () => {
    let lakesideBefore: LedgerState | undefined;
    let lakesideTagsBefore: Record<string, string>;

    beforeAll(async () => {
      lakesideBefore = await governor.ledger(budgetOf('lakeside'), NOVEMBER);
      lakesideTagsBefore = await governor.tagsOf(arns.lakeside);
      const client = governor.plainRuntime();
      const text = 'Read this whole policy document. '.repeat(2_000);
      while (governor.billed(arns.harbor) <= 21n * USD)
        await client.send(
          new ConverseCommand({ modelId: arns.harbor, messages: [{ role: 'user', content: [{ text }] }] }),
        );
      client.destroy();
      await governor.aws.clock.advance(9 * HOUR_MS);
      await governor.aws.settled();
      lateAlerts = await governor.alerts();
    });

    it('hears AWS Budgets about both tenants', () => {
      const subjects = new Set(lateAlerts.map(({ subject }) => subject));
      for (const tenant of ['lakeside', 'harbor-mutual'])
        expect(subjects).toContain(
          `AWS Budgets: governor/dev/tenant-monthly/${tenant} has exceeded your alert threshold`,
        );
    });

    it('changes nothing about the tenant whose spending the ledger knew', async () => {
      expect(await governor.tagsOf(arns.lakeside)).toEqual(lakesideTagsBefore);
      const after = await governor.ledger(budgetOf('lakeside'), NOVEMBER);
      expect(after).toMatchObject({ termsVersion: lakesideBefore?.termsVersion, unattributed: 0n });
      expect(after?.committed).toBe(lakesideBefore?.committed);
    });

    it('counts what the ledger never saw as unattributed and closes the tenant that spent it', async () => {
      const billed = governor.billed(arns.harbor);
      const item = await governor.ledger(budgetOf('harbor-mutual'), NOVEMBER);
      expectConserved(item);
      expect(item.unattributed).toBeGreaterThan(0n);
      expect(item.committed).toBeGreaterThanOrEqual(billed);
      expect(item.committed - billed).toBeLessThan(USD / 100n);
      expect(item.standing).toBe('closed');
      expect((await governor.tagsOf(arns.harbor))['governor:standing']).toBe('closed');
    });

    it('tells the owners of that tenant once, and nobody else again', async () => {
      // Found by the token metrics, which name the profile, and by AWS Budgets: told once.
      expect(await governor.newNotices()).toEqual([
        'bypass-detected: Spend round the helper in Bedrock budget sales-support-chat',
        'bypass-detected: Spend round the helper in Bedrock budget tenant-monthly/harbor-mutual',
        'daily-digest: Bedrock budgets on 2026-11-28',
        'tenant-closed: Bedrock budget tenant-monthly/harbor-mutual is closed until 2026-11-30T23:00:00.000Z',
        'threshold-crossed: Bedrock budget tenant-monthly/harbor-mutual has reached 80%',
      ]);
    });

    it('refuses the calls of that tenant and admits those of another', async () => {
      expect((await refusalOf(call(harbor(), SONNET))).code).toBe('BudgetClosed');
      await call(alpine(), NOVA_PRO);
    });
  });

  describe('6: the month turns in Zurich', () => {
    const redeliver = async () => {
      for (const { subject, text } of lateAlerts)
        await governor.sns.send(
          new PublishCommand({ TopicArn: governor.alertTopicArn, Subject: subject, Message: text }),
        );
      await governor.aws.settled();
    };

    const expectOpen = async (tenant: string, profileArn: string) => {
      expect((await governor.tagsOf(profileArn))['governor:standing']).toBeUndefined();
      expect(await governor.ledger(budgetOf(tenant), DECEMBER)).toMatchObject({ standing: 'open', unattributed: 0n });
    };

    it('opens everything again by itself, and says so once for each tenant', async () => {
      await governor.aws.clock.moveTo(Date.parse('2026-11-30T23:06:00Z'));
      await governor.aws.settled();
      await expectOpen('lakeside', arns.lakeside);
      await expectOpen('harbor-mutual', arns.harbor);
      expect(await governor.newNotices()).toEqual([
        'tenant-reopened: Bedrock budget tenant-monthly/harbor-mutual is open again',
        'tenant-reopened: Bedrock budget tenant-monthly/lakeside is open again',
      ]);
    });

    it('closes nothing when alerts about November come again in December', async () => {
      expect(lateAlerts.length).toBeGreaterThan(0);
      await redeliver();
      await expectOpen('lakeside', arns.lakeside);
      await expectOpen('harbor-mutual', arns.harbor);
      await governor.aws.clock.moveTo(Date.parse('2026-12-01T01:30:00Z'));
      await redeliver();
      await expectOpen('lakeside', arns.lakeside);
      await expectOpen('harbor-mutual', arns.harbor);
      expect(await governor.newNotices()).toEqual([]);
    });

    it('admits the calls of everybody, and counts them to December', async () => {
      const begun = Date.parse('2026-11-30T23:00:00Z');
      await call(alpine(), NOVA_PRO);
      await call(lakeside(), NOVA_PRO);
      await call(harbor(), SONNET);
      const tenants = { 'alpine-re': arns.alpine, lakeside: arns.lakeside, 'harbor-mutual': arns.harbor };
      for (const [tenant, arn] of Object.entries(tenants)) {
        const item = await governor.ledger(budgetOf(tenant), DECEMBER);
        expectConserved(item);
        expect(item.settled).toBeGreaterThan(0n);
        expect(item.settled).toBe(governor.billed(arn, begun));
      }
    });

    it('has kept November as it was, to the nano-dollar', async () => {
      const begun = Date.parse('2026-11-30T23:00:00Z');
      for (const [tenant, arn] of Object.entries({ 'alpine-re': arns.alpine, lakeside: arns.lakeside })) {
        const item = await governor.ledger(budgetOf(tenant), NOVEMBER);
        expectConserved(item);
        expect(item.settled).toBe(governor.billed(arn, undefined, begun));
      }
    });
  });
});
