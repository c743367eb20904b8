import { leaseFunctionLedger } from '../../aws/lease-function.ts';
import { serialise } from '../../domain/lending/lease-json.ts';
import { lend } from '../../domain/lending/lend.ts';
import type { ProcessId } from '../../domain/spending/usage-record.ts';
import { policyOf } from '../domain/example-policy.ts';
import { ACME, LENDING_POLICY, LendingAccount } from '../domain/lending/lending-account.ts';
import { describeLeaseLedger } from './lease-ledger.contract.ts';
import { contractBudget, MOST_BUDGETS } from './lease-writes.ts';

/** An account in which every budget of the contract covers a profile of acme's. */
function contractAccount(): LendingAccount {
  const account = new LendingAccount(policyOf({ ...LENDING_POLICY, ledger: {} }));
  const budgets = Array.from({ length: MOST_BUDGETS }, (_, number) => ({
    id: contractBudget(number + 1),
    period: 'month' as const,
    timeZone: 'UTC',
  }));
  account.profile('a1', { tenant: 'acme' }, { budgets });
  return account;
}

const account = contractAccount();
const ledger = leaseFunctionLedger(
  async (request) => serialise(await lend(account.ports, ACME, JSON.parse(request))),
  'contracts-process' as ProcessId,
);
describeLeaseLedger('through the lease function, in memory', () => ({ ledger, governor: account.ledger }));
