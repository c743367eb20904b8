import { describe, expect, it } from 'vitest';
import type { BudgetId } from '../../../domain/budgets/budget-id.ts';
import { budgetOf, budgetsCovering, tenantOf } from '../../../domain/budgets/definition.ts';
import { NANO_PER_USD } from '../../../domain/money.ts';
import { budgetNamed, policyDocument, policyOf } from '../example-policy.ts';

const policy = policyOf();
const idsCovering = (tags: Record<string, string>) => budgetsCovering(policy, tags).map(({ id }) => id);

describe('budgetsCovering', () => {
  it('makes a budget of a template for the value of its tag, and adds those whose selector matches', () => {
    expect(idsCovering({ tenant: 'acme', team: 'sales', environment: 'prod' })).toEqual(['tenant-monthly/acme']);
    expect(idsCovering({ tenant: 'acme', team: 'support', environment: 'staging' })).toEqual([
      'tenant-monthly/acme',
      'support-chat',
    ]);
    expect(idsCovering({ tenant: 'acme', team: 'support', environment: 'dev' })).toEqual(['tenant-monthly/acme']);
  });

  it('makes none of a tag that is missing, empty or inherited', () => {
    expect(idsCovering({})).toEqual([]);
    expect(idsCovering({ tenant: '' })).toEqual([]);
    const byConstructor = policyOf(
      policyDocument({
        tenantTag: 'constructor',
        tags: { required: { constructor: {} } },
        budgets: [{ name: 'a', per: 'constructor', limit: '1 USD' }],
      }),
    );
    expect(budgetsCovering(byConstructor, {})).toEqual([]);
  });

  it('gives a value its own limit where the policy names one, and no value an inherited one', () => {
    const limitOf = (tenant: string) => budgetsCovering(policy, { tenant })[0]?.limit;
    expect(limitOf('lakeside')).toBe(5n * NANO_PER_USD);
    expect(limitOf('acme')).toBe(20n * NANO_PER_USD);
    expect(limitOf('constructor')).toBe(20n * NANO_PER_USD);
    expect(limitOf('__proto__')).toBe(20n * NANO_PER_USD);
  });

  it('lets a template narrow its values by a selector', () => {
    const narrow = policyOf(
      policyDocument({ budgets: [{ name: 'a', per: 'tenant', selector: { environment: 'prod' }, limit: '1 USD' }] }),
    );
    expect(budgetsCovering(narrow, { tenant: 'acme', environment: 'dev' })).toEqual([]);
    expect(budgetsCovering(narrow, { tenant: 'acme', environment: 'prod' })[0]?.selector).toEqual({
      environment: ['prod'],
      tenant: ['acme'],
    });
  });
});

describe('budgetOf', () => {
  it.each(['tenant-monthly/acme', 'tenant-monthly/a/b', 'tenant-monthly/constructor', 'support-chat'])(
    'finds again what %s names',
    (id) => {
      expect(budgetNamed(policy, id).id).toBe(id);
    },
  );

  it.each(['', '/', 'tenant-monthly', 'tenant-monthly/', 'support-chat/acme', 'constructor', 'other/acme', '/acme'])(
    'finds nothing by %j',
    (id) => {
      expect(budgetOf(policy, id as BudgetId)).toBeUndefined();
    },
  );
});

describe('stopAt', () => {
  const stopAt = (...thresholds: unknown[]) =>
    budgetNamed(policyOf(policyDocument({ budgets: [{ name: 'a', selector: {}, limit: '20 USD', thresholds }] })), 'a')
      .stopAt;

  it('is the lowest disabling threshold, whatever else the policy tells', () => {
    expect(
      stopAt({ at: '50%', action: 'notify' }, { at: '110%', action: 'disable' }, { at: '90.5%', action: 'disable' }),
    ).toBe(18_100_000_000n);
  });
  it('is the limit where nothing disables', () => {
    expect(stopAt()).toBe(20_000_000_000n);
    expect(stopAt({ at: '50%', action: 'notify' })).toBe(20_000_000_000n);
  });
  it('is the least amount that reaches the threshold, so that a budget is closed where its money ends', () => {
    const budget = budgetNamed(
      policyOf(
        policyDocument({
          budgets: [
            { name: 'a', selector: {}, limit: '0.000000003 USD', thresholds: [{ at: '50%', action: 'disable' }] },
          ],
        }),
      ),
      'a',
    );
    expect(budget.stopAt).toBe(2n);
  });
  it('may lie above the limit', () => {
    expect(stopAt({ at: '110%', action: 'disable' })).toBe(22_000_000_000n);
  });
});

describe('tenantOf', () => {
  it('is the one value that a budget fixes for the tenant tag', () => {
    expect(tenantOf(policy, budgetNamed(policy, 'tenant-monthly/acme'))).toBe('acme');
    expect(tenantOf(policy, budgetNamed(policy, 'support-chat'))).toBeUndefined();
  });
  it('is nobody where a budget covers several tenants', () => {
    const shared = policyOf(
      policyDocument({ budgets: [{ name: 'a', selector: { tenant: ['acme', 'lakeside'] }, limit: '1 USD' }] }),
    );
    expect(tenantOf(shared, budgetNamed(shared, 'a'))).toBeUndefined();
  });
});
