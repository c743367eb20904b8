import type { Configuration } from '../run/configuration.ts';
import type { Story } from '../run/story.ts';
import type { BilledAttempt } from '../world/bill.ts';
import { SKEW_MS } from './admissions.ts';
import { booksOf } from './ledger-books.ts';

/** Records are written each minute, and later where a process is frozen or the table is out of reach. */
const UNRECORDED_MS = 400_000;
/** Figures of AWS Budgets are in cents. */
const CENT = 10_000_000n;

export function ledgerAtRest(story: Story): void {
  const { world, operators } = story;
  const { configuration, judge, table, books, bill, periods, admissions } = world;
  const { turnAt, plan } = configuration;
  const isAlerted = plan.some(({ kind }) => kind === 'alert');
  for (const tenant of configuration.tenants) {
    const pk = `LEDGER#tenant-daily/${tenant}`;
    let countedInAll = 0n;
    for (const [at, period] of periods.entries()) {
      const item = table.item(pk, period);
      judge.check('bill', item !== undefined, () => `${pk} ${period} is not there`);
      if (item === undefined) continue;
      const { settled, leased, unconfirmed, unattributed, opening } = booksOf(item);
      const counted = settled + unconfirmed + unattributed;
      countedInAll += counted;
      const own = bill.attempts.filter((attempt) => attempt.tenant === tenant);
      const brought = broughtTo(story, tenant, at);
      const certain = own.filter((attempt) => isWithin(attempt, at, turnAt, -SKEW_MS));
      const possible = own.filter((attempt) => isWithin(attempt, at, turnAt, SKEW_MS));
      const least = costOf(certain.filter(({ isGoverned }) => isGoverned));
      const told = admissions.unconfirmed.get(tenant) ?? 0n;
      const { mostAllowed } = books.memoryOf(pk, period);
      const reclaimed = books.reclaimedOf(pk, period);
      // A profile takes along what its former tenant recorded late, or had in doubt: a little counts in both budgets.
      const cents = isAlerted || wasShared(story, tenant) ? CENT : 0n;
      const most =
        costOf(possible) +
        told +
        reclaimed +
        opening +
        unrecorded(story, tenant, at) +
        // What a profile's former tenant had under way when the period turned is metered through it, whoever's it is then.
        (wasShared(story, tenant)
          ? configuration.tenants.reduce((sum, of) => sum + straddling(story, of), 0n)
          : straddling(story, tenant)) +
        underFormerTags(story, tenant, at) +
        cents;
      const openable = openableOf(story, tenant, at);
      judge.check(
        'bill',
        opening <= openable,
        () => `${pk} ${period} took over ${opening}, and its profiles can have spent ${openable}`,
      );
      const kept = keptFor(story, tenant, period);
      judge.check(
        'bill',
        opening <= kept,
        () => `${pk} ${period} took over ${opening}, and its profiles brought ${kept}`,
      );
      judge.check('bill', leased === 0n, () => `${pk} ${period}: ${leased} is still leased`);
      const untold = untoldBeyond(story);
      // A profile that came or went in the period proves less: what is in doubt there explains what went round the helper.
      const outside = wasShared(story, tenant) ? 0n : costOf(certain.filter(({ isGoverned }) => !isGoverned));
      judge.check(
        'bill',
        counted + untold + straddling(story, tenant) + (at === 0 ? crossing(story, tenant) : 0n) >=
          least + outside + brought,
        () =>
          `${pk} ${period} counts ${counted}, and ${least} was spent through the helper, ${outside} beside it, and ${brought} before it covered what it covers now`,
      );
      judge.check(
        'bill',
        counted + untold + (at === 0 ? crossing(story, tenant) : 0n) >= least,
        () => `${pk} ${period} counts ${counted}, and ${least} was spent through the helper`,
      );
      judge.check(
        'bill',
        counted <= most,
        () =>
          `${pk} ${period} counts ${counted} (settled ${settled}, unconfirmed ${unconfirmed}, unattributed ${unattributed}), and at most ${most} can have been spent`,
      );
      const allowance = BigInt(story.fleet.starts.length) * beyondLease(configuration);
      judge.check(
        'bound',
        least <= mostAllowed + allowance,
        () => `${pk} ${period}: ${least} was spent, and ${mostAllowed} + ${allowance} was allowed`,
      );
    }
    // What is metered after its profile has left is not known for the tenant's (docs/limits.md).
    const inOtherHands = wasShared(story, tenant) ? crossing(story, tenant) + straddling(story, tenant) : 0n;
    const spentInAll = costOf(bill.attempts.filter((attempt) => attempt.tenant === tenant && attempt.isGoverned));
    judge.check(
      'bill',
      countedInAll + untoldBeyond(story) + inOtherHands >= spentInAll,
      () => `${pk} counts ${countedInAll} in both periods, and ${spentInAll} was spent through the helper`,
    );
    const current = table.item(pk, periods[1]);
    if (current === undefined) continue;
    const { standing, heldBy } = booksOf(current);
    const now = world.scheduler.now;
    const words = operators.words.filter((word) => word.tenant === tenant && word.kind !== 'raise');
    const isCertain = words.every(({ outcome }) => outcome === 'kept');
    const last = words.reduce<(typeof words)[number] | undefined>(
      (latest, word) => (latest === undefined || word.madeAt >= latest.madeAt ? word : latest),
      undefined,
    );
    const lasting = last !== undefined && last.until > now ? last : undefined;
    // A budget that covers no profile is settled, and told nothing.
    const isInUse = world.profiles.all.some(
      ({ tags }) => tags['tenant'] === tenant && tags['governor:standing'] !== 'quarantined',
    );
    if (isCertain && isInUse && last !== undefined) {
      judge.check(
        'last-word',
        (lasting?.kind === 'disable') === (standing === 'closed' && heldBy === 'operator'),
        () =>
          `the last word on ${tenant} is ${lasting?.kind ?? 'over'}, and ${pk} ${periods[1]} is ${standing} by ${heldBy ?? 'money'}`,
      );
      judge.check(
        'last-word',
        lasting?.kind !== 'enable' || standing === 'open',
        () => `${tenant} was enabled, and is ${standing}`,
      );
    }
    const wasClosed = books.memoryOf(pk, periods[0]).wasClosedByMoney;
    if (isInUse && (wasClosed || lasting?.kind === 'disable')) {
      const spends = booksOf(current);
      const isSpent = spends.settled + spends.unconfirmed + spends.unattributed >= (spends.stopAt * 9n) / 10n;
      const isClosed = standing === 'closed';
      judge.check(
        'reopening',
        isClosed
          ? isSpent || heldBy !== undefined || books.memoryOf(pk, periods[1]).wasClosedByMoney
          : lasting?.kind !== 'disable' || !isCertain,
        () => `${pk} ${periods[1]} is ${standing} by ${heldBy ?? 'money'}; the last word is ${lasting?.kind ?? 'none'}`,
      );
    }
  }
}

/**
 * What processes that crashed may have told the ledger and not recorded yet, which they do each minute: the true-up cannot tell
 * it from spend from outside, and counts it again: in the period in which it was metered, as it ended, and where its profile belongs,
 * also if another tenant spent it before (seed 317).
 */
function unrecorded(
  { world: { bill, profiles, configuration }, fleet }: Story,
  tenant: string,
  period: number,
): bigint {
  const { turnAt } = configuration;
  const goneAt = new Map(fleet.starts.map(({ host }) => [host.name, host.goneAt]));
  return costOf(
    bill.attempts.filter((attempt) => {
      const gone = goneAt.get(attempt.process);
      if (gone === undefined) return false;
      if (attempt.tenant !== tenant && !wasOf(profiles.historyOf(attempt.arn), tenant)) return false;
      const endedAt = attempt.endedAt ?? gone;
      const isOfPeriod = period === 0 ? endedAt < turnAt + SKEW_MS : endedAt >= turnAt - SKEW_MS;
      return isOfPeriod && endedAt >= gone - UNRECORDED_MS;
    }),
  );
}

/**
 * What processes that crashed may have spent beyond their leases and not told: the policy's extra for an outage, and calls that
 * cost more than a learned hold. Where it was recorded, the true-up takes it for told.
 */
function untoldBeyond({ world: { configuration }, fleet }: Story): bigint {
  const crashed = BigInt(fleet.starts.filter(({ host }) => host.isGone).length);
  return crashed * beyondLease(configuration);
}

/** The most that one process start may spend beyond its leases of a budget. */
const beyondLease = ({ reservation, outageExtra }: Configuration): bigint =>
  (reservation === 'learned' ? 20_000_000n : 0n) + BigInt((outageExtra ?? 0) * 1e9);

/**
 * What was metered before the turn and recorded after it, by processes that were frozen or slow, or whose clock had just been set
 * forward: the true-up takes it for spend from outside in the one period, and for less of it in the other.
 */
function straddling({ world: { bill, configuration }, fleet }: Story, tenant: string): bigint {
  const { turnAt } = configuration;
  const hosts = new Map(fleet.starts.map(({ host }) => [host.name, host]));
  return costOf(
    bill.attempts.filter(
      ({ tenant: whose, process, endedAt = turnAt, heardAt = 0 }) =>
        whose === tenant &&
        endedAt < turnAt + SKEW_MS &&
        heardAt + (hosts.get(process)?.aheadAt(heardAt) ?? 0) > turnAt - SKEW_MS,
    ),
  );
}

/**
 * What was given up before the turn and metered after it: AWS tells nothing of it in the first period, so that the true-up takes it for
 * unspent there, and for spent in the second (docs/limits.md).
 */
function crossing({ world: { bill, configuration } }: Story, tenant: string): bigint {
  const { turnAt } = configuration;
  return costOf(
    bill.attempts.filter(
      ({ tenant: whose, begunAt, endedAt = turnAt }) =>
        whose === tenant && begunAt < turnAt + SKEW_MS && endedAt > turnAt - SKEW_MS,
    ),
  );
}

const wasOf = (
  history: readonly { readonly tags: Readonly<Record<string, string>> | undefined }[],
  tenant: string,
): boolean => history.some(({ tags }) => tags?.['tenant'] === tenant);

/** Whether a profile was this tenant's and another's. */
const wasShared = ({ world: { profiles } }: Story, tenant: string): boolean =>
  [...profiles.histories.values()].some(
    (history) => wasOf(history, tenant) && history.some(({ tags }) => tags !== undefined && tags['tenant'] !== tenant),
  );

/**
 * What is charged to whose a profile was, until the index hears that it is this tenant's: where that tenant's record of it is refused,
 * it counts here as well (domain/spending/usage-record.ts).
 */
function underFormerTags({ world: { profiles, bill, configuration } }: Story, tenant: string, period: number): bigint {
  return costOf(
    bill.attempts.filter((attempt) => {
      const { endedAt = attempt.begunAt } = attempt;
      const state = profiles.historyOf(attempt.arn).findLast(({ at }) => at <= endedAt + SKEW_MS);
      return (
        attempt.tenant !== tenant &&
        state?.tags?.['tenant'] === tenant &&
        isWithin(attempt, period, configuration.turnAt, SKEW_MS)
      );
    }),
  );
}

/**
 * What others have spent in the period through profiles that are this tenant's now, before they became it in that period for the
 * first time: one that leaves and comes again brings nothing more (domain/spending/seeding.ts).
 */
function broughtTo({ world }: Story, tenant: string, period: number): bigint {
  const { profiles, bill, configuration } = world;
  let brought = 0n;
  for (const { arn, tags } of profiles.all) {
    if (tags['tenant'] !== tenant || tags['governor:standing'] === 'quarantined') continue;
    const others = bill.attempts.filter(
      (attempt) => attempt.arn === arn && attempt.tenant !== tenant && attempt.isGoverned && attempt.isKnown,
    );
    const history = profiles.historyOf(arn);
    const from = period === 0 ? 0 : configuration.turnAt;
    if (history.findLast(({ at }) => at <= from)?.tags?.['tenant'] === tenant) continue;
    const joined = history.find(({ at, tags: carried }) => at > from && carried?.['tenant'] === tenant)?.at;
    if (joined === undefined || joined === history[0]?.at) continue;
    if (period === (joined < configuration.turnAt ? 0 : 1))
      brought += costOf(
        others.filter(
          (attempt) =>
            isWithin(attempt, period, configuration.turnAt, -SKEW_MS) && (attempt.endedAt ?? joined) < joined - 120_000,
        ),
      );
  }
  return brought;
}

/** What the table says that profiles brought to the tenant's budget. */
function keptFor({ world: { table } }: Story, tenant: string, period: string): bigint {
  let kept = 0n;
  for (const [, items] of table.partitions(`OPENING#tenant-daily/${tenant}#${period}`))
    for (const [, item] of items) kept += BigInt(item['settled']?.N ?? 0) + BigInt(item['unconfirmed']?.N ?? 0);
  return kept;
}

/** The most that profiles which were ever this tenant's have spent in the period, whoever did: what its budget may take over. */
function openableOf({ world }: Story, tenant: string, period: number): bigint {
  const { profiles, bill, configuration, admissions } = world;
  let told = 0n;
  for (const amount of admissions.unconfirmed.values()) told += amount;
  return (
    told +
    costOf(
      bill.attempts.filter(
        (attempt) =>
          isWithin(attempt, period, configuration.turnAt, UNRECORDED_MS) &&
          wasOf(profiles.historyOf(attempt.arn), tenant),
      ),
    )
  );
}

const costOf = (attempts: readonly BilledAttempt[]): bigint => attempts.reduce((sum, { cost }) => sum + cost, 0n);

/** @param slackMs beyond the turn; below zero only what is certain */
const isWithin = ({ admittedAt, begunAt }: BilledAttempt, period: number, turnAt: number, slackMs: number): boolean => {
  const [first, last] = slackMs < 0 ? [begunAt, admittedAt] : [admittedAt, begunAt];
  return period === 0 ? first < turnAt + slackMs : last >= turnAt - slackMs;
};
