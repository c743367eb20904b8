import { TagResourceCommand } from '@aws-sdk/client-bedrock';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { GovernorRefusal } from '../../invoke/index.ts';
import type { Interference } from '../../local/interceptors.ts';
import { AwsFault, type Call } from '../../local/service.ts';
import { DeployedGovernor, NOVA_PRO } from './deployed-governor.ts';

const MINUTE_MS = 60_000;
const PERIOD = '2026-11';
/** Longer than a notice stays claimed by a sender that failed. */
const CLAIM_IS_OVER_MS = 2 * MINUTE_MS;

const tagsFor = (tenant: string) => ({
  dept: 'claims',
  team: 'intake',
  app: 'triage',
  tenant,
  environment: 'prod',
  costcenter: 'cc-1042',
});

const isGovernor = (call: Call): boolean => call.principal.arn.includes(':assumed-role/');

describe('faults of AWS', () => {
  let governor: DeployedGovernor;
  let heal = () => {};

  beforeAll(async () => {
    governor = await DeployedGovernor.start('2026-11-10T09:01:00Z');
    // The sweep runs where a test says so: otherwise it would mend what the event should have.
    await governor.stopSweeping();
  });

  afterEach(() => heal());

  afterAll(async () => {
    await governor.close();
  });

  /** Until it is healed, the governor's calls of an operation end like this. @returns how many there were */
  const breakOperation = (service: string, operation: RegExp, interference: Interference): { count: number } => {
    const calls = { count: 0 };
    const repair = governor.aws.intercept((call) => {
      if (!isGovernor(call) || call.service !== service || !operation.test(call.operation)) return undefined;
      calls.count++;
      return interference;
    });
    heal = () => {
      repair();
      heal = () => {};
    };
    return calls;
  };

  const create = async (name: string, tags: Record<string, string>) => {
    const arn = await governor.createProfile(name, governor.foundationModel(NOVA_PRO), tags);
    await governor.aws.settled();
    return arn;
  };

  describe('tags that cannot be read', () => {
    const THROTTLED = new AwsFault('ThrottlingException', 'Too many requests, please wait.', 429);
    const DENIED = new AwsFault('AccessDeniedException', 'User is not authorized to perform this action.', 403);

    it.each([
      ['throttled', THROTTLED],
      ['denied', DENIED],
    ])('are not taken for missing tags while the read is %s, and the event is handled later', async (how, fault) => {
      const name = `unread-${how}`;
      const tags = { ...tagsFor(name), costcenter: 'cc-7777' };
      const calls = breakOperation('bedrock', /^ListTagsForResource$/, fault);
      const arn = await create(name, tags);
      expect(calls.count).toBeGreaterThan(0);
      expect(await governor.tagsOf(arn)).toEqual(tags);
      expect(await governor.indexEntry(arn)).toBeUndefined();
      expect(await governor.newNotices()).toEqual([]);

      heal();
      await governor.aws.clock.advance(MINUTE_MS);
      await governor.aws.settled();
      expect(await governor.tagsOf(arn)).toEqual(tags);
      expect(await governor.indexEntry(arn)).toMatchObject({ standing: { state: 'open' }, tags });
      expect(await governor.newNotices()).toEqual([]);
    });

    it('leave a governed profile as it was, and the sweep goes on with the others', async () => {
      const tags = tagsFor('unread-later');
      const unread = await create('unread-later', tags);
      const entry = await governor.indexEntry(unread);
      const calls = { count: 0 };
      const repair = governor.aws.intercept((call, input) => {
        if (!isGovernor(call) || call.operation !== 'ListTagsForResource' || input['resourceARN'] !== unread)
          return undefined;
        calls.count++;
        return DENIED;
      });
      const other = await governor.withoutEvents(() =>
        create('read-meanwhile', { ...tagsFor('read-meanwhile'), dept: 'marketing' }),
      );
      // What the tags are in bulk is suspicious, so that they must be read singly.
      const retagged = { ...tags, dept: 'marketing' };
      await governor.withoutEvents(() =>
        governor.bedrock.send(
          new TagResourceCommand({ resourceARN: unread, tags: [{ key: 'dept', value: 'marketing' }] }),
        ),
      );
      const report = await governor.sweep();
      expect(calls.count).toBeGreaterThan(0);
      expect(report.failed).toEqual([unread]);
      expect(await governor.tagsOf(unread)).toEqual(retagged);
      expect(await governor.indexEntry(unread)).toEqual(entry);
      expect((await governor.tagsOf(other))['governor:standing']).toBe('quarantined');
      expect(await governor.newNotices()).toEqual([
        'profile-quarantined: Bedrock profile read-meanwhile is quarantined',
      ]);
      repair();
      expect((await governor.sweep()).failed).toEqual([]);
      expect((await governor.tagsOf(unread))['governor:standing']).toBe('quarantined');
      await governor.newNotices();
    });

    it('end no index entry when the profile cannot be listed or read', async () => {
      const arn = await create('unlisted', tagsFor('unlisted'));
      await governor.sweep();
      const entry = await governor.indexEntry(arn);
      breakOperation('bedrock', /^(ListInferenceProfiles|GetInferenceProfile)$/, DENIED);
      const report = await governor.sweep();
      expect(report.failed).toEqual(['the profiles of us-east-1']);
      expect(report.ended).toBe(0);
      expect(await governor.indexEntry(arn)).toEqual(entry);
    });
  });

  describe('answers of the ledger that are lost after the write has landed', () => {
    /** Loses the answers of a tenant's ledger writes whose numbers, from 0, are given. */
    const loseAnswers = (accessKeyId: string, ...numbers: readonly number[]) => {
      const writes = { count: 0 };
      const repair = governor.aws.intercept({
        after: (call) => {
          if (call.principal.accessKeyId !== accessKeyId || call.operation !== 'UpdateItem') return undefined;
          return numbers.includes(writes.count++) ? 'no-answer' : undefined;
        },
      });
      heal = () => {
        repair();
        heal = () => {};
      };
      return writes;
    };

    const clientFor = (accessKeyId: string, maxAttempts: number) =>
      new DynamoDBClient({
        endpoint: governor.aws.endpoint,
        region: governor.aws.homeRegion,
        credentials: { accessKeyId, secretAccessKey: 'not-verified' },
        maxAttempts,
      });

    it.each([
      ['the SDK repeats the write', 3],
      ['the helper repeats the write', 1],
    ])('count nothing twice and lose nothing where %s', async (_, maxAttempts) => {
      const tenantName = `lossy-${maxAttempts}`;
      const arn = await create(tenantName, tagsFor(tenantName));
      const dynamodb = clientFor(tenantName, maxAttempts);
      const writes = loseAnswers(tenantName, 0, 1, 3, 4);
      const tenant = governor.tenant({ tenant: tenantName }, { dynamodb, maxWaitMs: 0, leaseSeconds: 10 });
      let refused = 0;
      for (let call = 0; call < 12; call++) {
        try {
          await tenant.call(NOVA_PRO, 'claim '.repeat(50_000), 10_000);
        } catch (error) {
          if (!(error instanceof GovernorRefusal) || error.code !== 'LedgerUnavailable') throw error;
          refused++;
        }
        // Past half of the lease, so that each call has it renewed.
        await governor.aws.clock.advance(6_000);
      }
      heal();
      await tenant.close();

      // All four answers were lost.
      expect(writes.count).toBeGreaterThan(4);
      expect(refused).toBeLessThan(12);
      const billed = governor.billed(arn);
      expect(billed).toBeGreaterThan(0n);
      const item = await governor.ledger(`tenant-monthly/${tenantName}`, PERIOD);
      expect(item).toMatchObject({ settled: billed, committed: billed, leased: 0n, unconfirmed: 0n, unattributed: 0n });
    });

    it('count a governor that could not learn whether its change of terms landed as one change', async () => {
      const arn = await create('lost-terms', { ...tagsFor('lakeside'), app: 'lost' });
      const tenant = governor.tenant({ tenant: 'lakeside', app: 'lost' }, { maxWaitMs: 0 });
      for (let isOver = false; !isOver; ) {
        const error = await tenant.call(NOVA_PRO, 'claim '.repeat(30_000), 10_000).catch((reason: unknown) => reason);
        isOver = error instanceof GovernorRefusal;
      }
      await tenant.close();
      await governor.newNotices();
      // Nothing was granted for a lease term: nobody pays for calls any more.
      await governor.aws.clock.advance(120_000);

      let lost = 0;
      const repair = governor.aws.intercept({
        after: (call, input) => {
          const changesTerms = String(input['UpdateExpression']).includes('termsVersion = :version');
          if (!isGovernor(call) || call.operation !== 'UpdateItem' || !changesTerms || lost > 0) return undefined;
          lost++;
          return 'no-answer';
        },
      });
      await governor.sweep();
      await governor.sweep();
      repair();

      expect(lost).toBe(1);
      expect(await governor.ledger('tenant-monthly/lakeside', PERIOD)).toMatchObject({
        standing: 'closed',
        termsVersion: 2n,
      });
      expect((await governor.tagsOf(arn))['governor:standing']).toBe('closed');
      expect((await governor.newNotices()).filter((notice) => notice.startsWith('tenant-closed'))).toHaveLength(1);
    });
  });

  describe('a call whose fate is unknown', () => {
    it('keeps its most possible cost as unconfirmed, and is billed within it', async () => {
      const arn = await create('broken-call', tagsFor('broken-call'));
      const repair = governor.aws.intercept({
        after: (call) => (call.operation === 'Converse' ? 'no-answer' : undefined),
      });
      const tenant = governor.tenant({ tenant: 'broken-call' });
      await expect(tenant.call(NOVA_PRO, 'claim '.repeat(100), 100)).rejects.toThrow();
      repair();
      await tenant.call(NOVA_PRO, 'claim '.repeat(100), 100);
      await tenant.close();
      const [lost, answered] = governor.aws.billing.filter(({ profileArn }) => profileArn === arn);
      const item = await governor.ledger('tenant-monthly/broken-call', PERIOD);
      expect(item).toMatchObject({ settled: answered?.costNanoUsd, leased: 0n });
      expect(item?.unconfirmed).toBeGreaterThanOrEqual(lost?.costNanoUsd ?? 0n);
      expect(item?.committed).toBe((item?.settled ?? 0n) + (item?.unconfirmed ?? 0n));
    });

    it('costs nothing where Bedrock turned it away', async () => {
      const arn = await create('turned-away', tagsFor('turned-away'));
      const repair = governor.aws.intercept((call) =>
        call.operation === 'Converse' ? new AwsFault('ThrottlingException', 'Too many tokens.', 429) : undefined,
      );
      const tenant = governor.tenant({ tenant: 'turned-away' });
      await expect(tenant.call(NOVA_PRO, 'claim')).rejects.toMatchObject({ name: 'ThrottlingException' });
      repair();
      await tenant.close();
      expect(governor.billed(arn)).toBe(0n);
      expect(await governor.ledger('tenant-monthly/turned-away', PERIOD)).toMatchObject({ committed: 0n });
    });
  });

  describe('SNS that is down', () => {
    it('delays a notice and does not lose it, nor the quarantine that it tells of', async () => {
      await governor.newNotices();
      const calls = breakOperation('sns', /^Publish$/, new AwsFault('InternalError', 'Internal error.', 500));
      const arn = await create('untold', { ...tagsFor('untold'), dept: 'marketing' });
      expect(calls.count).toBeGreaterThan(0);
      expect((await governor.tagsOf(arn))['governor:standing']).toBe('quarantined');
      expect(await governor.newNotices()).toEqual([]);

      heal();
      await governor.aws.clock.advance(CLAIM_IS_OVER_MS);
      await governor.sweep();
      await governor.sweep();
      expect(await governor.newNotices()).toEqual(['profile-quarantined: Bedrock profile untold is quarantined']);
    });

    it('does not tell twice of what was corrected meanwhile, and tells both that it was wrong and that it is right', async () => {
      breakOperation('sns', /^Publish$/, 'no-answer');
      const arn = await create('corrected-untold', { ...tagsFor('corrected-untold'), dept: 'marketing' });
      await governor.bedrock.send(
        new TagResourceCommand({ resourceARN: arn, tags: [{ key: 'dept', value: 'claims' }] }),
      );
      await governor.aws.settled();
      expect(await governor.tagsOf(arn)).toEqual(tagsFor('corrected-untold'));
      heal();
      await governor.aws.clock.advance(CLAIM_IS_OVER_MS);
      await governor.sweep();
      expect(await governor.newNotices()).toEqual([
        'profile-quarantined: Bedrock profile corrected-untold is quarantined',
        'profile-released: Bedrock profile corrected-untold is released',
      ]);
    });
  });

  describe('AWS Budgets that is down', () => {
    it('keeps no profile ungoverned, and a later sweep provisions the budget', async () => {
      const calls = breakOperation('budgets', /./, new AwsFault('InternalErrorException', 'An error occurred.', 500));
      const arn = await create('unbudgeted', { ...tagsFor('unbudgeted'), team: 'lab' });
      expect(calls.count).toBeGreaterThan(0);
      expect(await governor.indexEntry(arn)).toMatchObject({
        standing: { state: 'open' },
        budgets: [{ id: 'tenant-monthly/unbudgeted' }],
      });
      expect(await governor.ledger('tenant-monthly/unbudgeted', PERIOD)).toMatchObject({ standing: 'open' });
      const tenant = governor.tenant({ tenant: 'unbudgeted' });
      await tenant.call(NOVA_PRO, 'claim');
      await tenant.close();

      heal();
      expect(await governor.awsBudget('governor/dev/tenant-monthly/unbudgeted')).toBeUndefined();
      await governor.sweep();
      expect(await governor.awsBudget('governor/dev/tenant-monthly/unbudgeted')).toMatchObject({ limitUsd: 20 });
    });
  });

  describe('Bedrock that takes no tags', () => {
    it('still refuses a violating profile in the helper, and the sweep tags it later', async () => {
      breakOperation('bedrock', /^TagResource$/, new AwsFault('InternalServerException', 'Internal error.', 500));
      const arn = await create('untagged', { ...tagsFor('untagged'), dept: 'marketing' });
      const tenant = governor.tenant({ tenant: 'untagged' });
      await expect(tenant.call(NOVA_PRO, 'claim')).rejects.toMatchObject({ code: 'ProfileQuarantined' });
      await tenant.close();
      expect((await governor.tagsOf(arn))['governor:standing']).toBeUndefined();
      heal();
      await governor.sweep();
      expect((await governor.tagsOf(arn))['governor:standing']).toBe('quarantined');
      expect(await governor.newNotices()).toEqual(['profile-quarantined: Bedrock profile untagged is quarantined']);
    });
  });
});
