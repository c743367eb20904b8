import { beforeEach, describe, expect, it } from 'vitest';
import { Fault } from '../../../domain/fault.ts';
import { answerInvocation } from '../../../domain/lending/answer-invocation.ts';
import { LendingAccount, writing } from './lending-account.ts';

const ARN = 'arn:aws:lambda:us-east-1:123456789012:function:bedrock-cost-governor-prod-lease:tenant-acme';

describe('an answer where the table tells nothing of who may borrow', () => {
  let account: LendingAccount;
  beforeEach(() => {
    account = new LendingAccount();
  });
  const askWhere = async (code: string) => {
    const fault = new Fault(code, { doing: 'reading the policy', problem: 'it is so', next: 'Do this.' });
    return await answerInvocation({ ...account.ports, facts: () => Promise.reject(fault) }, ARN, writing());
  };

  it.each(['TableRestored', 'NewerSchema'])(
    'is a denial with %s: no outage, for which the policy may pay',
    async (code) => {
      expect(await askWhere(code)).toMatchObject({ answer: { kind: 'denied', code, message: 'Do this.' } });
      expect(account.counted).toMatchObject([{ metric: 'LendingDenied', facts: { caller: ARN, code } }]);
    },
  );

  it('is none where the table cannot be reached', async () => {
    await expect(askWhere('ThrottlingException')).rejects.toMatchObject({ code: 'ThrottlingException' });
  });
});
