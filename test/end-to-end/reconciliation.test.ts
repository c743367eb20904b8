import { readFile } from 'node:fs/promises';
import {
  CreateInferenceProfileCommand,
  DeleteInferenceProfileCommand,
  TagResourceCommand,
  UntagResourceCommand,
} from '@aws-sdk/client-bedrock';
import { ConverseCommand } from '@aws-sdk/client-bedrock-runtime';
import { ListSubscriptionsByTopicCommand, UnsubscribeCommand } from '@aws-sdk/client-sns';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { policyTable } from '../../aws/dynamodb/policy-table.ts';
import { GovernorRefusal } from '../../invoke/index.ts';
import type { JsonObject } from '../../local/service.ts';
import { DeployedGovernor, FUNCTIONS, NOVA_PRO, RULES, SONNET } from './deployed-governor.ts';

const USD = 1_000_000_000n;
const HOUR_MS = 3_600_000;
const PERIOD = '2026-11';
const POLICY_FILE = new URL('../../examples/insurer/governance.yaml', import.meta.url);

const tagsFor = (tenant: string) => ({
  dept: 'claims',
  team: 'intake',
  app: 'triage',
  tenant,
  environment: 'prod',
  costcenter: 'cc-1042',
});
const without = (tags: Record<string, string>, ...keys: readonly string[]) =>
  Object.fromEntries(Object.entries(tags).filter(([key]) => !keys.includes(key)));

describe('events that are lost, repeated or out of order', () => {
  let governor: DeployedGovernor;

  beforeAll(async () => {
    governor = await DeployedGovernor.start('2026-11-10T09:01:00Z');
    await governor.stopSweeping();
  });

  afterAll(async () => {
    await governor.close();
  });

  const nova = () => governor.foundationModel(NOVA_PRO);
  const create = async (name: string, tags: Record<string, string>, copyFrom = nova()) => {
    const arn = await governor.createProfile(name, copyFrom, tags);
    await governor.aws.settled();
    return arn;
  };
  const retag = (resourceARN: string, tags: Record<string, string>) =>
    governor.bedrock.send(
      new TagResourceCommand({ resourceARN, tags: Object.entries(tags).map(([key, value]) => ({ key, value })) }),
    );

  /** What any AWS client can see of a profile, without what differs between two of the same kind. */
  const stateOf = async (arn: string, tenant: string) => {
    const entry = await governor.indexEntry(arn);
    return JSON.parse(
      JSON.stringify({
        tags: await governor.tagsOf(arn),
        awsBudget: await governor.awsBudget(`governor/dev/tenant-monthly/${tenant}`),
        ledger: (await governor.ledger(`tenant-monthly/${tenant}`, PERIOD))?.stored,
        index: entry && {
          tags: entry.tags,
          source: entry.source,
          baseModelId: entry.baseModelId,
          standing: entry.standing,
          budgets: entry.budgets,
          ended: entry.endedAt !== undefined,
        },
      }).replaceAll(tenant, 'TENANT'),
    ) as unknown;
  };

  describe('repeated events', () => {
    it('governs a profile once, however often and at whatever time its event comes', async () => {
      const events: JsonObject[] = [];
      const stop = governor.aws.observe((observation) => {
        if (observation.kind === 'event' && observation.matchedRules.includes(RULES.apiCalls))
          events.push(observation.event);
      });
      const arn = await create('repeated', without(tagsFor('repeated'), 'costcenter'));
      stop();
      expect(events.map(({ detail }) => (detail as JsonObject)['eventName'])).toEqual([
        'CreateInferenceProfile',
        'TagResource',
      ]);
      const before = await stateOf(arn, 'repeated');

      const watch = governor.watchWrites();
      const again = [...events, ...events.toReversed(), ...events];
      const results = await Promise.all(again.map((event) => governor.aws.invoke(FUNCTIONS.profileChanged, event)));
      await governor.aws.settled();
      watch.stop();

      expect(results.map(({ error }) => error)).toEqual(again.map(() => undefined));
      expect(watch.writes.map(({ what }) => what)).toEqual([]);
      expect(await stateOf(arn, 'repeated')).toEqual(before);
    });

    it('tells of a quarantine once when four copies of the event are handled at the same time', async () => {
      const events: JsonObject[] = [];
      const stop = governor.aws.observe((observation) => {
        if (observation.kind === 'event') events.push(observation.event);
      });
      const arn = await governor.withoutEvents(() => create('copied-event', { team: 'lab' }));
      stop();
      const [event] = events;
      if (event === undefined) throw new Error('no event of the creation');

      const results = await Promise.all(
        Array.from({ length: 4 }, () => governor.aws.invoke(FUNCTIONS.profileChanged, event)),
      );
      await governor.aws.settled();

      expect(results.map(({ error }) => error)).toEqual([undefined, undefined, undefined, undefined]);
      expect(await governor.tagsOf(arn)).toEqual({ team: 'lab', 'governor:standing': 'quarantined' });
      expect(await governor.newNotices()).toEqual(['profile-quarantined: Bedrock profile copied-event is quarantined']);
    });
  });

  describe('a sweep', () => {
    it('mends what differs, and a second one asks AWS for no write at all', async () => {
      const arn = await create('swept', tagsFor('swept'));
      await governor.tenant({ tenant: 'swept' }).close();
      await governor.sweep();
      const before = await stateOf(arn, 'swept');

      const watch = governor.watchWrites();
      const report = await governor.sweep();
      watch.stop();

      expect(report).toMatchObject({ failed: [], ended: 0 });
      expect(report.profiles).toBeGreaterThanOrEqual(3);
      expect(watch.writes.map(({ what }) => what)).toEqual([]);
      expect(await stateOf(arn, 'swept')).toEqual(before);
      expect(await governor.newNotices()).toEqual([]);
    });
  });

  describe('a sweep alone, while every event is lost', () => {
    const createUnheard = async (name: string, tags: Record<string, string>, copyFrom = nova()) =>
      await governor.withoutEvents(() => create(name, tags, copyFrom));

    afterEach(async () => {
      await governor.newNotices();
    });

    it.each([
      ['a complete profile', (tenant: string) => tagsFor(tenant), () => nova()],
      ['a profile that lacks a tag', (tenant: string) => without(tagsFor(tenant), 'costcenter'), () => nova()],
      ['a profile that violates the policy', (tenant: string) => ({ tenant, dept: 'marketing' }), () => nova()],
      ['a copy of a system profile', (tenant: string) => tagsFor(tenant), () => governor.systemProfile(`us.${SONNET}`)],
    ])('brings %s to the state that its event would have', async (what, tags, copyFrom) => {
      const name = what.replaceAll(' ', '-');
      const [lost, heard] = [`${name}-lost`, `${name}-heard`];
      const unheard = await createUnheard(lost, tags(lost), copyFrom());
      expect(await governor.tagsOf(unheard)).toEqual(tags(lost));
      expect(await governor.indexEntry(unheard)).toBeUndefined();

      await governor.sweep();
      const control = await create(heard, tags(heard), copyFrom());

      const byEvent = await stateOf(control, heard);
      expect(byEvent).toHaveProperty('index.tags.tenant', 'TENANT');
      expect(await stateOf(unheard, lost)).toEqual(byEvent);
    });

    it('releases a profile whose tags were corrected', async () => {
      const arn = await createUnheard('corrected', without(tagsFor('corrected'), 'dept'));
      await governor.sweep();
      expect((await governor.tagsOf(arn))['governor:standing']).toBe('quarantined');
      await governor.withoutEvents(() => retag(arn, { dept: 'claims' }));
      await governor.sweep();
      await governor.sweep();
      expect(await governor.tagsOf(arn)).toEqual(tagsFor('corrected'));
      expect(await governor.newNotices()).toEqual([
        'profile-quarantined: Bedrock profile corrected is quarantined',
        'profile-released: Bedrock profile corrected is released',
      ]);
    });

    it('puts back a standing tag that somebody removed', async () => {
      const arn = await createUnheard('tampered', without(tagsFor('tampered'), 'team'));
      await governor.sweep();
      await governor.withoutEvents(() =>
        governor.bedrock.send(new UntagResourceCommand({ resourceARN: arn, tagKeys: ['governor:standing'] })),
      );
      await governor.sweep();
      expect((await governor.tagsOf(arn))['governor:standing']).toBe('quarantined');
      expect(await governor.newNotices()).toEqual(['profile-quarantined: Bedrock profile tampered is quarantined']);
    });

    it('takes a standing tag off that nobody is entitled to', async () => {
      const arn = await createUnheard('framed', { ...tagsFor('framed'), 'governor:standing': 'closed' });
      await governor.sweep();
      expect(await governor.tagsOf(arn)).toEqual(tagsFor('framed'));
      expect(await governor.newNotices()).toEqual([]);
    });

    it('ends the index entry of a profile that was deleted, so that the helper finds it no more', async () => {
      const arn = await createUnheard('short-lived', tagsFor('short-lived'));
      await governor.sweep();
      await governor.withoutEvents(() =>
        governor.bedrock.send(new DeleteInferenceProfileCommand({ inferenceProfileIdentifier: arn })),
      );
      expect((await governor.sweep()).ended).toBe(1);
      expect((await governor.indexEntry(arn))?.endedAt).toBeTypeOf('number');
      const tenant = governor.tenant({ tenant: 'short-lived' });
      await expect(tenant.call(NOVA_PRO, 'Is anybody there?')).rejects.toMatchObject({
        name: GovernorRefusal.name,
        code: 'ProfileNotFound',
      });
      await tenant.close();
      expect((await governor.sweep()).ended).toBe(0);
    });
  });

  describe('a profile in a Region that the policy does not name', () => {
    it('is looked after by the sweep once it was governed, so that no standing stays on it for good', async () => {
      const elsewhere = governor.inRegion('us-west-2');
      const { inferenceProfileArn: arn = '' } = await elsewhere.bedrock.send(
        new CreateInferenceProfileCommand({
          inferenceProfileName: 'elsewhere',
          modelSource: { copyFrom: governor.systemProfile(`us.${NOVA_PRO}`).replaceAll('us-east-1', 'us-west-2') },
          tags: [{ key: 'tenant', value: 'elsewhere' }],
        }),
      );
      const policy = parse(await readFile(POLICY_FILE, 'utf8')) as { regions: string[] };
      const govern = (regions: readonly string[]) =>
        policyTable(governor.dynamodb, governor.table).apply({ ...policy, regions });
      await govern([...policy.regions, 'us-west-2']);
      await governor.sweep();
      await govern(policy.regions);
      expect((await elsewhere.tagsOf(arn))['governor:standing']).toBe('quarantined');
      await elsewhere.bedrock.send(
        new TagResourceCommand({
          resourceARN: arn,
          tags: Object.entries(tagsFor('elsewhere')).map(([key, value]) => ({ key, value })),
        }),
      );
      await governor.sweep();
      expect(await elsewhere.tagsOf(arn)).toEqual(tagsFor('elsewhere'));
    });
  });

  describe('spending that AWS Budgets rounds up', () => {
    it('is not taken for spending that went round the helper', async () => {
      const arn = await create('rounded', { ...tagsFor('lakeside'), app: 'rounding' });
      const tenant = governor.tenant({ tenant: 'lakeside', app: 'rounding' });
      // Above 80 % of 5 USD, so that an alert comes; half a mill and more past a whole one, so that AWS rounds it up.
      while (governor.billed(arn) < (42n * USD) / 10n) await tenant.call(NOVA_PRO, 'claim '.repeat(30_000), 10_000);
      while (governor.billed(arn) % 1_000_000n <= 500_000n) await tenant.call(NOVA_PRO, 'claim');
      await tenant.close();
      const before = await governor.ledger('tenant-monthly/lakeside', PERIOD);
      expect(before?.settled).toBe(governor.billed(arn));

      await governor.alerts();
      await governor.aws.clock.advance(17 * HOUR_MS);
      await governor.aws.settled();

      expect((await governor.alerts()).map(({ subject }) => subject)).toContain(
        'AWS Budgets: governor/dev/tenant-monthly/lakeside has exceeded your alert threshold',
      );
      expect(await governor.ledger('tenant-monthly/lakeside', PERIOD)).toMatchObject({
        unattributed: 0n,
        committed: before?.committed,
      });
    });
  });

  describe('an alert of AWS Budgets that is lost, and comes only once', () => {
    beforeAll(async () => {
      const TopicArn = governor.alertTopicArn;
      const { Subscriptions = [] } = await governor.sns.send(new ListSubscriptionsByTopicCommand({ TopicArn }));
      for (const { Protocol, SubscriptionArn } of Subscriptions)
        if (Protocol === 'lambda') await governor.sns.send(new UnsubscribeCommand({ SubscriptionArn }));
    });

    it('is made up for by the sweep, which reads the figures itself', async () => {
      const arn = await create('unalerted', tagsFor('unalerted'));
      const client = governor.plainRuntime();
      const text = 'claim '.repeat(200_000);
      while (governor.billed(arn) < 21n * USD)
        await client.send(new ConverseCommand({ modelId: arn, messages: [{ role: 'user', content: [{ text }] }] }));
      client.destroy();
      await governor.newNotices();
      await governor.alerts();
      await governor.aws.clock.advance(17 * HOUR_MS);
      await governor.aws.settled();
      expect((await governor.alerts()).map(({ subject }) => subject)).toContain(
        'AWS Budgets: governor/dev/tenant-monthly/unalerted has exceeded your alert threshold',
      );
      expect((await governor.tagsOf(arn))['governor:standing']).toBeUndefined();

      await governor.sweep();
      const item = await governor.ledger('tenant-monthly/unalerted', PERIOD);
      expect(item).toMatchObject({ standing: 'closed', settled: 0n });
      expect(item?.unattributed).toBeGreaterThan(20n * USD);
      expect((await governor.tagsOf(arn))['governor:standing']).toBe('closed');
      expect(await governor.newNotices()).toContain(
        'tenant-closed: Bedrock budget tenant-monthly/unalerted is closed until 2026-11-30T23:00:00.000Z',
      );
    });
  });
});
