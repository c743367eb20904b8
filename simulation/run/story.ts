import { Chance } from '../clockwork/chance.ts';
import { Fleet, MODELS } from '../fleet/fleet.ts';
import type { FunctionName } from '../fleet/functions.ts';
import { Operators } from '../fleet/operators.ts';
import { costOf } from '../world/bill.ts';
import { ACCOUNT, without } from '../world/profiles.ts';
import { alarmEvent, anomalyEvent } from '../world/watchers.ts';
import type { World } from '../world/world.ts';
import { type Configuration, type Planned, policyDocument } from './configuration.ts';

const MINUTE = 60_000;
const HOUR = 3_600_000;

/** The course of one seed: the governor is set up, everything misbehaves over the turn of a period, and comes to rest. */
export class Story {
  readonly world: World;
  readonly fleet: Fleet;
  readonly operators: Operators;
  readonly #chance: Chance;
  readonly #profiles: string[] = [];
  #sweepsLateUntil = 0;

  constructor(world: World) {
    this.world = world;
    this.fleet = new Fleet(world);
    this.operators = new Operators(world);
    this.#chance = new Chance(world.configuration.seed, 'story');
  }

  async tell(): Promise<void> {
    await this.#setUp();
    await this.#misbehave();
    await this.#comeToRest();
  }

  async #setUp(): Promise<void> {
    const { world } = this;
    const { configuration, functions, scheduler } = world;
    await this.operators.apply(policyDocument(configuration));
    for (const tenant of configuration.tenants)
      for (let n = 0; n < configuration.profilesPerTenant; n++)
        this.#profiles.push(this.#create(tenant, MODELS[n] ?? MODELS[0], false));
    await functions.run('sweep');
    await scheduler.until(configuration.startAt);
  }

  async #misbehave(): Promise<void> {
    const { world } = this;
    const { configuration, functions, scheduler, faults } = world;
    faults.isOn = true;
    for (const planned of configuration.plan) scheduler.at(planned.at, () => this.#happen(planned));
    this.#every(1.5 * MINUTE, () => {
      functions.invoke('ledger-watch', {});
      functions.invoke('reopen-ended', {});
    });
    // So that each seed has some: they are five minutes apart in infra/serverless.yml.
    this.#every(2.5 * MINUTE, () => {
      if (scheduler.now >= this.#sweepsLateUntil) functions.invoke('sweep', {});
    });
    // Hourly and daily there, and never but once in a seed then.
    this.#every(4 * MINUTE, () => functions.invoke('outlook', {}));
    this.#every(6 * MINUTE, () => functions.invoke('billing', {}));
    this.fleet.begin();
    await scheduler.until(configuration.endAt);
    faults.isOn = false;
  }

  /** On a schedule; now and then one does not come, or comes twice. */
  #every(ms: number, run: () => void): void {
    const { scheduler, configuration, faults } = this.world;
    const again = (): void => {
      if (scheduler.now >= configuration.endAt) return;
      if (!faults.happens('eventLost')) run();
      if (faults.happens('eventTwice')) run();
      scheduler.after(ms, again);
    };
    scheduler.after(ms * this.#chance.next(), again);
  }

  /**
   * Faults are over. Everybody who lives tells what there is to tell, graces and delays pass, and the sweeps do what is left;
   * the last of them find nothing to do.
   */
  async #comeToRest(): Promise<void> {
    const { world } = this;
    const { functions, scheduler, configuration } = world;
    const { endAt, turnAt, plan } = configuration;
    // Some calls are under way yet: what they come to is told when they end.
    await scheduler.until(endAt + 0.1 * MINUTE);
    await functions.run('reopen-ended');
    await this.fleet.close(endAt);
    // The longest that a process is frozen.
    await scheduler.until(endAt + 4 * MINUTE);
    await this.fleet.close();
    await functions.run('ledger-watch');
    // The last late copies have come, and leases of processes that are gone are past their grace.
    await scheduler.until(endAt + 26 * MINUTE);
    // One that comes twice finds nothing more of what went round the helper.
    const isAgain = this.#chance.happens(plan.some(({ kind }) => kind === 'bypass') ? 0.4 : 0.15);
    if (isAgain) await functions.run('sweep');
    await functions.run('outlook');
    await functions.run('billing');
    await scheduler.until(turnAt + 2.4 * HOUR);
    await functions.run('sweep');
    await scheduler.until(scheduler.now + 10 * MINUTE);
  }

  #create(tenant: string, model: string, isViolating: boolean): string {
    const team = isViolating ? 'green' : this.#chance.pick(['blue', 'red']);
    // Some leave it to the policy's default.
    const tags = this.#chance.happens(0.4) ? { tenant, team } : { tenant, team, env: 'test' };
    return this.world.profiles.create(`${tenant}-${model.slice(7, 15)}`, model, tags).arn;
  }

  #happen(planned: Planned): void {
    const { world, fleet } = this;
    const { faults, profiles, scheduler, configuration } = world;
    const tenantOf = (index: number): string => configuration.tenants[index] ?? '';
    faults.count(planned.kind);
    world.trace.say(() => `${planned.name}: ${JSON.stringify(planned)}`);
    switch (planned.kind) {
      case 'crash':
        fleet.crash(planned.process);
        return;
      case 'restart':
        fleet.restart(planned.process);
        return;
      case 'freeze':
        fleet.processAt(planned.process).host.freeze(planned.ms);
        return;
      case 'clock-set':
        fleet.processAt(planned.process).host.setClock(planned.ms);
        return;
      case 'disable':
      case 'enable':
        void this.operators.say(planned.kind, tenantOf(planned.tenant), planned.forMs, 0n);
        return;
      case 'raise': {
        const amount = BigInt(Math.round(configuration.limitUsd * planned.share * 1e9));
        void this.operators.say('raise', tenantOf(planned.tenant), planned.forMs, amount);
        return;
      }
      case 'retag':
        profiles.retag(this.#profileAt(planned.profile), (tags) => ({ ...tags, tenant: tenantOf(planned.tenant) }));
        return;
      case 'violate':
        profiles.retag(this.#profileAt(planned.profile), (tags) => ({ ...tags, team: 'green' }));
        return;
      case 'mend':
        profiles.retag(this.#profileAt(planned.profile), (tags) => ({ ...without(tags, ['env']), team: 'red' }));
        return;
      case 'delete':
        profiles.delete(this.#profileAt(planned.profile));
        return;
      case 'create':
        this.#create(tenantOf(planned.tenant), 'amazon.nova-lite-v1:0', planned.isViolating);
        return;
      case 'policy':
        this.operators.apply(policyDocument(configuration, planned.factor)).catch(() => {});
        return;
      case 'bypass':
        for (let call = 0; call < planned.calls; call++) this.#bypass(this.#profileAt(planned.profile));
        return;
      case 'alert':
        this.#alert(tenantOf(planned.tenant));
        return;
      case 'alarm':
        this.#alarm(tenantOf(planned.tenant), planned);
        return;
      case 'anomaly':
        this.#anomaly(planned.name, tenantOf(planned.tenant), planned.isTrue);
        return;
      case 'outage':
        faults.outages.push({ from: scheduler.now, until: scheduler.now + planned.ms });
        return;
      case 'sweeps-late':
        this.#sweepsLateUntil = scheduler.now + planned.ms;
    }
  }

  #profileAt(index: number): string {
    return this.#profiles[index] ?? '';
  }

  /** Somebody calls a model through the profile without the helper. */
  #bypass(arn: string): void {
    const { world } = this;
    const tags = world.profiles.get(arn)?.tags;
    if (tags === undefined) return;
    const host = world.newHost('bypass');
    host.isSpared = true;
    const tokens = { input: 500, output: 300, cacheRead: 0 };
    const plan = { api: 'Converse', tokens, latencyMs: 900, breaksAt: undefined, isUsageTold: true } as const;
    const path = `/model/${encodeURIComponent(arn)}/converse`;
    const request = {
      host,
      path,
      plan,
      signal: undefined,
      tenant: tags['tenant'] ?? '',
      isGoverned: false,
      admittedAt: world.scheduler.now,
    };
    world.runtime.answer(request).catch(() => {});
  }

  /** An alarm goes off and is over; one that is made up is known to nobody but whoever says so. */
  #alarm(tenant: string, { isTrue, forMs }: { readonly isTrue: boolean; readonly forMs: number }): void {
    const { scheduler, watchers } = this.world;
    const name = isTrue ? alarmOf(tenant) : `${alarmOf(tenant)}: made up`;
    const turn = (isInAlarm: boolean): void => {
      if (isTrue) watchers.change(name, { at: Math.floor(scheduler.now), isInAlarm });
      this.#send('metric-alarm', alarmEvent(name));
    };
    turn(true);
    scheduler.after(forMs, () => turn(false));
  }

  /** Of the day before: Cost Anomaly Detection goes by billing. */
  #anomaly(id: string, tenant: string, isTrue: boolean): void {
    const { scheduler, watchers } = this.world;
    const day = new Date(scheduler.now - 24 * HOUR).toISOString().slice(0, 10);
    if (isTrue) watchers.find({ id, dimension: `tenant$${tenant}`, day });
    this.#send('cost-anomaly', anomalyEvent(id, day));
  }

  #send(to: FunctionName, event: object): void {
    const { scheduler, faults, functions } = this.world;
    for (const ms of faults.ofEvent()) scheduler.after(ms, () => functions.invoke(to, event));
  }

  /** AWS Budgets refreshes its figures, hours late, and alerts. */
  #alert(tenant: string): void {
    const { world } = this;
    const { scheduler, faults, awsBudgets, bill, functions } = world;
    const name = `governor/prod/tenant-daily/${tenant}`;
    const updatedAt = scheduler.now - this.#chance.between(0, 4 * MINUTE);
    const day = Math.floor(updatedAt / 86_400_000);
    const actual = bill.attempts
      .filter(
        (attempt) =>
          attempt.tenant === tenant &&
          Math.floor(attempt.admittedAt / 86_400_000) === day &&
          (attempt.endedAt ?? Number.POSITIVE_INFINITY) <= updatedAt,
      )
      .reduce((sum, { cost }) => sum + cost, 0n);
    // In whole cents, rounded down.
    awsBudgets.refresh(name, (Number(actual / 10_000_000n) / 100).toFixed(2), updatedAt);
    const Message = `AWS Budget Notification\nAWS Account ${ACCOUNT}\n\nBudget Name: ${name}\nBudget Type: Cost\nAlert Type: ACTUAL\n`;
    for (const ms of faults.ofEvent())
      scheduler.after(ms, () => functions.invoke('budget-alert', { Records: [{ Sns: { Message } }] }));
  }
}

/** The alarm that somebody has put on a tenant's budget, by the budget's name in AWS. */
export const alarmOf = (tenant: string): string => `governor/prod/tenant-daily/${tenant}`;

export type { Configuration };
export const COST_OF_A_BYPASS = costOf('amazon.nova-pro-v1:0', { input: 500, output: 300, cacheRead: 0 });
