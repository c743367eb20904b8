import type { EpochMs } from '../domain/clock.ts';
import type { IndexView } from '../domain/profiles/index-cache.ts';
import type { IndexEntry } from '../domain/profiles/profile-index.ts';
import type { Tags } from '../domain/tags.ts';
import type { Admissions } from './admission.ts';
import type { BudgetAccount } from './budget-account.ts';
import type { ProfileResolver } from './profile-resolver.ts';
import type { ProfileUsage, UsageRecorder } from './usage-recorder.ts';

/** Models whose routes are kept under one binding. More than this are rather misspelt in many ways. */
const KEPT_ROUTES = 100;

export interface RouteParts {
  readonly resolver: ProfileResolver;
  readonly admissions: Admissions;
  readonly usage: UsageRecorder;
}

/** Where calls for one model go under one binding of tags, with all that each of them needs, found once. */
export class Route {
  readonly entry: IndexEntry;
  /** The part of a request's path that names the profile: encoding an ARN costs as much as a reservation. */
  readonly path: string;
  readonly usage: ProfileUsage;
  readonly #admissions: Admissions;
  #accounts: readonly BudgetAccount[];

  constructor({ admissions, usage }: Omit<RouteParts, 'resolver'>, entry: IndexEntry, now: EpochMs) {
    this.entry = entry;
    this.path = `/model/${encodeURIComponent(entry.arn)}/`;
    this.usage = usage.of(entry.arn);
    this.#admissions = admissions;
    this.#accounts = admissions.accountsOf(entry.budgets, now);
  }

  /** The accounts of the budgets that cover the profile, in the periods of this instant. */
  accountsAt(now: EpochMs): readonly BudgetAccount[] {
    for (const { endsAt } of this.#accounts)
      if (now >= endsAt) {
        this.#accounts = this.#admissions.accountsOf(this.entry.budgets, now);
        break;
      }
    return this.#accounts;
  }
}

/**
 * The routes of one binding. The tags come from who made the governor, never from the request: whatever is written as
 * `modelId`, the profile that is found carries them all.
 */
export class Routes {
  readonly #parts: RouteParts;
  readonly #tags: Tags;
  #byModel = new Map<string, Route>();
  #view: IndexView | undefined;
  #lastModel: string | undefined;
  #last: Route | undefined;

  constructor(parts: RouteParts, tags: Tags) {
    this.#parts = parts;
    this.#tags = tags;
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
    const entry = known?.entry ?? resolver.resolveAtOnce(modelId, this.#tags);
    return entry === undefined ? undefined : this.#keep(modelId, known ?? new Route(this.#parts, entry, now));
  }

  /**
   * The route, after reading the index where that is needed.
   *
   * @throws {GovernorRefusal} that says what was looked for and what is near
   */
  async find(modelId: string): Promise<Route> {
    const { resolver } = this.#parts;
    const entry = await resolver.resolve(modelId, this.#tags);
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
