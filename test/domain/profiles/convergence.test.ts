import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { governProfile } from '../../../domain/profiles/govern-profile.ts';
import type { ProfileArn } from '../../../domain/profiles/profile-arn.ts';
import { sweep } from '../../../domain/profiles/sweep.ts';
import { GovernedAccount, PortFailure, profileArn } from '../governed-account.ts';

const IDS = ['a', 'b', 'c', 'd', 'e', 'f'];
const BUDGET = 'tenant-monthly/acme';
const ARNS = IDS.map((id) => profileArn(id));

const tags = fc.record(
  {
    tenant: fc.constantFrom('acme', 'lakeside', 'Not allowed'),
    environment: fc.constantFrom('prod', 'dev', 'play'),
    team: fc.constantFrom('sales', 'support'),
    note: fc.constantFrom('x', 'y'),
  },
  { requiredKeys: [] },
);
const target = fc.constantFrom(...IDS);
const action = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('tag' as const), id: target, tags }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const), id: target }) },
  /** The event of an earlier action: any of them, so late, out of order or once more; those that never come are lost. */
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('event' as const), id: target, failsAt: fc.option(fc.nat(12)) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('sweep' as const), failsAt: fc.option(fc.nat(60)) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('spend' as const), usd: fc.constantFrom(3, 9, 21) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('bulk lags' as const), id: target }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('time' as const), hours: fc.integer({ min: 1, max: 30 }) }) },
);
type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;

/** @returns the tags that users have written last, of the profiles that are there */
async function play(
  account: GovernedAccount,
  actions: readonly Action[],
): Promise<Map<ProfileArn, Map<string, string>>> {
  const written = new Map<ProfileArn, Map<string, string>>();
  const run = async (failsAt: number | null | undefined, work: () => Promise<unknown>): Promise<void> => {
    account.calls = 0;
    // A throttle, or the end of the process: before the request did anything, or after, when its answer is lost.
    account.crash = failsAt == null ? undefined : { at: failsAt, when: failsAt % 2 === 0 ? 'before' : 'after' };
    await work().catch((error: unknown) => {
      if (!(error instanceof PortFailure)) throw error;
    });
    account.crash = undefined;
  };
  for (const step of actions) {
    const arn = 'id' in step ? profileArn(step.id) : undefined;
    if (step.kind === 'tag' && arn !== undefined) {
      const standing = account.tagsOf(arn)?.['governor:standing'];
      const own = Object.fromEntries(
        Object.entries(step.tags).flatMap(([key, value]) => (value ? [[key, value]] : [])),
      );
      account.profile(step.id, { ...own, ...(standing === undefined ? {} : { 'governor:standing': standing }) });
      written.set(arn, new Map(Object.entries(own)));
    }
    if (step.kind === 'delete' && arn !== undefined) {
      account.stored.delete(arn);
      written.delete(arn);
    }
    if (step.kind === 'event' && arn !== undefined) await run(step.failsAt, () => governProfile(account.ports, arn));
    if (step.kind === 'sweep') await run(step.failsAt, () => sweep(account.ports));
    if (step.kind === 'bulk lags' && arn !== undefined) account.lagging.set(arn, account.tagsOf(arn));
    if (step.kind === 'time') account.wait(step.hours * 3_600_000);
    if (step.kind === 'spend' && isProvided(account)) account.spend(BUDGET, step.usd);
  }
  return written;
}

const isProvided = ({ ledger, now }: GovernedAccount): boolean =>
  ledger.items.some(({ key, startsAt, endsAt }) => key.budget === BUDGET && startsAt <= now && now < endsAt);

describe('whatever users do and whatever events, requests and processes are lost', () => {
  it('one sweep later all is as it should be, and a second one writes nothing', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 40 }), async (actions) => {
        const account = new GovernedAccount();
        const written = await play(account, actions);
        // Bulk reads have caught up by then; where they have not, a day brings the same.
        account.lagging.clear();
        expect((await sweep(account.ports)).failed).toEqual([]);

        for (const arn of ARNS) {
          const found = account.tagsOf(arn);
          const entry = account.indexed.has(arn) ? account.entryOf(arn) : undefined;
          if (found === undefined) {
            expect(entry === undefined || entry.endedAt !== undefined).toBe(true);
            continue;
          }
          const { 'governor:standing': standing, ...own } = found;
          expect(entry?.endedAt).toBeUndefined();
          expect(entry?.tags).toEqual(own);
          // Nothing that a user wrote was changed or taken away, and nothing added but a default.
          const users = written.get(arn) ?? new Map<string, string>();
          for (const [key, value] of users) expect(own[key]).toBe(value);
          for (const [key, value] of Object.entries(own))
            if (!users.has(key)) expect([key, value]).toEqual(['environment', 'dev']);
          const isRight =
            ['acme', 'lakeside'].includes(own['tenant'] ?? '') &&
            ['prod', 'dev'].includes(own['environment'] ?? '') &&
            own['team'] !== undefined;
          if (isRight) expect([undefined, 'closed']).toContain(standing);
          else expect(standing).toBe('quarantined');
          expect(entry?.standing.state).toBe(standing === undefined ? 'open' : 'closed');
        }
        account.changes = [];
        const { state } = account;
        await sweep(account.ports);
        expect(account.changes).toEqual([]);
        expect(account.state).toEqual(state);
      }),
      { numRuns: 150 },
    );
  });
});
