import { BedrockClient, TagResourceCommand, UntagResourceCommand } from '@aws-sdk/client-bedrock';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { epochMs } from '../../domain/clock.ts';
import { nanoUsd } from '../../domain/money.ts';
import type { IndexEntry } from '../../domain/profiles/profile-index.ts';
import type { Standing } from '../../domain/standing/standing.ts';
import { clientConfig } from '../aws/client-config.ts';
import { clientConfig as principalConfig, registerAcme } from '../wire/policed-principal.ts';
import { converse, figures, GovernedAws, refusalOf } from './governed-aws.ts';

let account: GovernedAws;
beforeEach(async () => {
  account = await GovernedAws.start();
});
afterEach(() => account.close());

/** A process whose role carries the guard: whatever the helper admits, IAM denies on the tag. */
function guarded(entry: IndexEntry) {
  registerAcme(
    account.aws,
    { Effect: 'Allow', Action: ['bedrock:InvokeModel'], Resource: '*' },
    {
      Effect: 'Deny',
      Action: ['bedrock:InvokeModel'],
      Resource: '*',
      Condition: { StringEquals: { 'aws:ResourceTag/governor:standing': ['closed', 'quarantined'] } },
    },
  );
  const client = account.runtime(account.governor(), principalConfig(account.aws, 'ACME'));
  const bedrock = new BedrockClient(clientConfig(account.aws));
  return {
    call: () => client.send(converse()),
    close: () =>
      bedrock.send(
        new TagResourceCommand({ resourceARN: entry.arn, tags: [{ key: 'governor:standing', value: 'closed' }] }),
      ),
    open: () => bedrock.send(new UntagResourceCommand({ resourceARN: entry.arn, tagKeys: ['governor:standing'] })),
  };
}

const closed = (budget: IndexEntry['budgets'][number], until: number): Standing => ({
  state: 'closed',
  reasons: [
    {
      kind: 'budget-used-up',
      budget: budget.id,
      period: '2026-10',
      spent: nanoUsd(1n),
      limit: nanoUsd(1n),
      until: epochMs(until),
    },
  ],
});

it('a call that the ledger admits and the tag still denies is refused with StandingLag, and costs nothing', async () => {
  const budget = await account.budget('tenant-monthly/acme', 1_000_000_000);
  const entry = await account.profile({ budgets: [budget], entry: { standing: closed(budget, account.now) } });
  const { call, close, open } = guarded(entry);
  await close();
  const refusal = await refusalOf(call());
  expect(refusal).toMatchObject({ code: 'StandingLag', cause: { name: 'AccessDeniedException' } });
  expect(refusal.details.retryAfter?.getTime()).toBeGreaterThan(account.now);
  // Turned away by AWS: asked once, and nothing is held for it.
  expect(account.reached).toHaveLength(1);
  expect(figures(await account.item(budget))).toMatchObject({ settled: 0, unconfirmed: 0 });
  await open();
  await call();
  expect(account.reached).toHaveLength(2);
});

it('a deny that is not the standing’s is passed on as it came', async () => {
  const budget = await account.budget('tenant-monthly/acme', 1_000_000_000);
  const { call, close } = guarded(await account.profile({ budgets: [budget] }));
  await close();
  await expect(call()).rejects.toMatchObject({ name: 'AccessDeniedException' });
});

it('a missing permission is no lag, whatever the index says', async () => {
  const budget = await account.budget('tenant-monthly/acme', 1_000_000_000);
  const { call } = guarded(
    await account.profile({ budgets: [budget], entry: { standing: closed(budget, account.now) } }),
  );
  registerAcme(account.aws, { Effect: 'Allow', Action: ['bedrock:ListInferenceProfiles'], Resource: '*' });
  await expect(call()).rejects.toMatchObject({ name: 'AccessDeniedException' });
});

it('a refusal of a budget that an operator has closed says until when', async () => {
  const budget = await account.budget('tenant-monthly/acme', 1_000_000_000);
  const until = epochMs(account.now + 3_600_000);
  await account.changeTerms(budget, {
    standing: 'closed',
    heldBy: 'operator',
    standingUntil: until,
    reason: 'an operator has closed it: an invoice is disputed',
  });
  const { call } = guarded(await account.profile({ budgets: [budget] }));
  const refusal = await refusalOf(call());
  expect(refusal).toMatchObject({ code: 'BudgetClosed', details: { retryAfter: new Date(until) } });
  expect(refusal.message).toContain('an invoice is disputed');
  expect(refusal.message).toContain(`It opens again at ${new Date(until).toISOString()}.`);
});
