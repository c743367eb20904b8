import type { Host } from '../fleet/host.ts';
import type { Item } from '../world/attributes.ts';
import type { SimulatedProfiles, Tags } from '../world/profiles.ts';
import type { Judge } from './judge.ts';

/** What a function has read of a profile serves it for so long: see domain/profiles/hear-profile.ts. */
const REMEMBERED_MS = 11_000;

/** Events are hints: what is written into the index was true at some moment while whoever wrote it was at work. */
export class IndexWatch {
  readonly #judge: Judge;
  readonly #profiles: SimulatedProfiles;

  constructor(judge: Judge, profiles: SimulatedProfiles) {
    this.#judge = judge;
    this.#profiles = profiles;
  }

  /** @param begunAt when the writer began what it was at as it sent this: a copy of it may arrive much later */
  saw(arn: string, after: Item | undefined, actor: Host, begunAt: number): void {
    const document = after?.['entry']?.S;
    if (document === undefined) return;
    const { tags, endedAt } = JSON.parse(document) as { readonly tags: Tags; readonly endedAt?: number };
    const since = begunAt - REMEMBERED_MS;
    const history = this.#profiles.historyOf(arn);
    const seen = history.filter(
      ({ at }, index) => at >= since || (history[index + 1]?.at ?? Number.POSITIVE_INFINITY) >= since,
    );
    const isTrue = seen.some((state) =>
      endedAt === undefined ? state.tags !== undefined && own(state.tags) === own(tags) : state.tags === undefined,
    );
    this.#judge.check(
      'index-truth',
      isTrue,
      () =>
        `${actor.name} wrote ${JSON.stringify(tags)} of ${arn}${endedAt === undefined ? '' : ', ended'}, and at work it cannot have seen that`,
    );
  }
}

/** Without the governor's own, and without what a default may have added a moment before. */
const own = (tags: Tags): string =>
  JSON.stringify(
    Object.entries(tags)
      .filter(([key]) => !key.startsWith('governor:') && key !== 'env')
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
