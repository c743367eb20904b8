import type { GovernorEvent } from '../../invoke/observation.ts';
import { Chance } from '../clockwork/chance.ts';
import { aliasOf } from '../run/configuration.ts';
import type { World } from '../world/world.ts';
import { drawCall, send } from './calls.ts';
import { TenantProcess } from './tenant-process.ts';

const MINUTE = 60_000;
/** Of a tenant's first profile, and of its second. */
export const MODELS = ['amazon.nova-pro-v1:0', 'amazon.nova-lite-v1:0'] as const;

function tellEvent(event: GovernorEvent): string {
  if (event.kind === 'ungoverned') return event.kind;
  const amount =
    'costNanoUsd' in event
      ? ` ${event.costNanoUsd}`
      : 'reservedNanoUsd' in event
        ? ` ${event.reservedNanoUsd} by ${event.by}`
        : '';
  const code = event.kind === 'refused' ? ` ${event.refusal.code}` : '';
  return `${event.call.operation} of ${event.call.tags['tenant']} ${event.kind}${amount}${code}`;
}

/** The tenants' processes: each place is taken by one process start after the other. */
export class Fleet {
  readonly #world: World;
  readonly #places: (TenantProcess | undefined)[];
  readonly #all: TenantProcess[] = [];
  readonly #closed = new Set<TenantProcess>();
  readonly #outcomes = new Map<string, number>();
  #calls = 0;
  #underWay = 0;

  constructor(world: World) {
    this.#world = world;
    this.#places = Array.from({ length: world.configuration.processes }, () => undefined);
  }

  get starts(): readonly TenantProcess[] {
    return this.#all;
  }

  get outcomes(): ReadonlyMap<string, number> {
    return this.#outcomes;
  }

  /** Calls that have not come back yet, of processes that live. */
  get callsUnderWay(): number {
    return this.#underWay;
  }

  processAt(place: number): TenantProcess {
    const there = this.#places[place];
    if (there !== undefined && !there.host.isGone) return there;
    const world = this.#world;
    const host = world.newHost(`p${place}`);
    const { leaseSeconds, maxWaitMs, hasHints, isLending, tenants } = world.configuration;
    const alias = isLending ? aliasOf(tenants[place % tenants.length] ?? '') : undefined;
    const process: TenantProcess = new TenantProcess(
      host,
      world.clientFor(host),
      { leaseSeconds, maxWaitMs, hasHints, alias },
      (event) => {
        if (host.isGone) return;
        world.trace.say(() => `${host.name}: ${tellEvent(event)}`);
        world.admissions.heard(event);
        if (event.kind === 'settled' || event.kind === 'unconfirmed' || event.kind === 'released')
          for (const { held, key } of process.governing?.snapshot().budgets ?? [])
            world.judge.check(
              'no-negative-hold',
              held >= 0,
              () => `${host.name} holds ${held} of ${key.budget} ${key.period}`,
            );
      },
    );
    this.#places[place] = process;
    this.#all.push(process);
    world.trace.say(() => `${host.name} starts`);
    return process;
  }

  crash(place: number): void {
    const { host } = this.processAt(place);
    this.#world.trace.say(() => `${host.name} crashes`);
    host.crash();
  }

  /** Ends a process in order; the next call at its place starts another. */
  restart(place: number): void {
    const process = this.processAt(place);
    this.#places[place] = undefined;
    // Calls that are still under way end with it, or before.
    this.#world.scheduler.after(30_000, () => {
      void process
        .close()
        .catch(() => {})
        // Whether or not the table took it: the program is over.
        .then(() => process.host.crash());
    });
  }

  /** Calls come one after the other, each drawn from a stream of its own. */
  begin(): void {
    const { scheduler, configuration } = this.#world;
    const { seed, callsPerMinute, endAt } = configuration;
    const arrivals = new Chance(seed, 'arrivals');
    const arrive = (): void => {
      if (scheduler.now >= endAt) return;
      const number = ++this.#calls;
      if (!this.#world.isLeftOut(`call-${number}`)) void this.#call(number);
      // Some come in bursts.
      scheduler.after(arrivals.happens(0.2) ? 5 : arrivals.exponential((MINUTE / callsPerMinute) * 1.25), arrive);
    };
    arrive();
  }

  #placeFor(tenant: number, chance: Chance): number {
    const { isApart, tenants } = this.#world.configuration;
    const place = chance.whole(0, this.#places.length - 1);
    if (!isApart) return place;
    const theirs = this.#places.flatMap((_, at) => (at % tenants.length === tenant ? [at] : []));
    return theirs[place % theirs.length] ?? place;
  }

  async #call(number: number): Promise<void> {
    const world = this.#world;
    const { seed, tenants } = world.configuration;
    const chance = new Chance(seed, `call ${number}`);
    const tenant = chance.pick(tenants);
    const process = this.processAt(this.#placeFor(tenants.indexOf(tenant), chance));
    const call = drawCall(chance, world.faults, MODELS.slice(0, world.configuration.profilesPerTenant));
    const { host } = process;
    this.#underWay++;
    host.deliver(() => {
      void process
        .callsOf(tenant)
        .then((bound) => send({ host, runtime: world.runtime, ...bound, call, tenant }))
        .catch((error: unknown) => ({ kind: 'failed' as const, name: `not even begun: ${String(error)}` }))
        .then((outcome) => {
          this.#underWay--;
          const name =
            outcome.kind === 'refused' ? outcome.code : outcome.kind === 'failed' ? outcome.name : outcome.kind;
          this.#outcomes.set(name, (this.#outcomes.get(name) ?? 0) + 1);
          world.trace.say(() => `${host.name}: call ${number} of ${tenant}: ${name}`);
        });
    });
  }

  /**
   * All that live tell everything, and are over.
   * @param whichAwakeSince those alone that were not frozen since: what they have slept through is still to be done
   */
  async close(whichAwakeSince: number = Number.POSITIVE_INFINITY): Promise<void> {
    const awake = this.#all.filter(({ host }) => !host.isGone && host.awakeSince <= whichAwakeSince);
    const open = awake.filter((process) => !this.#closed.has(process));
    for (const process of open) this.#closed.add(process);
    await Promise.allSettled(open.map((process) => process.close()));
  }
}
