import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BudgetId } from '../../../domain/budgets/budget-id.ts';
import { hearBudgetAlert } from '../../../domain/budgets/hear-alert.ts';
import { awsBudgetName } from '../../../domain/budgets/provisioning.ts';
import { epochMs } from '../../../domain/clock.ts';
import { nanoUsd } from '../../../domain/money.ts';
import { periodAt } from '../../../domain/period.ts';
import { governProfile } from '../../../domain/profiles/govern-profile.ts';
import { sweep } from '../../../domain/profiles/sweep.ts';
import type { OverrideChange } from '../../../domain/standing/override.ts';
import { overrideStanding } from '../../../domain/standing/override-standing.ts';
import { reopenEnded } from '../../../domain/standing/reopen-ended.ts';
import type { SignalId } from '../../../domain/standing/signal.ts';
import { budgetNamed, policyDocument, policyOf } from '../example-policy.ts';
import { GovernedAccount } from '../governed-account.ts';
import { anOverride } from './memory-evidence.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const ID = 'tenant-monthly/acme';
const POLICY = policyOf(
  policyDocument({
    budgets: [
      {
        name: 'tenant-monthly',
        per: 'tenant',
        limit: '20 USD',
        signals: { anomaly: 'throttle', holds: '24h' },
        thresholds: [
          { at: '80%', action: 'notify' },
          { at: '90%', action: 'throttle' },
          { at: '100%', action: 'disable' },
        ],
      },
    ],
  }),
);

type Step =
  | { readonly what: 'spend'; readonly dollars: number }
  | { readonly what: 'anomaly' }
  | { readonly what: 'operator'; readonly change: OverrideChange; readonly hours: number };
type Fate = 'heard' | 'lost' | 'twice' | 'late';

const change = fc.oneof(
  fc.constant<OverrideChange>({ kind: 'disable' }),
  fc.constant<OverrideChange>({ kind: 'enable' }),
  fc.constant<OverrideChange>({ kind: 'raise', amount: nanoUsd(4_000_000_000n) }),
);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ what: fc.constant('spend' as const), dollars: fc.nat({ max: 6 }) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('anomaly' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ what: fc.constant('operator' as const), change, hours: fc.integer({ min: 1, max: 900 }) }),
  },
);
interface Event {
  readonly step: Step;
  readonly fate: Fate;
  readonly days: number;
}
const story: fc.Arbitrary<Event[]> = fc.array(
  fc.record({
    step,
    fate: fc.constantFrom<Fate>('heard', 'lost', 'twice', 'late'),
    days: fc.integer({ min: 1, max: 9 }),
  }),
  { minLength: 10, maxLength: 30 },
);

/** What happens to the account: the same whatever becomes of the signals about it. */
async function happen(acme: GovernedAccount, { what, ...rest }: Step, index: number): Promise<void> {
  if (what === 'spend') {
    acme.spend(ID, 'dollars' in rest ? rest.dollars : 0);
  } else if (what === 'anomaly') {
    await acme.signals.keep({
      id: `anomaly-${index}` as SignalId,
      kind: 'anomaly',
      budget: ID as BudgetId,
      because: 'an anomaly',
      seenAt: acme.now,
      until: epochMs(acme.now + POLICY_HOLD_MS),
    });
  } else if ('change' in rest) {
    await overrideStanding(acme.ports, anOverride(acme, rest.change, rest.hours * HOUR));
  }
}
const POLICY_HOLD_MS = DAY;

async function live(steps: readonly Event[], fateOf: (fate: Fate) => Fate) {
  const acme = new GovernedAccount(POLICY, Date.UTC(2026, 9, 1, 10));
  const profile = acme.profile('a', { environment: 'prod', team: 'sales', tenant: 'acme' });
  await governProfile(acme.ports, profile);
  const name = awsBudgetName(budgetNamed(POLICY, ID), 'prod');
  const hear = () => hearBudgetAlert(acme.ports, name);
  const ends: unknown[] = [];
  let late = 0;
  for (const [index, { step: what, fate, days }] of steps.entries()) {
    await happen(acme, what, index);
    // AWS Budgets has not been refreshed since before the period turned: much money, of another month.
    const state = acme.awsBudgets.get(name);
    if (state !== undefined)
      acme.awsBudgets.set(name, {
        ...state,
        actual: nanoUsd(500_000_000_000n),
        updatedAt: epochMs(periodAt('month', 'UTC', acme.now).startsAt - HOUR),
      });
    const its = fateOf(fate);
    if (its === 'heard') await hear();
    if (its === 'twice') await Promise.all([hear(), hear()]);
    if (its === 'late') late++;
    // Whatever was lost, the sweep and the schedule come by.
    acme.wait(5 * 60_000);
    await reopenEnded(acme.ports);
    await sweep(acme.ports);
    if (late > 0 && index % 3 === 2) for (; late > 0; late--) await hear();
    ends.push(stateOf(acme, profile));
    acme.wait(days * DAY);
    await reopenEnded(acme.ports);
    await sweep(acme.ports);
    ends.push(stateOf(acme, profile));
  }
  return { ends, acme, profile };
}

function stateOf(acme: GovernedAccount, profile: Parameters<GovernedAccount['tagsOf']>[0]) {
  const entry = acme.entryOf(profile);
  return {
    at: new Date(acme.now).toISOString(),
    tag: acme.tagsOf(profile)?.['governor:standing'],
    index: entry.standing.state,
    ledger: acme.ledger.items
      .map(({ key, terms }) => `${key.period} ${terms.standing} ${terms.heldBy ?? ''} ${terms.raises?.length ?? 0}`)
      .sort(),
  };
}

describe('a quarter of signals', () => {
  it('ends each day as if every signal had come once and in time, whichever are late, lost or come twice', async () => {
    await fc.assert(
      fc.asyncProperty(story, async (steps) => {
        const told = await live(steps, () => 'heard');
        const mixed = await live(steps, (fate) => fate);
        expect(mixed.ends).toEqual(told.ends);
        // And people were told the same.
        expect([...mixed.acme.notices.keys()].map(withoutVersion).sort()).toEqual(
          [...told.acme.notices.keys()].map(withoutVersion).sort(),
        );
      }),
      { numRuns: 12 },
    );
  }, 120_000);

  it('has both locks agree after each sweep, and closes no period for what happened in another', async () => {
    await fc.assert(
      fc.asyncProperty(story, async (steps) => {
        const { ends, acme } = await live(steps, (fate) => fate);
        for (const end of ends as ReturnType<typeof stateOf>[]) {
          const current = end.ledger.find((line) => line.startsWith(end.at.slice(0, 7)));
          if (isNearTurn(end.at)) continue;
          expect(end.tag ?? 'open').toBe(current?.split(' ')[1]);
          expect(end.index).toBe(current?.split(' ')[1]);
        }
        for (const { terms, settled, unattributed } of acme.ledger.items) {
          expect(unattributed).toBe(0n);
          if (terms.standing === 'closed' && terms.heldBy === undefined) expect(settled >= terms.stopAt).toBe(true);
        }
      }),
      { numRuns: 12 },
    );
  }, 120_000);
});

/** Months of the example policy begin in Zurich, one or two hours before those of UTC. */
const isNearTurn = (at: string): boolean => /-(28|29|30|31)T2[123]/.test(at);

/** How many versions the terms have had depends on how often somebody looked; which occasion it was does not. */
const withoutVersion = (id: string): string => id.replace(/\|\d+$/, '');
