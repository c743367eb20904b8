import { alarmOf, type Story } from '../run/story.ts';
import { booksOf } from './ledger-books.ts';

const RANK: Readonly<Record<string, number>> = { open: 0, throttled: 1, closed: 2 };
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** The policy's default. */
const DEFAULT_HOLD_MS = DAY_MS;
/** No signal that ends so shortly before has been looked at since. */
const LAST_SWEEP_MS = 11 * 60_000;

interface StoredSignal {
  readonly id: string;
  readonly kind: 'alarm' | 'anomaly';
  readonly seenAt: number;
  readonly until: number;
}

/** What is kept of AWS's watchers is what they have seen, and each budget stands by what holds of it. */
export function signalsHold({ world, operators }: Story): void {
  const { judge, table, watchers, configuration, scheduler, periods, profiles } = world;
  const { alarm = 'notify', anomaly = 'notify', holdMs = DEFAULT_HOLD_MS } = configuration.signals ?? {};
  for (const tenant of configuration.tenants) {
    const kept: StoredSignal[] = [];
    for (const [, items] of table.partitions(`SIGNALS#tenant-daily/${tenant}`))
      for (const [, item] of items) kept.push(JSON.parse(item['signal']?.S ?? '') as StoredSignal);
    for (const { id, kind, seenAt, until } of kept) {
      const day = watchers.anomalies.get(id.slice('anomaly/'.length))?.day;
      const isTrue =
        kind === 'alarm'
          ? watchers
              .statesOf(alarmOf(tenant))
              .some(({ at, isInAlarm }) => at === seenAt && until === (isInAlarm ? seenAt + holdMs : seenAt))
          : day !== undefined && seenAt === Date.parse(day) + DAY_MS && until === seenAt + holdMs;
      judge.check('signals', isTrue, () => `${id} is kept of ${tenant}, from ${seenAt} to ${until}`);
    }
    const item = table.item(`LEDGER#tenant-daily/${tenant}`, periods[1]);
    const isInUse = profiles.all.some(
      ({ tags }) => tags['tenant'] === tenant && tags['governor:standing'] !== 'quarantined',
    );
    if (item === undefined || !isInUse) continue;
    const { standing, heldBy } = booksOf(item);
    const { now } = scheduler;
    const actions = { alarm, anomaly };
    const strictest = Math.max(
      0,
      ...kept.map(({ kind, until }) => (until > now ? { notify: 0, throttle: 1, disable: 2 }[actions[kind]] : 0)),
    );
    const isEnabled = operators.words.some(
      (word) => word.tenant === tenant && word.kind === 'enable' && word.until > now,
    );
    if (kept.every(({ until }) => until > now || until < now - LAST_SWEEP_MS))
      judge.check(
        'signals',
        ((RANK[standing] ?? 0) >= strictest || (isEnabled && heldBy === 'operator')) &&
          (heldBy !== 'signal' || strictest > 0),
        () => `${tenant} is ${standing} by ${heldBy ?? 'money'}, and of its signals ${JSON.stringify(kept)} hold`,
      );
  }
}

/** The second budget of each tenant, which only watches. */
export function shadowsCount({ world }: Story): void {
  const { judge, table, configuration, periods, profiles, bill } = world;
  if (!configuration.isWatched) return;
  for (const tenant of configuration.tenants) {
    const wasShared = [...profiles.histories.values()].some(
      (history) =>
        history.some(({ tags }) => tags?.['tenant'] === tenant) &&
        history.some(({ tags }) => tags !== undefined && tags['tenant'] !== tenant),
    );
    for (const period of periods) {
      const shadow = table.item(`LEDGER#watch-daily/${tenant}`, period);
      const real = table.item(`LEDGER#tenant-daily/${tenant}`, period);
      if (shadow === undefined || real === undefined) continue;
      const { standing } = booksOf(shadow);
      judge.check('shadow', standing === 'open', () => `watch-daily/${tenant} ${period} is ${standing}`);
    }
    // Whose profiles were always its own, and whose processes have all told: both budgets have counted the same calls.
    const own = bill.attempts.filter((attempt) => attempt.tenant === tenant);
    const isPlain = own.every(({ isKnown, isGoverned, process }) => isKnown && isGoverned && !world.isGone(process));
    if (wasShared || !isPlain) continue;
    const counted = (name: string): bigint =>
      periods.reduce((sum, period) => {
        const item = table.item(`LEDGER#${name}/${tenant}`, period);
        return item === undefined ? sum : sum + booksOf(item).settled;
      }, 0n);
    judge.check(
      'shadow',
      counted('watch-daily') === counted('tenant-daily'),
      () => `watch-daily/${tenant} has settled ${counted('watch-daily')}, and tenant-daily ${counted('tenant-daily')}`,
    );
  }
}

export function outlookFromSpend({ world }: Story): void {
  const { judge, table } = world;
  for (const [pk, items] of table.partitions('PACE#'))
    for (const [period, item] of items) {
      const { samples } = JSON.parse(item['pace']?.S ?? '{"samples":[]}') as {
        readonly samples: readonly (readonly [number, string])[];
      };
      const books = table.item(`LEDGER#${pk.slice('PACE#'.length)}`, period);
      const hours = samples.map(([at]) => Math.floor(at / HOUR_MS));
      const { settled, unconfirmed, unattributed, resolved } =
        books === undefined ? { settled: 0n, unconfirmed: 0n, unattributed: 0n, resolved: 0n } : amountsOf(books);
      judge.check(
        'outlook',
        new Set(hours).size === hours.length && hours.every((hour, at) => at === 0 || hour > (hours[at - 1] ?? hour)),
        () => `${pk} ${period} was looked at ${samples.length} times in ${new Set(hours).size} hours`,
      );
      judge.check(
        'outlook',
        samples.every(([, amount]) => BigInt(amount) <= settled + unconfirmed + unattributed + resolved),
        () => `${pk} ${period} was seen to have spent ${samples.at(-1)?.[1]}, and has ${settled + unconfirmed}`,
      );
    }
}

/** With what was taken off as unspent since: it counted when it was looked at. */
const amountsOf = (item: Parameters<typeof booksOf>[0]) => ({
  ...booksOf(item),
  resolved: BigInt(item['unspent']?.N ?? 0),
});

export function billingSetUp({ world }: Story): void {
  const { judge, costExplorer, faults } = world;
  // What was made without an answer is made again by the SDK, and Cost Explorer takes it twice; the next run finds the first.
  const most = 1 + (faults.counts.get('servicesUnanswered') ?? 0);
  const { monitors, subscriptions, active } = costExplorer;
  judge.check(
    'billing',
    ['tenant', 'team', 'env'].every((key) => active.has(key)),
    () => `${[...active].join()} count in billing`,
  );
  judge.check(
    'billing',
    [monitors, subscriptions].every(({ length }) => length >= 1 && length <= most),
    () => `${monitors.length} monitors and ${subscriptions.length} subscriptions watch for anomalies`,
  );
}
