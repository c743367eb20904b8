import type { BudgetId } from '../../domain/budgets/budget-id.ts';
import type { AwsBudget, AwsBudgetState, AwsBudgets } from '../../domain/budgets/provisioning.ts';
import { type Clock, type EpochMs, epochMs } from '../../domain/clock.ts';
import type { GovernorEvent } from '../../domain/events/governor-event.ts';
import type { GaugeName, Journal, JournalFacts, MetricName } from '../../domain/journal.ts';
import { add, nanoUsd } from '../../domain/money.ts';
import { type Delivery, deliveryOf } from '../../domain/outbox.ts';
import { periodAt } from '../../domain/period.ts';
import type { Policy } from '../../domain/policy/policy.ts';
import type { BulkTags } from '../../domain/profiles/clearing.ts';
import type { ProfileRemover } from '../../domain/profiles/delete-mismatched.ts';
import { parseIndexEntry, serialiseIndexEntry } from '../../domain/profiles/index-entry-document.ts';
import type { InvocationCount, InvocationCounts } from '../../domain/profiles/invocation-counts.ts';
import { type ProfileArn, parseProfileArn, regionOf } from '../../domain/profiles/profile-arn.ts';
import type { CreatorReading } from '../../domain/profiles/profile-creators.ts';
import type { IndexEntry, ProfileIndex } from '../../domain/profiles/profile-index.ts';
import type { ProfileFacts, Profiles } from '../../domain/profiles/profiles.ts';
import type { Sweep } from '../../domain/profiles/sweep.ts';
import type { SweepCursor, SweepProgress } from '../../domain/profiles/sweep-progress.ts';
import type { LedgerItem, WriteId } from '../../domain/spending/ledger.ts';
import type { Metered, MeteredSpend, MeteredWindow } from '../../domain/spending/metered-spend.ts';
import type { ListedPrice, PriceList } from '../../domain/spending/price-list.ts';
import type { PicoUsdPerToken, Rates } from '../../domain/spending/pricing.ts';
import { UsageSince } from '../../domain/spending/recorded-usage.ts';
import { UsageReadings } from '../../domain/spending/usage-readings.ts';
import type { TimeWindow, UsageRecords } from '../../domain/spending/usage-record.ts';
import type { Notice, NoticeOutbox } from '../../domain/standing/notice.ts';
import { noticeOutbox } from '../../domain/standing/notice-outbox.ts';
import type { Tags } from '../../domain/tags.ts';
import { budgetNamed, policyOf } from './example-policy.ts';
import { MemoryOutbox } from './memory-outbox.ts';
import { MemoryTagHistories } from './profiles/memory-tag-histories.ts';
import { MemoryLedger } from './spending/memory-ledger.ts';
import { MemoryCheckpoints, MemoryOpenings, MemoryUsage } from './spending/memory-usage.ts';
import { MemoryOverrides, MemorySignals } from './standing/memory-evidence.ts';

export function profileArn(id: string, region = 'us-east-1'): ProfileArn {
  const arn = parseProfileArn(`arn:aws:bedrock:${region}:123456789012:application-inference-profile/${id}`);
  if (arn === undefined) throw new Error(`no profile can have the id ${id}`);
  return arn;
}

async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const read: T[] = [];
  for await (const value of values) read.push(value);
  return read;
}

interface StoredProfile {
  readonly facts: ProfileFacts;
  readonly tags: Tags;
}

/** One port call that fails: before it has done anything, or after, when only its answer is lost. */
export interface Crash {
  /** Counts the port calls from 0. */
  readonly at: number;
  readonly when: 'before' | 'after';
}

export class PortFailure extends Error {
  override readonly name = 'PortFailure';
}

const rate = (pico: number) => pico as PicoUsdPerToken;
const NOVA_LITE: Rates = {
  input: rate(60_000),
  output: rate(240_000),
  cacheRead: rate(15_000),
  cacheWrite5m: rate(60_000),
  cacheWrite1h: rate(60_000),
};

const sorted = <T>(list: readonly T[], by: (element: T) => string): T[] =>
  [...list].sort((one, other) => by(one).localeCompare(by(other)));

/**
 * An AWS account as the domain sees it through its ports, in memory. Any port call may be made to fail, and every call
 * that changed something is kept.
 */
export class GovernedAccount {
  policy: Policy;
  readonly ledger = new MemoryLedger();
  readonly usage = new MemoryUsage();
  readonly openings = new MemoryOpenings();
  readonly checkpoints = new MemoryCheckpoints();
  readonly overrides = new MemoryOverrides();
  readonly signals = new MemorySignals();
  readonly histories = new MemoryTagHistories();
  /** What the token metrics say of a window. */
  meter: (window: MeteredWindow) => Metered = () => ({ kind: 'silent' });
  readonly stored = new Map<ProfileArn, StoredProfile>();
  readonly indexed = new Map<ProfileArn, string>();
  readonly awsBudgets = new Map<string, AwsBudgetState>();
  /** Of which AWS does not say that the governor made them. */
  readonly foreignBudgets = new Set<string>();
  readonly notices = new MemoryOutbox<Notice>(() => this.now);
  readonly chat = new MemoryOutbox<Notice>(() => this.now);
  readonly events = new MemoryOutbox<GovernorEvent>(() => this.now);
  readonly published: Notice[] = [];
  readonly chatted: Notice[] = [];
  readonly announced: GovernorEvent[] = [];
  readonly counted: MetricName[] = [];
  readonly decisions: { readonly decision: string; readonly facts: JournalFacts }[] = [];
  /** The port calls that changed something: `index.put`, `profiles.tag`. */
  changes: string[] = [];
  /** Port calls so far. */
  calls = 0;
  crash: Crash | undefined;
  /** What the price list knows of every model. */
  listed: ListedPrice | undefined = { rates: NOVA_LITE, contextWindow: 300_000 };
  /** Regions whose list breaks off after its first profile, and profiles whose tags cannot be read. */
  readonly unlistable = new Set<string>();
  readonly unreadable = new Set<ProfileArn>();
  /** What bulk reads say of a profile instead of the truth: earlier tags, or nothing. */
  readonly lagging = new Map<ProfileArn, Tags | undefined>();
  /** What CloudWatch has counted of a profile; nothing, where it is not here. */
  readonly invocations = new Map<ProfileArn, InvocationCount>();
  /** Who created a profile, where AWS says so. */
  readonly creators = new Map<ProfileArn, CreatorReading>();
  readonly undeletable = new Set<ProfileArn>();
  readonly measured = new Map<GaugeName, number>();
  cursor: SweepCursor = {};
  #now: number;
  #writeIds = 0;

  readonly #clock: Clock | undefined;

  /** @param now where its time stands until it is moved, or the clock that it goes by */
  constructor(policy: Policy = policyOf(), now: number | Clock = Date.UTC(2026, 10, 23, 10)) {
    this.policy = policy;
    this.#clock = typeof now === 'number' ? undefined : now;
    this.#now = typeof now === 'number' ? now : now.now();
  }

  get now(): EpochMs {
    return this.#clock?.now() ?? epochMs(this.#now);
  }

  moveTo(iso: string): void {
    this.#now = Date.parse(iso);
  }

  wait(ms: number): void {
    this.#now += ms;
  }

  profile(id: string, tags: Tags, region = 'us-east-1'): ProfileArn {
    const arn = profileArn(id, region);
    this.stored.set(arn, {
      facts: { arn, name: `profile-${id}`, baseModelId: 'amazon.nova-lite-v1:0', source: 'in-region' },
      tags,
    });
    return arn;
  }

  tagsOf(arn: ProfileArn): Tags | undefined {
    return this.stored.get(arn)?.tags;
  }

  entryOf(arn: ProfileArn): IndexEntry {
    const entry = parseIndexEntry(this.indexed.get(arn) ?? '');
    if (entry === undefined) throw new Error(`${arn} is not in the index`);
    return entry;
  }

  /** Settles spending on a budget in its current period, as a helper would. */
  spend(id: string, usd: number): void {
    const budget = budgetNamed(this.policy, id);
    const { id: period } = periodAt(budget.period, budget.timeZone, this.now);
    const item = this.ledger.item({ budget: budget.id, period });
    if (item === undefined) throw new Error(`no ledger item for ${id} in ${period}`);
    const amount = nanoUsd(BigInt(Math.round(usd * 1e9)));
    this.ledger.put({ ...item, settled: add(item.settled, amount), committed: add(item.committed, amount) });
  }

  ledgerItem(id: string, period: string): LedgerItem {
    const item = this.ledger.item({ budget: id as BudgetId, period });
    if (item === undefined) throw new Error(`no ledger item for ${id} in ${period}`);
    return item;
  }

  noticesOf(kind: Notice['kind']): string[] {
    return this.notices.all.flatMap(({ id, kind: its }) => (its === kind ? [id] : []));
  }

  get ports(): Sweep & { readonly deliveries: readonly Delivery[] } {
    const clock: Clock = { now: () => this.now };
    const journal: Journal = {
      decided: (decision, facts) => void this.decisions.push({ decision, facts }),
      counted: (metric) => void this.counted.push(metric),
    };
    return {
      policy: this.policy,
      stage: 'prod',
      clock,
      journal,
      newWriteId: () => `governor-${++this.#writeIds}` as WriteId,
      prices: this.#prices,
      ledger: this.#failing('ledger', this.ledger),
      openings: this.#failing('openings', this.openings),
      overrides: this.#failing('overrides', this.overrides),
      signals: this.#failing('signals', this.signals),
      usage: new UsageSince(this.#usageRecords, clock),
      checkpoints: this.#failing('checkpoints', this.checkpoints),
      readings: new UsageReadings({
        records: this.#usageRecords,
        metered: this.#failing('metered', this.#metered),
        clock,
      }),
      profiles: this.#failing('profiles', this.#profiles),
      bulkTags: this.#failing('bulkTags', this.#bulkTags),
      remover: this.#failing('remover', this.#remover),
      invocations: this.#failing('invocations', this.#invocations),
      progress: this.#failing('progress', this.#progress),
      gauges: { measured: (gauge, value) => void this.measured.set(gauge, value) },
      index: this.#failing('index', this.#index),
      histories: this.#failing('histories', this.histories),
      creators: { find: async (arn) => this.creators.get(arn) ?? { kind: 'unknown', why: 'nobody told the test' } },
      awsBudgets: this.#failing('awsBudgets', this.#awsBudgets),
      outbox: this.#outbox,
      deliveries: this.#deliveries,
    };
  }

  /** Everything that must be the same at the end, however often something failed on the way. */
  get state(): unknown {
    return {
      ledger: sorted(this.ledger.items, ({ key }) => `${key.budget} ${key.period}`).map((item) => ({
        ...item,
        holders: [...item.holders].map(([holder, { leased, expiresAt }]) => ({ holder, leased, expiresAt })),
      })),
      profiles: sorted([...this.stored], ([arn]) => arn).map(([arn, { tags }]) => [arn, Object.entries(tags).sort()]),
      // How often tags were mended today is not among it: a crash may come between the writing and the counting.
      index: [...this.indexed].map(([arn, entry]) => [arn, entry.replace(/,"mendings":\{[^}]*\}/, '')]).sort(),
      awsBudgets: sorted([...this.awsBudgets], ([name]) => name),
      notices: [...this.notices.keys()].sort(),
      chat: [...this.chat.keys()].sort(),
      // Those of notices; others are named by when they happened.
      events: this.events.all.flatMap(({ id, type }) => (/^(Budget|Drift)/.test(type) ? [] : [id])).sort(),
      openings: this.openings.kept,
      histories: this.histories.kept,
    };
  }

  /** A read is one port call, however many records it yields. */
  get #usageRecords(): UsageRecords {
    const { usage } = this;
    const whole = this.#failing('usage', { read: async (window: TimeWindow) => await all(usage.read(window)) });
    return {
      write: (record) => usage.write(record),
      async *read(window) {
        yield* await whole.read(window);
      },
    };
  }

  readonly #prices: PriceList = { ratesOf: () => this.listed };

  readonly #metered: MeteredSpend = { read: async (windows) => windows.map((window) => this.meter(window)) };

  readonly #profiles: Profiles = {
    read: async (arn) => this.stored.get(arn)?.facts,
    readTags: async (arn) => {
      const profile = this.stored.get(arn);
      if (profile === undefined || this.unreadable.has(arn)) throw new PortFailure(`the tags of ${arn} cannot be read`);
      return profile.tags;
    },
    tag: async (arn, tags) => {
      const profile = this.stored.get(arn);
      if (profile !== undefined) this.stored.set(arn, { ...profile, tags: { ...profile.tags, ...tags } });
      this.changes.push('profiles.tag');
    },
    untag: async (arn, keys) => {
      const profile = this.stored.get(arn);
      const rest = Object.entries(profile?.tags ?? {}).filter(([key]) => !keys.includes(key));
      if (profile !== undefined) this.stored.set(arn, { ...profile, tags: Object.fromEntries(rest) });
      this.changes.push('profiles.untag');
    },
    list: (region) => this.#list(region),
  };

  /** As the tagging API: not a profile that has no tags. */
  readonly #bulkTags: BulkTags = {
    read: async (region) =>
      new Map(
        [...this.stored].flatMap(([arn, profile]) => {
          const tags = this.lagging.has(arn) ? this.lagging.get(arn) : profile.tags;
          const isShown = regionOf(arn) === region && tags !== undefined && Object.keys(tags).length > 0;
          return isShown ? [[arn, tags] as const] : [];
        }),
      ),
  };

  readonly #remover: ProfileRemover = {
    remove: async (arn) => {
      if (this.undeletable.has(arn)) return { refused: 'it is in use' };
      if (this.stored.delete(arn)) this.changes.push('remover.remove');
      return 'gone';
    },
  };

  readonly #invocations: InvocationCounts = {
    read: async (_region, profiles) =>
      new Map(profiles.map((arn) => [arn, this.invocations.get(arn) ?? ({ kind: 'silent' } as const)])),
  };

  readonly #progress: SweepProgress = {
    read: async () => this.cursor,
    keep: async (cursor) => {
      this.cursor = cursor;
      this.changes.push('progress.keep');
    },
  };

  async *#list(region: string): AsyncIterable<ProfileFacts> {
    const all = [...this.stored.values()].filter(({ facts }) => regionOf(facts.arn) === region);
    for (const [position, { facts }] of all.entries()) {
      if (position > 0 && this.unlistable.has(region)) break;
      yield facts;
    }
    if (this.unlistable.has(region)) throw new PortFailure(`the list of ${region} broke off`);
  }

  readonly #index: ProfileIndex = {
    get: async (arn) => (this.indexed.has(arn) ? this.entryOf(arn) : undefined),
    put: async (entry) => {
      this.indexed.set(entry.arn, serialiseIndexEntry(entry));
      this.changes.push('index.put');
    },
    list: async (onUnreadable) =>
      [...this.indexed].flatMap(([arn, document]) => {
        const entry = parseIndexEntry(document);
        if (entry === undefined && onUnreadable !== undefined) onUnreadable(arn);
        return entry ?? (onUnreadable === undefined ? this.entryOf(arn) : []);
      }),
  };

  readonly #awsBudgets: AwsBudgets = {
    describe: async (name) => this.awsBudgets.get(name),
    figures: async (name) => this.awsBudgets.get(name),
    list: async (prefix) => new Map([...this.awsBudgets].filter(([name]) => name.startsWith(prefix))),
    create: async (budget: AwsBudget) => {
      if (this.awsBudgets.has(budget.name)) return 'exists';
      this.awsBudgets.set(budget.name, budget);
      this.changes.push('awsBudgets.create');
      return 'created';
    },
    update: async (budget, from) => {
      this.awsBudgets.set(budget.name, { ...from, ...budget });
      this.changes.push('awsBudgets.update');
      return 'updated';
    },
    remove: async (name) => {
      if (!this.awsBudgets.has(name)) return 'gone';
      if (this.foreignBudgets.has(name)) return 'not-ours';
      this.awsBudgets.delete(name);
      this.changes.push('awsBudgets.remove');
      return 'removed';
    },
  };

  get #outboxes() {
    const told = (outbox: MemoryOutbox<Notice> | MemoryOutbox<GovernorEvent>) => {
      outbox.onEntered = () => void this.changes.push('outbox.enter');
    };
    told(this.notices);
    told(this.chat);
    told(this.events);
    return {
      notices: this.#failing('notices', this.notices),
      chat: this.#failing('chat', this.chat),
      events: this.#failing('events', this.events),
    };
  }

  get #outbox(): NoticeOutbox {
    return noticeOutbox(this.#outboxes);
  }

  get #deliveries(): readonly Delivery[] {
    const { notices, chat, events } = this.#outboxes;
    const publisher = this.#failing('publisher', {
      tell: async (notice: Notice) => void this.published.push(notice),
      chat: async (notice: Notice) => void this.chatted.push(notice),
      announce: async (event: GovernorEvent) => void this.announced.push(event),
    });
    return [
      deliveryOf(
        'notices',
        notices,
        (notice) => publisher.tell(notice),
        ({ kind }) => kind,
      ),
      deliveryOf(
        'chat',
        chat,
        (notice) => publisher.chat(notice),
        ({ kind }) => kind,
      ),
      deliveryOf(
        'events',
        events,
        (event) => publisher.announce(event),
        ({ type }) => type,
      ),
    ];
  }

  /** The port with every call counted, and the one that is to crash crashing. */
  #failing<Port extends object>(name: string, port: Port): Port {
    return new Proxy(port, {
      get: (target, member) => {
        const method: unknown = Reflect.get(target, member);
        if (typeof method !== 'function') return method;
        return (...args: unknown[]): unknown => {
          const isCrash = this.calls++ === this.crash?.at;
          const failure = () => new PortFailure(`${name}.${String(member)} failed`);
          if (isCrash && this.crash?.when === 'before') throw failure();
          const answer: unknown = Reflect.apply(method, target, args);
          if (!isCrash) return answer;
          if (!(answer instanceof Promise)) throw failure();
          return answer.then(() => Promise.reject(failure()));
        };
      },
    });
  }
}
