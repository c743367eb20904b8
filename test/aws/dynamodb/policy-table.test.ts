import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { policyTable } from '../../../aws/dynamodb/policy-table.ts';
import { type EmbeddedAws, startEmbeddedAws } from '../../../local/embedded-aws.ts';
import { AwsFault } from '../../../local/service.ts';
import { policyDocument, policyOf } from '../../domain/example-policy.ts';
import { createGovernorTable, dynamoDbClient, TABLE } from './governor-table.ts';

describe('the policy in force', () => {
  let aws: EmbeddedAws;
  let table: ReturnType<typeof policyTable>;
  beforeEach(async () => {
    aws = await startEmbeddedAws();
    const client = dynamoDbClient(aws, 1);
    await createGovernorTable(client);
    table = policyTable(client, TABLE);
  });
  afterEach(() => aws.close());

  it('is the one applied last', async () => {
    await table.apply(policyDocument({ timeZone: 'UTC' }));
    await table.apply(policyDocument());
    expect(await table.current()).toEqual(policyOf());
  });

  it('is a fault that says what to do where none was applied', async () => {
    await expect(table.current()).rejects.toMatchObject({ code: 'NoPolicy', next: expect.stringContaining('Apply') });
  });

  it('is refused with every problem where this version cannot keep to it', async () => {
    await table.apply(policyDocument({ version: 2, timeZone: 'Mars/Olympus' }));
    await expect(table.current()).rejects.toMatchObject({
      code: 'PolicyInvalid',
      message: expect.stringMatching(/version.*timeZone|timeZone.*version/s),
    });
  });

  it('is not taken for none when it cannot be read', async () => {
    await table.apply(policyDocument());
    aws.intercept(({ operation }) =>
      operation === 'GetItem' ? new AwsFault('AccessDeniedException', 'No.') : undefined,
    );
    await expect(table.current()).rejects.toMatchObject({
      code: 'AccessDeniedException',
      doing: expect.stringMatching(/^reading the policy in table ./),
    });
  });

  it('is read consistently', async () => {
    await table.apply(policyDocument());
    let consistent: unknown;
    aws.intercept((_, input) => {
      consistent = input['ConsistentRead'];
      return undefined;
    });
    await table.current();
    expect(consistent).toBe(true);
  });
});
