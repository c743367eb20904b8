import type { InvokeCommandInput } from '@aws-sdk/client-lambda';
import type { Surroundings } from '../../infra/surroundings.ts';
import { Chance } from '../clockwork/chance.ts';
import { Scheduler } from '../clockwork/scheduler.ts';
import { Functions } from '../fleet/functions.ts';
import { Host } from '../fleet/host.ts';
import { AdmissionWatch, SKEW_MS } from '../invariants/admissions.ts';
import { IndexWatch } from '../invariants/index-watch.ts';
import { Judge } from '../invariants/judge.ts';
import { LedgerBooks } from '../invariants/ledger-books.ts';
import type { Configuration } from '../run/configuration.ts';
import { Faults } from '../run/faults.ts';
import { Trace } from '../run/trace.ts';
import { AwsBudgetsRegister } from './aws-budgets.ts';
import { Bill } from './bill.ts';
import { clientsOf, type Services } from './clients.ts';
import { TokenMetrics } from './cloudwatch.ts';
import { CostExplorer } from './cost-explorer.ts';
import { dynamodb } from './dynamodb.ts';
import { GovernorTable } from './governor-table.ts';
import { ssm, Told } from './messages.ts';
import { Network } from './network.ts';
import { ACCOUNT, bedrock, type ProfileChange, REGION, SimulatedProfiles, tagging } from './profiles.ts';
import { Runtime } from './runtime.ts';
import { LaterVersion, runsLater } from './versions.ts';
import { Watchers } from './watchers.ts';

/** Before the calls begin: for the policy, the profiles and a first sweep. */
export const SETUP_MS = 120_000;
/** For so long functions of both versions serve. */
const ROLLOUT_MS = 90_000;

/** One account of AWS with the governor in it, and everything that watches over both. */
export class World {
  readonly configuration: Configuration;
  readonly scheduler: Scheduler;
  readonly trace: Trace;
  readonly faults: Faults;
  readonly judge: Judge;
  readonly books: LedgerBooks;
  readonly index: IndexWatch;
  readonly table: GovernorTable;
  readonly profiles: SimulatedProfiles;
  readonly bill = new Bill();
  readonly told = new Told();
  readonly awsBudgets = new AwsBudgetsRegister();
  readonly watchers = new Watchers();
  readonly costExplorer = new CostExplorer();
  readonly runtime: Runtime;
  readonly functions: Functions;
  readonly admissions: AdmissionWatch;
  readonly periods: readonly [string, string];
  readonly #services: Services;
  /** As programs of a later version see them. */
  readonly #laterServices: Services;
  readonly #network: Network;
  readonly #later: LaterVersion | undefined;
  readonly #named = new Map<string, Host>();
  #hosts = 0;

  constructor(configuration: Configuration, isTraced: boolean) {
    const { seed, startAt, shares, taggingLagMs, metricsDelayMs } = configuration;
    this.configuration = configuration;
    const scheduler = new Scheduler(startAt - SETUP_MS);
    const now = (): number => scheduler.now;
    this.scheduler = scheduler;
    this.trace = new Trace(isTraced, now);
    this.faults = new Faults(shares, new Chance(seed, 'faults'), this.trace);
    this.judge = new Judge(now);
    this.books = new LedgerBooks(
      this.judge,
      now,
      configuration,
      (process) => this.#named.get(process),
      (tenant) => this.bill.spentAfter(tenant, configuration.turnAt - SKEW_MS),
    );
    this.periods = periodsOf(configuration);
    this.table = new GovernorTable((pk, sk, before, after) => {
      const { actor, begunAt } = this.#network;
      if (pk.startsWith('LEDGER#')) this.books.saw({ pk, sk, before, after, actor });
      if (this.#later?.isLater(pk, before) === true)
        this.judge.check(
          'versions',
          actor !== undefined && runsLater(actor),
          () => `${actor?.name} wrote to ${pk} ${sk}, which is of a later version`,
        );
      if (pk === 'INDEX' && actor !== undefined) this.index.saw(sk, after, actor, begunAt);
      this.trace.say(() => `the table has ${pk} ${sk}: ${JSON.stringify(after)}`);
    });
    this.profiles = new SimulatedProfiles(now, (arn, change) => this.#tellChange(arn, change));
    this.index = new IndexWatch(this.judge, this.profiles);
    const metrics = new TokenMetrics();
    const { faults, profiles, bill } = this;
    this.runtime = new Runtime({ profiles, bill, metrics, metricsDelayMs, faults, trace: this.trace });
    this.#services = {
      bedrock: bedrock(profiles),
      budgets: this.awsBudgets.operations,
      cloudtrail: { LookupEventsCommand: () => ({ Events: [] }) },
      cloudwatch: {
        ...metrics.operations(now, () => faults.happens('partialMetrics')),
        ...this.watchers.alarmOperations,
      },
      'cost-explorer': { ...this.costExplorer.operations, ...this.watchers.anomalyOperations },
      dynamodb: dynamodb(this.table, new Chance(seed, 'batches'), () => faults.happens('leftOver')),
      eventbridge: this.told.eventBridge((type, detail, source) => this.#onBus(type, detail, source)),
      iam: {},
      lambda: {
        InvokeCommand: ({ Qualifier = '', Payload = new Uint8Array() }: InvokeCommandInput) =>
          this.functions.ask('lease', Qualifier, Payload as Uint8Array),
      },
      sns: this.told.sns,
      ssm: ssm(),
      tagging: tagging(profiles, now, taggingLagMs),
    };
    const { upgrade } = configuration;
    const later = upgrade === undefined ? undefined : new LaterVersion(upgrade.kind);
    this.#laterServices =
      later === undefined ? this.#services : { ...this.#services, dynamodb: later.operations(this.#services.dynamodb) };
    this.#later = later;
    this.#network = new Network(faults, this.trace);
    const rollout = new Chance(seed, 'rollout');
    this.functions = new Functions({
      scheduler,
      chance: new Chance(seed, 'functions'),
      trace: this.trace,
      newHost: (name) => this.newHost(name),
      clientFor: (host) => this.clientFor(host),
      isCold: (name) => faults.isOn && rollout.happens(name === 'lease' ? 0.02 : 0.1),
      isServing: (host) => host.version === this.#versionAt(scheduler.now - ROLLOUT_MS) || runsLater(host),
      answered: (name, answer) =>
        this.judge.check('events', isUnderstood(answer), () => `${name} answered ${JSON.stringify(answer)}`),
    });
    this.admissions = new AdmissionWatch({
      judge: this.judge,
      books: this.books,
      profiles,
      configuration,
      periods: this.periods,
      now,
    });
  }

  isLeftOut(name: string): boolean {
    return this.configuration.without.has(name);
  }

  newHost(name: string): Host {
    const { seed, skewMs } = this.configuration;
    const full = `${name}-${++this.#hosts}`;
    const chance = new Chance(seed, `host ${full}`);
    const host = new Host(full, this.scheduler, chance, chance.between(-skewMs, skewMs));
    host.version = this.#versionAt(this.scheduler.now);
    // People upgrade their command when they come to it.
    if (name === 'operator' && host.version === 2 && chance.happens(0.5)) host.version = 1;
    this.#named.set(full, host);
    return host;
  }

  /** Whether a process has ended without a word, or was ever frozen. */
  isGone(process: string): boolean {
    const host = this.#named.get(process);
    return host === undefined || host.isGone || host.wasFrozen;
  }

  clientFor(host: Host): Surroundings['client'] {
    return clientsOf(host, runsLater(host) ? this.#laterServices : this.#services, this.#network);
  }

  /** Whoever starts from the rollout on runs the later version: functions, operators, and tenants' processes. */
  #versionAt(now: number): 1 | 2 {
    const { upgrade } = this.configuration;
    return upgrade === undefined || now < upgrade.at ? 1 : 2;
  }

  /** CloudTrail's record of a change, by EventBridge: lost, late, twice, or out of order. */
  #tellChange(arn: string, eventName: ProfileChange): void {
    const { now } = this.scheduler;
    this.trace.say(() => `${eventName} ${arn}`);
    // Before anything misbehaves a sweep does all.
    if (now < this.configuration.startAt) return;
    const event = {
      source: 'aws.bedrock',
      'detail-type': 'AWS API Call via CloudTrail',
      account: ACCOUNT,
      region: REGION,
      time: new Date(Math.floor(now / 1_000) * 1_000).toISOString().replace('.000', ''),
      detail: {
        eventSource: 'bedrock.amazonaws.com',
        eventName,
        awsRegion: REGION,
        recipientAccountId: ACCOUNT,
        requestParameters: {
          resourceARN: arn,
          inferenceProfileIdentifier: arn,
          tags: Object.entries(this.profiles.get(arn)?.tags ?? {}).map(([key, value]) => ({ key, value })),
        },
        responseElements: { inferenceProfileArn: arn },
      },
    };
    for (const ms of this.faults.ofEvent())
      this.scheduler.after(ms, () => this.functions.invoke('profile-changed', event));
  }

  #onBus(type: string, detail: unknown, source: string): void {
    if (type !== 'BudgetThresholdHint') return;
    const event = { source, 'detail-type': type, account: ACCOUNT, detail };
    for (const ms of this.faults.ofEvent()) this.scheduler.after(ms, () => this.functions.invoke('budget-hint', event));
  }
}

/** Events here are genuine: none is to be taken for something else. */
function isUnderstood(answer: unknown): boolean {
  if (typeof answer !== 'object' || answer === null) return true;
  const { kind, unreadable = 0 } = answer as { readonly kind?: unknown; readonly unreadable?: unknown };
  return kind !== 'unreadable' && kind !== 'not-ours' && unreadable === 0;
}

/** Calendars cost more than all else that a seed begins with, and there are few of them. */
const knownPeriods = new Map<string, readonly [string, string]>();

/** The ids of the days before and after the turn, in the policy's time zone. */
function periodsOf({ timeZone, turnAt }: Configuration): readonly [string, string] {
  const name = `${timeZone} ${turnAt}`;
  const known = knownPeriods.get(name) ?? daysAround(timeZone, turnAt);
  knownPeriods.set(name, known);
  return known;
}

function daysAround(timeZone: string, turnAt: number): readonly [string, string] {
  const day = (at: number): string =>
    new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' }).format(at);
  return [day(turnAt - 3_600_000), day(turnAt + 3_600_000)];
}
