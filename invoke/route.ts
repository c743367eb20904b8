import type { EpochMs } from '../domain/clock.ts';
import type { IndexView } from '../domain/profiles/index-cache.ts';
import type { IndexEntry } from '../domain/profiles/profile-index.ts';
import { type DatedRates, ratesAt } from '../domain/spending/dated-rates.ts';
import type { CallCost, Rates } from '../domain/spending/pricing.ts';
import type { Tags } from '../domain/tags.ts';
import type { Admissions } from './admission.ts';
import type { BudgetAccount } from './budget-account.ts';
import type { GovernanceNote } from './governance-note.ts';
import type { Model } from './governed-apis.ts';
import type { ProfileResolver } from './profile-resolver.ts';
import { Reservation } from './reservation.ts';
import type { ProfileHour, UsageRecorder } from './usage-recorder.ts';

/** Models whose routes are kept under one binding. More than this are rather misspelt in many ways. */
const KEPT_ROUTES = 100;

export interface RouteParts {
  readonly resolver: ProfileResolver;
  readonly admissions: Admissions;
  readonly usage: UsageRecorder;
}

/**
 * Where calls for one model go under one binding of tags, with all that each of them needs, found once. What a call reads
 * of the entry stands here as well: a server for many tenants finds none of it in the processor's caches, and the fewer
 * places it must look at, the better.
 */
export class Route implements Model {
  /** The only account, as with almost every profile. */
  #account: BudgetAccount | undefined;
  #usage: ProfileHour | undefined;
  /** The part of a request's path that names the profile: encoding an ARN costs as much as a reservation. */
  readonly path: string;
  readonly region: string;
  readonly contextWindow: number | undefined;
  /** The most by which calls in flight may cost more than is held for them, in nano-dollars; absent: not at all. */
  readonly maxExposure: number | undefined;
  /** The model that answers in place of this one while a budget is throttled. */
  readonly fallback: string | undefined;
  readonly #rates: Rates | undefined;
  readonly #rateChanges: readonly DatedRates[] | undefined;
  /** Of all calls that go where they were meant to. */
  readonly note: GovernanceNote;
  readonly baseModelId: string;
  readonly entry: IndexEntry;
  #accounts: readonly BudgetAccount[];
  readonly #admissions: Admissions;
  readonly #recorder: UsageRecorder;

  constructor({ admissions, usage }: Omit<RouteParts, 'resolver'>, entry: IndexEntry, now: EpochMs) {
    this.#accounts = admissions.accountsOf(entry.budgets, now);
    this.#account = onlyOf(this.#accounts);
    // Only once a call has ended: before its first answer from AWS, a process may have a clock that is far off.
    this.#usage = undefined;
    this.path = `/model/${encodeURIComponent(entry.arn)}/`;
    this.region = entry.region;
    this.contextWindow = entry.contextWindow;
    this.maxExposure = entry.maxExposure === undefined ? undefined : Number(entry.maxExposure);
    this.fallback = entry.fallback;
    this.#rates = entry.rates;
    this.#rateChanges = entry.rateChanges;
    this.note = Object.freeze({ profile: entry.arn, model: entry.baseModelId });
    this.baseModelId = entry.baseModelId;
    this.entry = entry;
    this.#admissions = admissions;
    this.#recorder = usage;
  }

  /** Where to count what is used through the profile now. */
  get usage(): ProfileHour {
    if (this.#usage === undefined || !this.#recorder.isNow(this.#usage))
      this.#usage = this.#recorder.of(this.entry.arn);
    return this.#usage;
  }

  /** What the model costs at this instant; undefined where that is not known. */
  ratesAt(now: EpochMs): Rates | undefined {
    return this.#rateChanges === undefined ? this.#rates : ratesAt(this.entry, now);
  }

  /** The accounts of the budgets that cover the profile, in the periods of this instant. */
  accountsAt(now: EpochMs): readonly BudgetAccount[] {
    if (this.#accounts.some((account) => !account.isOf(now))) {
      this.#accounts = this.#admissions.accountsOf(this.entry.budgets, now);
      this.#account = onlyOf(this.#accounts);
    }
    return this.#accounts;
  }

  /** Admits a call from the leases in hand, without waiting; undefined where they do not cover it. */
  admitAtOnce(amount: CallCost, now: EpochMs): Reservation | undefined {
    // No lease outlives its period: where one covers the call, it is of the period of now.
    const hold = this.#account?.reserve(amount, now);
    return hold === undefined
      ? this.#admissions.admitAtOnce(this.accountsAt(now), amount, now)
      : new Reservation([hold]);
  }
}

const onlyOf = <T>(all: readonly T[]): T | undefined => (all.length === 1 ? all[0] : undefined);

/**
 * The routes of one binding. The tags come from who made the governor, never from the request: whatever is written as
 * `modelId`, the profile that is found carries them all.
 */
export class Routes {
  #view: IndexView | undefined;
  #lastModel: string | undefined;
  #last: Route | undefined;
  readonly #parts: RouteParts;
  readonly tags: Tags;
  #byModel = new Map<string, Route>();

  constructor(parts: RouteParts, tags: Tags) {
    this.#parts = parts;
    this.tags = tags;
  }

  /**
   * The route, from what is in memory: undefined where the index has not been read, or says no. Then {@link find} decides.
   * With the same model as before it costs a comparison.
   */
  atOnce(modelId: string, now: EpochMs): Route | undefined {
    const { resolver } = this.#parts;
    const view = resolver.serve(now);
    if (view === undefined) return undefined;
    if (view !== this.#view) this.#forget(view);
    if (modelId === this.#lastModel) return this.#last;
    const known = this.#byModel.get(modelId);
    const entry = known?.entry ?? resolver.resolveAtOnce(modelId, this.tags);
    return entry === undefined ? undefined : this.#keep(modelId, known ?? new Route(this.#parts, entry, now));
  }

  /**
   * The route, after reading the index where that is needed.
   *
   * @throws {GovernorRefusal} that says what was looked for and what is near
   */
  async find(modelId: string): Promise<Route> {
    const { resolver } = this.#parts;
    const entry = await resolver.resolve(modelId, this.tags);
    const now = resolver.now();
    const known = this.atOnce(modelId, now);
    return known?.entry === entry ? known : new Route(this.#parts, entry, now);
  }

  #keep(modelId: string, route: Route): Route {
    if (this.#byModel.size >= KEPT_ROUTES) this.#byModel.clear();
    this.#byModel.set(modelId, route);
    this.#lastModel = modelId;
    this.#last = route;
    return route;
  }

  #forget(view: IndexView): void {
    this.#view = view;
    this.#byModel.clear();
    this.#lastModel = undefined;
    this.#last = undefined;
  }
}
