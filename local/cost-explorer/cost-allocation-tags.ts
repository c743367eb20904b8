import { AwsFault, type BilledUsage, type Operation, type World } from '../service.ts';
import { cutPage, invalid, members, pageSize } from './refusals.ts';

const DAY_MS = 86_400_000;

/** From the first spend with a tag until its key is listed. [docs: activating-tags, "up to 24 hours"] */
const KNOWN_AFTER_MS = DAY_MS;

interface KeyState {
  readonly isActive: boolean;
  readonly changedAt: number;
}

/** The tag keys that billing has met, and which of them count. */
export class CostAllocationTags {
  readonly #world: World;
  readonly #states = new Map<string, KeyState>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Keys that billing knows now, each with the time of its last use, in alphabetical order. */
  known(): ReadonlyMap<string, { readonly lastUsed: number }> {
    const first = new Map<string, number>();
    const last = new Map<string, number>();
    for (const { at, tags } of this.#world.billing)
      for (const key of Object.keys(tags)) {
        if (!first.has(key)) first.set(key, at);
        last.set(key, at);
      }
    const now = this.#world.clock.now();
    const known = [...last].filter(([key]) => now - (first.get(key) ?? now) >= KNOWN_AFTER_MS);
    return new Map(known.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, lastUsed]) => [key, { lastUsed }]));
  }

  stateOf(key: string): KeyState | undefined {
    return this.#states.get(key);
  }

  set(key: string, isActive: boolean): void {
    if (this.#states.get(key)?.isActive === isActive) return;
    this.#states.set(key, { isActive, changedAt: this.#world.clock.now() });
  }

  /** The usage with the tags that count: those whose keys were active when it was spent. Not retroactive. */
  asBilled(usage: BilledUsage): BilledUsage {
    const counting = Object.entries(usage.tags).filter(([key]) => {
      const state = this.#states.get(key);
      return state?.isActive === true && state.changedAt <= usage.at;
    });
    return { ...usage, tags: Object.fromEntries(counting) };
  }
}

/** Wording of recorded messages; which operations of a linked account are refused with which code is UNVERIFIED. */
const linked = (doing: string): AwsFault =>
  new AwsFault(
    'AccessDeniedException',
    `Failed to ${doing} Cost Allocation Tags: Linked account doesn't have access to cost allocation tags.`,
  );

export function costTagOperations(
  tags: CostAllocationTags,
  { isLinked }: { readonly isLinked: boolean },
): Readonly<Record<string, Operation>> {
  return {
    ListCostAllocationTags(input) {
      if (isLinked) throw linked('list');
      const read = members(input);
      const keys = read.strings('TagKeys');
      if (keys.length > 100) throw invalid('TagKeys must hold 100 keys at most.');
      const status = read.optionalString('Status');
      const type = read.optionalString('Type') ?? 'UserDefined';
      const listed = [...tags.known()].flatMap(([key, { lastUsed }]) => {
        const state = tags.stateOf(key);
        const Status = state?.isActive === true ? 'Active' : 'Inactive';
        if (type !== 'UserDefined' || (keys.length > 0 && !keys.includes(key))) return [];
        if (status !== undefined && status !== Status) return [];
        return {
          TagKey: key,
          Type: 'UserDefined',
          Status,
          LastUsedDate: `${new Date(lastUsed).toISOString().slice(0, 7)}-01T00:00:00Z`,
          ...(state === undefined
            ? {}
            : { LastUpdatedDate: new Date(state.changedAt).toISOString().replace(/\.\d+/, '') }),
        };
      });
      const { items, next } = cutPage(listed, pageSize(input, 100, 1000), read.optionalString('NextToken'));
      return { CostAllocationTags: [...items], ...(next === undefined ? {} : { NextToken: next }) };
    },

    UpdateCostAllocationTagsStatus(input) {
      if (isLinked) throw linked('update');
      const entries = members(input)
        .objects('CostAllocationTagsStatus')
        .map((entry) => {
          const [key, status] = [members(entry).string('TagKey'), members(entry).string('Status')];
          if (status !== 'Active' && status !== 'Inactive') throw invalid('Status must be Active or Inactive.');
          return { key, isActive: status === 'Active' };
        });
      if (entries.length < 1 || entries.length > 20) throw invalid('1 to 20 keys can be updated at once.');
      const known = tags.known();
      const Errors = entries.flatMap(({ key, isActive }) => {
        if (known.has(key)) {
          tags.set(key, isActive);
          return [];
        }
        // The code is UNVERIFIED.
        return [{ TagKey: key, Code: 'TagKeysNotFoundException', Message: `Tag keys not found: ${key}` }];
      });
      return { Errors };
    },
  };
}
