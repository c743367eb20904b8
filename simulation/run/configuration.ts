import { Chance } from '../clockwork/chance.ts';
import { RAISABLE, type RaisedKind } from '../world/versions.ts';
import type { FaultName, FaultShares } from './faults.ts';

const MINUTE = 60_000;

/** What is to happen at a moment. Each has a name of its own, by which shrinking takes it out. */
export type Planned = { readonly name: string; readonly at: number } & (
  | { readonly kind: 'crash' | 'freeze' | 'clock-set' | 'restart'; readonly process: number; readonly ms: number }
  | { readonly kind: 'disable' | 'enable'; readonly tenant: number; readonly forMs: number }
  | { readonly kind: 'raise'; readonly tenant: number; readonly forMs: number; readonly share: number }
  | { readonly kind: 'retag' | 'violate' | 'mend' | 'delete'; readonly profile: number; readonly tenant: number }
  | { readonly kind: 'create'; readonly tenant: number; readonly isViolating: boolean }
  | { readonly kind: 'policy'; readonly factor: number }
  | { readonly kind: 'bypass'; readonly profile: number; readonly calls: number }
  | { readonly kind: 'alert'; readonly tenant: number }
  | { readonly kind: 'outage' | 'sweeps-late'; readonly ms: number }
  /** One that is made up is an event alone. */
  | { readonly kind: 'alarm' | 'anomaly'; readonly tenant: number; readonly isTrue: boolean; readonly forMs: number }
);

export interface SignalRules {
  readonly anomaly: 'notify' | 'throttle' | 'disable';
  readonly alarm: 'notify' | 'throttle' | 'disable';
  readonly holdMs: number;
}

/** Everything that a seed draws before it begins. */
export interface Configuration {
  readonly seed: number;
  readonly timeZone: string;
  readonly startAt: number;
  readonly turnAt: number;
  /** When calls end, faults with them. */
  readonly endAt: number;
  readonly leaseSeconds: number;
  readonly maxWaitMs: number;
  readonly graceSeconds: number;
  readonly reservation: 'strict' | 'learned';
  /** USD. */
  readonly outageExtra: number | undefined;
  /** As the policy states them: more than 100 make cells. */
  readonly processesStated: number;
  readonly throttleAt: number | undefined;
  readonly isSharedBudget: boolean;
  /** Whether tenants may not write the ledger: each process is one tenant's, and borrows through the function `lease`. */
  readonly isLending: boolean;
  /** Whether each process is one tenant's, as where tenants have services of their own; where not, each serves all. */
  readonly isApart: boolean;
  readonly hasFallback: boolean;
  /** What the policy makes of what AWS's watchers tell, and for how long. */
  readonly signals: SignalRules | undefined;
  /** When a later version is rolled out that writes one kind of item in a later layout; undefined where none is. */
  readonly upgrade: { readonly at: number; readonly kind: RaisedKind } | undefined;
  /** Whether each tenant has a second budget, of a fifth of the first, that only watches. */
  readonly isWatched: boolean;
  readonly tenants: readonly string[];
  readonly profilesPerTenant: number;
  readonly processes: number;
  readonly callsPerMinute: number;
  /** USD for a tenant and day. */
  readonly limitUsd: number;
  readonly hasHints: boolean;
  readonly skewMs: number;
  readonly taggingLagMs: number;
  readonly metricsDelayMs: number;
  readonly shares: FaultShares;
  readonly plan: readonly Planned[];
  /** Names of what is left out of it: planned events, faults, and calls (`call-7`). */
  readonly without: ReadonlySet<string>;
}

const ZONES = [
  { name: 'UTC', midnight: '2026-11-12T00:00:00Z' },
  { name: 'Europe/Zurich', midnight: '2026-11-11T23:00:00Z' },
  { name: 'America/New_York', midnight: '2026-11-12T05:00:00Z' },
  { name: 'Asia/Tokyo', midnight: '2026-11-11T15:00:00Z' },
] as const;

/** @param without names of planned events and faults that are left out */
export function draw(seed: number, without: ReadonlySet<string> = new Set()): Configuration {
  const chance = new Chance(seed, 'configuration');
  const zone = chance.pick(ZONES);
  const turnAt = Date.parse(zone.midnight);
  const startAt = turnAt - chance.between(0.6, 0.8) * MINUTE;
  const endAt = turnAt + chance.between(0.7, 1) * MINUTE;
  const tenants = ['acme', 'umbrella', 'initech', 'hooli'].slice(0, chance.happens(0.1) ? 3 : 2);
  const profilesPerTenant = chance.happens(0.25) ? 2 : 1;
  const processes = tenants.length + (chance.happens(0.2) ? 1 : 0);
  const callsPerMinute = chance.between(150, 158);
  const calls = (callsPerMinute * (endAt - startAt)) / MINUTE;
  // What a call costs on average: see fleet/calls.ts. Half of the budgets come to their edge.
  const demandUsd = (calls * MEAN_CALL_USD) / tenants.length / 2;
  const configuration = {
    seed,
    timeZone: zone.name,
    startAt,
    turnAt,
    endAt,
    leaseSeconds: chance.pick([30, 60, 120, 120]),
    maxWaitMs: chance.pick([0, 500, 2_000]),
    graceSeconds: chance.pick([60, 300, 900]),
    reservation: chance.happens(0.75) ? ('strict' as const) : ('learned' as const),
    outageExtra: chance.happens(0.2) ? 0.05 : undefined,
    processesStated: chance.happens(0.06) ? 150 : 50,
    throttleAt: chance.happens(0.3) ? chance.pick([50, 80]) : undefined,
    isSharedBudget: chance.happens(0.2),
    hasFallback: chance.happens(0.2),
    tenants,
    profilesPerTenant,
    processes,
    callsPerMinute,
    limitUsd: Math.round(demandUsd * chance.pick(chance.happens(0.3) ? EDGE : AMPLE) * 1e4) / 1e4,
    hasHints: chance.happens(0.5),
    skewMs: without.has('skew') ? 0 : chance.pick([0, 0, 5_000, 60_000, 600_000]),
    taggingLagMs: chance.between(0, 120_000),
    metricsDelayMs: chance.between(30_000, 14 * MINUTE),
  };
  const isLending = new Chance(seed, 'lending').happens(0.06);
  const isApart = isLending || new Chance(seed, 'apart').happens(0.65);
  const shares = {
    ...sharesOf(chance, without),
    ...echoesOf(new Chance(seed, 'echoes'), without),
    ...(isLending ? lossesOf(new Chance(seed, 'slow lender'), without) : {}),
  };
  const watchers = new Chance(seed, 'watchers');
  const signals = signalsOf(watchers);
  const isWatched = new Chance(seed, 'shadow').happens(0.1);
  const upgrades = new Chance(seed, 'upgrade');
  const upgrade =
    upgrades.happens(0.3) && !without.has('upgrade')
      ? {
          at: upgrades.between(startAt, endAt),
          kind: upgrades.pick(Object.keys(RAISABLE) as RaisedKind[]),
        }
      : undefined;
  const plan = [...planOf(new Chance(seed, 'plan'), configuration), ...alarmsOf(watchers, configuration)]
    .filter(({ name, kind }) => !without.has(name) && !without.has(kind))
    .sort((a, b) => a.at - b.at);
  return { ...configuration, isLending, isApart, signals, upgrade, isWatched, shares, plan, without };
}

/** Of the function `lease`, by which AWS knows a tenant. */
export const aliasOf = (tenant: string): string => `tenant-${tenant}`;

export const MEAN_CALL_USD = 0.0012;
/** How many times half of what is asked for a budget has: at its edge each call needs the ledger. */
const EDGE = [0.8, 1.6, 3];
/** Far from it processes lease ahead, and money refuses few. */
const AMPLE = [8, 16];

function sharesOf(chance: Chance, without: ReadonlySet<string>): FaultShares {
  // Each kind of fault is absent in some seeds, so that what it covers up elsewhere shows.
  const share = (name: FaultName, most: number, presence = 0.7): number => {
    const drawn = chance.happens(presence) ? chance.between(most / 10, most) : 0;
    return without.has(name) ? 0 : drawn;
  };
  return {
    throttled: share('throttled', 0.04),
    lost: share('lost', 0.02),
    unanswered: share('unanswered', 0.03),
    lateCopy: share('lateCopy', 0.03),
    leftOver: share('leftOver', 0.1),
    servicesFail: share('servicesFail', 0.06),
    servicesUnanswered: share('servicesUnanswered', 0.04),
    partialMetrics: share('partialMetrics', 0.2),
    eventLost: share('eventLost', 0.3),
    eventTwice: share('eventTwice', 0.3),
    eventLate: share('eventLate', 0.3),
    crashOnArrival: share('crashOnArrival', 0.002),
    freezeOnArrival: share('freezeOnArrival', 0.002),
    callThrottled: share('callThrottled', 0.05),
    callUnanswered: share('callUnanswered', 0.04),
    callLost: share('callLost', 0.03),
    streamBroken: share('streamBroken', 0.1),
    callAborted: share('callAborted', 0.08),
    usageUntold: share('usageUntold', 0.02),
  };
}

/** In some seeds requests come again and again: the copy of one that was refused may land before its sender tries anew. */
function echoesOf(chance: Chance, without: ReadonlySet<string>): Partial<FaultShares> {
  const lateCopy = chance.between(0.1, 0.3);
  return chance.happens(0.15) && !without.has('lateCopy') ? { lateCopy } : {};
}

/** Where many requests of the function `lease` are lost it runs on after whoever asked it has given up, and asks again. */
function lossesOf(chance: Chance, without: ReadonlySet<string>): Partial<FaultShares> {
  const lost = chance.between(0.05, 0.2);
  return chance.happens(0.8) && !without.has('lost') ? { lost } : {};
}

type Drawn = Pick<Configuration, 'startAt' | 'endAt' | 'turnAt' | 'processes' | 'tenants' | 'profilesPerTenant'>;

function planOf(chance: Chance, { startAt, endAt, turnAt, processes, tenants, profilesPerTenant }: Drawn): Planned[] {
  const plan: Planned[] = [];
  const at = (): number => chance.between(startAt + MINUTE / 3, endAt - MINUTE / 3);
  const process = (): number => chance.whole(0, processes - 1);
  const tenant = (): number => chance.whole(0, tenants.length - 1);
  const profile = (): number => chance.whole(0, tenants.length * profilesPerTenant - 1);
  const some = (share: number, most: number, make: (name: number) => Planned): void => {
    const count = chance.happens(share) ? chance.whole(1, most) : 0;
    for (let n = 1; n <= count; n++) plan.push(make(n));
  };
  some(0.6, 2, (n) => ({
    name: `crash-${n}`,
    kind: 'crash',
    at: at(),
    process: process(),
    ms: chance.between(1_000, 60_000),
  }));
  some(0.4, 2, (n) => ({
    name: `freeze-${n}`,
    kind: 'freeze',
    at: at(),
    process: process(),
    ms: chance.between(5_000, 220_000),
  }));
  // Around the turn too: a process that sleeps over it wakes with a lease of the period before.
  some(0.3, 1, (n) => ({
    name: `freeze-over-turn-${n}`,
    kind: 'freeze',
    at: turnAt - chance.between(1_000, 60_000),
    process: process(),
    ms: chance.between(5_000, 100_000),
  }));
  some(0.3, 2, (n) => ({
    name: `clock-set-${n}`,
    kind: 'clock-set',
    at: at(),
    process: process(),
    ms: chance.between(-120_000, 120_000),
  }));
  some(0.4, 1, (n) => ({
    name: `restart-${n}`,
    kind: 'restart',
    at: at(),
    process: process(),
    ms: chance.between(1_000, 60_000),
  }));
  some(0.3, 2, (n) => ({
    name: `disable-${n}`,
    kind: 'disable',
    at: at(),
    tenant: tenant(),
    forMs: chance.pick([2 * MINUTE, 86_400_000]),
  }));
  some(0.2, 1, (n) => ({
    name: `enable-${n}`,
    kind: 'enable',
    at: at(),
    tenant: tenant(),
    forMs: chance.pick([2 * MINUTE, 86_400_000]),
  }));
  some(0.35, 2, (n) => ({
    name: `raise-${n}`,
    kind: 'raise',
    at: at(),
    tenant: tenant(),
    forMs: chance.pick([MINUTE, 2 * MINUTE, 86_400_000]),
    share: 0.3,
  }));
  some(0.3, 1, (n) => ({ name: `retag-${n}`, kind: 'retag', at: at(), profile: profile(), tenant: tenant() }));
  some(0.2, 1, (n) => ({ name: `violate-${n}`, kind: 'violate', at: at(), profile: profile(), tenant: tenant() }));
  some(0.2, 1, (n) => ({ name: `mend-${n}`, kind: 'mend', at: at(), profile: profile(), tenant: tenant() }));
  some(0.15, 1, (n) => ({ name: `delete-${n}`, kind: 'delete', at: at(), profile: profile(), tenant: tenant() }));
  some(0.2, 1, (n) => ({
    name: `create-${n}`,
    kind: 'create',
    at: at(),
    tenant: tenant(),
    isViolating: chance.happens(0.5),
  }));
  some(0.2, 1, (n) => ({ name: `policy-${n}`, kind: 'policy', at: at(), factor: chance.pick([0.6, 1.4]) }));
  some(0.35, 1, (n) => ({
    name: `bypass-${n}`,
    kind: 'bypass',
    at: at(),
    profile: profile(),
    calls: chance.whole(1, 5),
  }));
  some(0.35, 1, (n) => ({
    name: `alert-${n}`,
    kind: 'alert',
    // Some come with figures of the day before, when little is spent yet.
    at: chance.happens(0.4) ? turnAt + chance.between(2_000, 20_000) : chance.between(turnAt - 3 * MINUTE, endAt),
    tenant: tenant(),
  }));
  some(0.2, 1, (n) => ({ name: `outage-${n}`, kind: 'outage', at: at(), ms: chance.between(5_000, 80_000) }));
  some(0.4, 1, (n) => ({
    name: `sweeps-late-${n}`,
    kind: 'sweeps-late',
    at: turnAt - chance.between(1, 3) * MINUTE,
    ms: chance.between(1, 5) * MINUTE,
  }));
  for (const planned of [...plan]) {
    // Whoever has just said one thing says another.
    if (planned.kind === 'disable' && chance.happens(0.6))
      plan.push({
        ...planned,
        kind: 'enable',
        name: `enable-after-${planned.name}`,
        at: planned.at + chance.between(2_000, 30_000),
      });
    // What was spent beside the helper before a profile is gone is still spent.
    if (planned.kind === 'delete' && chance.happens(0.6))
      plan.push({
        name: `bypass-before-${planned.name}`,
        kind: 'bypass',
        at: planned.at - chance.between(3_000, 20_000),
        profile: planned.profile,
        calls: 3,
      });
    // A profile that comes again brings nothing twice.
    if (planned.kind === 'retag' && chance.happens(0.5)) {
      const first = Math.floor(planned.profile / profilesPerTenant);
      const other = (first + 1) % tenants.length;
      let when = planned.at;
      for (const [step, to] of [other, first, other].entries()) {
        when += chance.between(12_000, 45_000);
        plan.push({ ...planned, name: `${planned.name}-goes-${step + 1}`, at: when, tenant: to });
      }
    }
    // Tags change back and forth, and their events overtake each other.
    if (planned.kind === 'retag' && chance.happens(0.4))
      plan.push({
        ...planned,
        name: `retag-after-${planned.name}`,
        at: planned.at + chance.between(1_000, 40_000),
        tenant: tenant(),
      });
  }
  return plan.sort((a, b) => a.at - b.at);
}

const ACTIONS = ['notify', 'throttle', 'disable'] as const;

const signalsOf = (chance: Chance): SignalRules | undefined =>
  chance.happens(0.4)
    ? {
        anomaly: chance.pick(ACTIONS),
        alarm: chance.pick(ACTIONS),
        holdMs: chance.pick([3 * MINUTE, 1_800_000, 172_800_000]),
      }
    : undefined;

/** What AWS's watchers tell, whether or not the policy has rules for it. */
function alarmsOf(chance: Chance, { startAt, endAt, tenants }: Drawn): Planned[] {
  return (['alarm', 'anomaly'] as const).flatMap((kind) =>
    Array.from({ length: chance.happens(0.2) ? chance.whole(1, 2) : 0 }, (_, index) => ({
      name: `${kind}-${index + 1}`,
      kind,
      at: chance.between(startAt + MINUTE / 3, endAt - MINUTE / 3),
      tenant: chance.whole(0, tenants.length - 1),
      isTrue: chance.happens(0.75),
      forMs: chance.between(20_000, 4 * MINUTE),
    })),
  );
}

const usd = (amount: number): string => `${amount.toFixed(6)} USD`;

/** The policy document of a seed, as an operator would apply it. */
export function policyDocument(configuration: Configuration, factor = 1): object {
  const { timeZone, graceSeconds, reservation, outageExtra, processesStated, throttleAt, limitUsd, tenants, signals } =
    configuration;
  const thresholds = [
    { at: '50%', action: 'notify' },
    ...(throttleAt === undefined ? [] : [{ at: `${throttleAt}%`, action: 'throttle' }]),
    { at: '100%', action: 'disable' },
  ];
  return {
    version: 1,
    timeZone,
    regions: ['us-east-1'],
    tenantTag: 'tenant',
    tags: {
      required: { tenant: { pattern: '^[a-z]+$' }, team: { values: ['blue', 'red'] }, env: { default: 'dev' } },
    },
    ...(configuration.hasFallback ? { fallbacks: { 'amazon.nova-pro-v1:0': 'amazon.nova-lite-v1:0' } } : {}),
    prices: [
      {
        model: 'amazon.nova-pro-v1:0',
        from: '2026-01-01',
        input: '0.8 USD',
        output: '3.2 USD',
        cacheRead: '0.2 USD',
        contextWindow: 300000,
      },
      {
        model: 'amazon.nova-lite-v1:0',
        from: '2026-01-01',
        input: '0.06 USD',
        output: '0.24 USD',
        cacheRead: '0.015 USD',
        contextWindow: 300000,
      },
    ],
    budgets: [
      {
        name: 'tenant-daily',
        per: 'tenant',
        limit: usd(limitUsd * factor),
        period: 'day',
        processes: processesStated,
        ...(outageExtra === undefined ? {} : { outage: usd(outageExtra) }),
        ...(signals === undefined
          ? {}
          : { signals: { anomaly: signals.anomaly, alarm: signals.alarm, holds: `${signals.holdMs / MINUTE}m` } }),
        thresholds,
      },
      ...(configuration.isWatched
        ? [
            {
              name: 'watch-daily',
              per: 'tenant',
              limit: usd((limitUsd * factor) / 5),
              period: 'day',
              mode: 'shadow',
              processes: processesStated,
              thresholds: [{ at: '100%', action: 'disable' }],
            },
          ]
        : []),
      ...(configuration.isSharedBudget
        ? [
            {
              name: 'blue-weekly',
              selector: { team: 'blue' },
              limit: usd(limitUsd * tenants.length * 1.2 * factor),
              period: 'week',
              thresholds: [{ at: '100%', action: 'disable' }],
            },
          ]
        : []),
    ],
    ...(configuration.isLending
      ? { lending: { aliases: Object.fromEntries(tenants.map((tenant) => [aliasOf(tenant), { tenant }])) } }
      : {}),
    ledger: { reservation, graceSeconds, ...(reservation === 'learned' ? { maxExposure: '0.02 USD' } : {}) },
  };
}
