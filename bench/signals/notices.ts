import type { BudgetId } from '../../domain/budgets/budget-id.ts';
import { hearBudgetAlert } from '../../domain/budgets/hear-alert.ts';
import { awsBudgetName } from '../../domain/budgets/provisioning.ts';
import { epochMs } from '../../domain/clock.ts';
import { nanoUsd } from '../../domain/money.ts';
import { deliveryOf } from '../../domain/outbox.ts';
import { governProfile } from '../../domain/profiles/govern-profile.ts';
import { sweep } from '../../domain/profiles/sweep.ts';
import type { Notice } from '../../domain/standing/notice.ts';
import type { OverrideId } from '../../domain/standing/override.ts';
import { overrideStanding } from '../../domain/standing/override-standing.ts';
import { reopenEnded } from '../../domain/standing/reopen-ended.ts';
import { sendNotices } from '../../domain/standing/send-notices.ts';
import { budgetNamed, policyDocument, policyOf } from '../../test/domain/example-policy.ts';
import { GovernedAccount } from '../../test/domain/governed-account.ts';
import { seeded } from '../simulation/random.ts';

const START = Date.parse('2026-11-10T08:00:00Z');
const TENANTS = 40;
const STEP_MS = 300_000;
/** One in so many hours SNS takes nothing. */
const OUTAGE_OF_HOURS = 4;

/** How often people were told of each occasion that there was: the fewest times and the most. */
export interface Told {
  readonly fewest: number;
  readonly most: number;
  readonly occasions: number;
}

/**
 * Tenants cross 80 % and their limit, are raised, use that up as well, and begin anew in December. Every alert comes
 * twice at the same moment and again late, in another order; SNS is down for an hour now and then; two senders run.
 */
export async function noticesTold(seed: number): Promise<Told> {
  const random = seeded(seed);
  const account = new GovernedAccount(
    policyOf(
      policyDocument({
        budgets: [
          {
            name: 'all',
            per: 'tenant',
            limit: '10 USD',
            thresholds: [
              { at: '80%', action: 'notify' },
              { at: '100%', action: 'disable' },
            ],
          },
        ],
      }),
    ),
    START,
  );
  const published: Notice[] = [];
  const expected = new Map<string, number>();
  const expect = (tenant: string, kind: Notice['kind']): void => {
    const occasion = `${kind} all/${tenant}`;
    expected.set(occasion, (expected.get(occasion) ?? 0) + 1);
  };
  const late: string[] = [];
  const publish = async (notice: Notice): Promise<void> => {
    if (Math.floor(account.now / 3_600_000) % OUTAGE_OF_HOURS === 0) throw new Error('SNS is down');
    published.push(notice);
  };
  const delivery = deliveryOf('notices', account.notices, publish, ({ kind }) => kind);
  const send = () => sendNotices({ deliveries: [delivery], journal: account.ports.journal });
  const hear = async (tenant: string): Promise<void> => {
    const name = awsBudgetName(budgetNamed(account.policy, `all/${tenant}`), 'prod');
    await Promise.all([hearBudgetAlert(account.ports, name), hearBudgetAlert(account.ports, name)]);
    late.push(tenant);
  };
  const tenants = Array.from({ length: TENANTS }, (_, index) => `t${index}`);
  for (const tenant of tenants)
    await governProfile(account.ports, account.profile(tenant, { environment: 'prod', team: 'sales', tenant }));

  /** A quarter of an hour in which the sweep comes by, late alerts are heard in another order, and notices are sent. */
  const pass = async (): Promise<void> => {
    for (let step = 0; step < 3; step++) {
      account.wait(STEP_MS);
      for (const tenant of late.splice(0, Math.floor(random() * late.length)).sort(() => random() - 0.5)) {
        const name = awsBudgetName(budgetNamed(account.policy, `all/${tenant}`), 'prod');
        await hearBudgetAlert(account.ports, name);
      }
      await reopenEnded(account.ports);
      await sweep(account.ports);
      await Promise.all([send(), send()]);
    }
  };
  const raise = async (tenant: string): Promise<void> => {
    const outcome = await overrideStanding(account.ports, {
      id: `${tenant}-${account.now}` as OverrideId,
      target: { kind: 'budget', budget: `all/${tenant}` as BudgetId },
      change: { kind: 'raise', amount: nanoUsd(5_000_000_000n) },
      reason: 'the benchmark',
      author: 'the benchmark',
      madeAt: account.now,
      until: epochMs(account.now + 24 * 3_600_000),
    });
    if (outcome.kind !== 'applied') throw new Error(`the raise was not applied: ${outcome.kind}`);
  };

  for (const month of ['2026-11', '2026-12']) {
    for (const [index, tenant] of tenants.entries()) {
      account.spend(`all/${tenant}`, 8.5);
      expect(tenant, 'threshold-crossed');
      await hear(tenant);
      if (index % 10 === 9) await pass();
      account.spend(`all/${tenant}`, 1.5);
      expect(tenant, 'tenant-closed');
      await hear(tenant);
      if (index % 2 === 0) {
        await raise(tenant);
        expect(tenant, 'tenant-reopened');
        account.spend(`all/${tenant}`, 5);
        expect(tenant, 'tenant-closed');
        await hear(tenant);
      }
      if (index % 8 === 7) await pass();
    }
    // Long enough for an hour without SNS to be over.
    for (let quarter = 0; quarter < 8; quarter++) await pass();
    if (month === '2026-11') {
      account.moveTo('2026-11-30T23:00:30Z');
      for (const tenant of tenants) expect(tenant, 'tenant-reopened');
      for (let quarter = 0; quarter < 8; quarter++) await pass();
    }
  }
  return countOf(published, expected);
}

/** An occasion is an id; of each kind and budget there are as many as the story had. */
function countOf(published: readonly Notice[], expected: ReadonlyMap<string, number>): Told {
  const times = new Map<string, number>();
  const ids = new Map<string, Set<string>>();
  for (const { id, kind, budget } of published) {
    times.set(id, (times.get(id) ?? 0) + 1);
    const occasion = `${kind} ${budget}`;
    ids.set(occasion, (ids.get(occasion) ?? new Set()).add(id));
  }
  let fewest = Math.min(...times.values());
  let most = Math.max(...times.values());
  let occasions = 0;
  for (const [occasion, count] of expected) {
    const told = ids.get(occasion)?.size ?? 0;
    occasions += count;
    if (told < count) fewest = 0;
    // One occasion that was told under two names was told twice.
    if (told > count) most = Math.max(most, 2);
  }
  for (const occasion of ids.keys()) if (!expected.has(occasion)) most = Math.max(most, 2);
  return { fewest, most, occasions };
}
