import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ledgerTable } from '../../aws/dynamodb/ledger-table.ts';
import { policyTable } from '../../aws/dynamodb/policy-table.ts';
import { profileIndexTable } from '../../aws/dynamodb/profile-index-table.ts';
import type { BudgetId } from '../../domain/budgets/budget-id.ts';
import { nanoUsd } from '../../domain/money.ts';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';
import { createGovernorTable, dynamoDbClient, TABLE } from '../aws/dynamodb/governor-table.ts';
import { LENDING_POLICY, LendingAccount, NOW, writing } from '../domain/lending/lending-account.ts';
import { InvokedLease } from './invoked-lease.ts';

describe('the function lease, by its URL', () => {
  let aws: EmbeddedAws;
  let lease: InvokedLease;
  beforeAll(async () => {
    aws = await startEmbeddedAws({ startAt: NOW });
    const dynamodb = dynamoDbClient(aws);
    await createGovernorTable(dynamodb);
    await policyTable(dynamodb, TABLE).apply(LENDING_POLICY);
    await profileIndexTable(dynamodb, TABLE).put(new LendingAccount().profile('a1', { tenant: 'acme' }));
    const limit = nanoUsd(1_000n);
    await ledgerTable(dynamodb, TABLE).provide({
      key: { budget: 'tenant-monthly/acme' as BudgetId, period: '2026-11' },
      startsAt: NOW,
      endsAt: (NOW + 1e9) as typeof NOW,
      terms: { limit, stopAt: limit, standing: 'open', version: 1 },
    });
    lease = new InvokedLease(aws, TABLE, {});
  });
  afterAll(() => aws.close());

  const requestBy = async (role: string, body: unknown) => {
    const userArn = `arn:aws:sts::123456789012:assumed-role/${role}/session`;
    const event = { requestContext: { authorizer: { iam: { userArn } } }, body: JSON.stringify(body) };
    const result = await lease.invoke('url', JSON.stringify(event));
    if (!('value' in result)) throw new Error(JSON.stringify(result.error));
    const { statusCode, body: text } = result.value as { statusCode: number; body: string };
    return { statusCode, body: JSON.parse(text) as unknown };
  };

  it('lends to the role that signed the request', async () => {
    expect(await requestBy('acme-app', writing())).toMatchObject({
      statusCode: 200,
      body: { protocol: 1, kind: 'landed', item: { leased: '100', committed: '100' } },
    });
  });

  it.each([
    ['a role that the policy does not name', 'beta-app', writing(), 'CallerUnknown'],
    ['another budget', 'acme-app', writing({ budget: 'tenant-monthly/beta' }), 'BudgetNotYours'],
    ['no request', 'acme-app', 'Lend me something', 'RequestInvalid'],
  ])('denies %s', async (_, role, body, code) => {
    expect(await requestBy(role, body)).toMatchObject({ statusCode: 403, body: { kind: 'denied', code } });
  });
});
