import type { BudgetId } from '../../domain/budgets/budget-id.ts';
import type { Budget } from '../../domain/budgets/definition.ts';
import { budgetOf } from '../../domain/budgets/definition.ts';
import { type Policy, readPolicy } from '../../domain/policy/policy.ts';

/** A valid policy document, as a YAML parser gives it; `changes` replace top-level sections. */
export const policyDocument = (changes: Record<string, unknown> = {}): Record<string, unknown> => ({
  version: 1,
  timeZone: 'Europe/Zurich',
  regions: ['us-east-1', 'eu-central-1'],
  tenantTag: 'tenant',
  tags: {
    required: {
      tenant: { pattern: '^[a-z][a-z0-9-]*$' },
      environment: { values: ['prod', 'staging', 'dev'], default: 'dev' },
      team: null,
    },
    optional: { owner: {} },
  },
  budgets: [
    {
      name: 'tenant-monthly',
      per: 'tenant',
      limit: '20 USD',
      limits: { lakeside: '5 USD' },
      thresholds: [
        { at: '80%', action: 'notify' },
        { at: '100%', on: 'forecast', action: 'notify' },
        { at: '100%', action: 'disable' },
      ],
    },
    {
      name: 'support-chat',
      selector: { team: 'support', environment: ['prod', 'staging'] },
      limit: '10,000 USD',
      period: 'quarter',
      thresholds: [{ at: '50%', action: 'notify' }],
    },
  ],
  ...changes,
});

export function policyOf(document: unknown = policyDocument()): Policy {
  const reading = readPolicy(document);
  if (reading.kind === 'valid') return reading.policy;
  throw new Error(reading.problems.map(({ place, message }) => `${place}: ${message}`).join('\n'));
}

export function budgetNamed(policy: Policy, id: string): Budget {
  const budget = budgetOf(policy, id as BudgetId);
  if (budget === undefined) throw new Error(`the policy has no budget ${id}`);
  return budget;
}
