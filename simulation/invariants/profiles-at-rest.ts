import type { Story } from '../run/story.ts';
import type { Tags } from '../world/profiles.ts';
import { booksOf } from './ledger-books.ts';

interface StoredEntry {
  readonly tags: Tags;
  readonly endedAt?: number;
  readonly budgets: readonly { readonly id: string }[];
  readonly standing: { readonly state: string; readonly reasons?: readonly { readonly kind: string }[] };
}

/** What the policy of every seed asks for: see policyDocument. */
const isCompliant = ({ tenant = '', team = '', env }: Tags): boolean =>
  /^[a-z]+$/.test(tenant) && (team === 'blue' || team === 'red') && env !== undefined;

export function profilesAtRest({ world, operators }: Story): void {
  const { judge, profiles, table, periods, configuration, scheduler } = world;
  for (const [arn] of profiles.histories) {
    const document = table.item('INDEX', arn)?.['entry']?.S;
    const living = profiles.get(arn);
    const entry = document === undefined ? undefined : (JSON.parse(document) as StoredEntry);
    if (living === undefined) {
      // One that came and went between two sweeps was never seen.
      judge.check(
        'index',
        entry === undefined || entry.endedAt !== undefined,
        () => `${arn} is deleted, and the index has it`,
      );
      continue;
    }
    judge.check(
      'index',
      entry !== undefined && entry.endedAt === undefined && isSame(entry.tags, living.tags),
      () =>
        `${arn} carries ${JSON.stringify(living.tags)}, and the index says ${JSON.stringify(entry?.tags)}${entry?.endedAt === undefined ? '' : ', ended'}`,
    );
    if (entry === undefined) continue;
    const standing = living.tags['governor:standing'];
    const isQuarantined = entry.standing.reasons?.some(({ kind }) => kind === 'quarantine') === true;
    judge.check(
      'compliance',
      isCompliant(living.tags) ? !isQuarantined : isQuarantined && standing === 'quarantined',
      () => `${arn} carries ${JSON.stringify(living.tags)}; the index says ${JSON.stringify(entry.standing)}`,
    );
    // A profile that is quarantined is covered by nothing.
    if (isQuarantined) continue;
    const { tenant = '', team } = living.tags;
    const expected = [
      `tenant-daily/${tenant}`,
      ...(configuration.isWatched ? [`watch-daily/${tenant}`] : []),
      ...(configuration.isSharedBudget && team === 'blue' ? ['blue-weekly'] : []),
    ];
    judge.check(
      'index',
      expected.every((id) => entry.budgets.some((budget) => budget.id === id)) &&
        entry.budgets.length === expected.length,
      () => `${arn} is covered by ${expected.join()}, and the index says ${entry.budgets.map(({ id }) => id).join()}`,
    );
    const isClosed = entry.budgets.some(({ id }) => {
      const item = id.startsWith('tenant-daily/') ? table.item(`LEDGER#${id}`, periods[1]) : undefined;
      return item !== undefined && booksOf(item).standing === 'closed';
    });
    const isShared = configuration.isSharedBudget && team === 'blue';
    const isDisabled = operators.words.some(
      (word) => word.tenant === tenant && word.kind === 'disable' && word.until > scheduler.now,
    );
    judge.check(
      'second-lock',
      isClosed ? standing === 'closed' : standing !== 'closed' || isShared || isDisabled,
      () => `${arn} is ${isClosed ? '' : 'not '}closed, and its tag says ${standing ?? 'nothing'}`,
    );
  }
}

function isSame(entry: Tags, living: Tags): boolean {
  const own = (tags: Tags): string =>
    JSON.stringify(
      Object.entries(tags)
        .filter(([key]) => !key.startsWith('governor:'))
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    );
  return own(entry) === own(living);
}
