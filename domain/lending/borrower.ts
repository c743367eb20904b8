import type { BudgetId } from '../budgets/budget-id.ts';
import { budgetOf } from '../budgets/definition.ts';
import type { Policy } from '../policy/policy.ts';
import type { ProfileArn } from '../profiles/profile-arn.ts';
import type { CoveringBudget, IndexEntry } from '../profiles/profile-index.ts';
import type { TagHistory } from '../profiles/tag-history.ts';
import type { HolderId, LedgerItem, WriteId } from '../spending/ledger.ts';
import type { ProcessId, TimeWindow } from '../spending/usage-record.ts';
import { type Tags, tagValue } from '../tags.ts';
import type { Identity } from './caller.ts';

/** What the governor knows, by which it decides who may borrow from what. */
export interface LendingFacts {
  readonly policy: Policy;
  readonly entries: readonly IndexEntry[];
}

/** How a budget stands to a caller. */
export interface Claim {
  /** Among how many cells the budget's processes are divided. */
  readonly cells?: number;
  /** Whether a living profile of the caller is covered by it: only then it lends. */
  readonly isCovered: boolean;
  /** Whether it selects nothing but the caller's own profiles, so that whatever is told of it is told of the caller. */
  readonly isOwn: boolean;
  /** Whether it only watches. */
  readonly isShadow: boolean;
}

const MARK = '~';

/** One caller among all: what is theirs, and the names under which the ledger keeps it. */
export class Borrower {
  readonly identity: Identity;
  readonly #facts: LendingFacts;
  readonly #prefix: string;

  /** @param namespace names the identity in ledger items and usage records; as good as unique, without `~`, `.` or `#` */
  constructor(facts: LendingFacts, identity: Identity, namespace: string) {
    this.#facts = facts;
    this.identity = identity;
    this.#prefix = `${namespace}${MARK}`;
  }

  /** Whether every tag that AWS's word gives the caller is on the profile. Deleted profiles stay whose they were. */
  #owns = ({ tags }: { readonly tags: Tags }): boolean =>
    Object.entries(this.identity.tags).every(([key, value]) => tagValue(tags, key) === value);

  ownsProfile(arn: ProfileArn): boolean {
    return this.#facts.entries.some((entry) => entry.arn === arn && this.#owns(entry));
  }

  /** Whether a profile with this history was the caller's at any time of a window, as far as the history is kept. */
  ownedIn(history: TagHistory, { from, until }: TimeWindow): boolean {
    return history.some(
      (interval) =>
        interval.from < until && (interval.until === undefined || interval.until > from) && this.#owns(interval),
    );
  }

  /** The budgets that cover a profile now, whosever it is; undefined where there is no such profile. */
  budgetsOf(arn: ProfileArn): readonly CoveringBudget[] | undefined {
    return this.#facts.entries.find((entry) => entry.arn === arn)?.budgets;
  }

  claimOn(id: BudgetId): Claim {
    const budget = budgetOf(this.#facts.policy, id);
    const covering = this.#facts.entries
      .filter((entry) => entry.endedAt === undefined && this.#owns(entry))
      .flatMap(({ budgets }) => budgets)
      .find((covered) => covered.id === id);
    const cells = covering === undefined ? budget?.cells : covering.cells;
    return {
      ...(cells === undefined ? {} : { cells }),
      isCovered: covering !== undefined,
      isShadow: budget?.isShadow === true,
      isOwn:
        budget !== undefined &&
        Object.entries(this.identity.tags).every(([key, value]) => {
          const selected = Object.hasOwn(budget.selector, key) ? budget.selector[key] : undefined;
          return selected?.length === 1 && selected[0] === value;
        }),
    };
  }

  /** The name in the ledger. Two callers never share one, whatever they call themselves. */
  storedHolder(holder: HolderId): HolderId {
    return `${this.#prefix}${holder}` as HolderId;
  }

  storedProcess(process: ProcessId): ProcessId {
    return `${this.#prefix}${process}` as ProcessId;
  }

  /** Also of a lease that has just ended: its last write may have to be repeated. */
  hasEntryIn({ holders }: Pick<LedgerItem, 'holders'>, process: ProcessId): boolean {
    const prefix = `${this.storedProcess(process)}.`;
    return [...holders.keys()].some((holder) => holder.startsWith(prefix));
  }

  /** How many entries of an item are the caller's. */
  entriesIn(item: LedgerItem): number {
    let entries = 0;
    for (const holder of item.holders.keys()) if (holder.startsWith(this.#prefix)) entries++;
    return entries;
  }

  /** The item as the caller may see it: its own entries by its own names, others' as amounts and ends without a name. */
  viewOf(item: LedgerItem): LedgerItem {
    let others = 0;
    return {
      ...item,
      holders: new Map(
        [...item.holders].map(([holder, { reported: _, ...entry }]) =>
          holder.startsWith(this.#prefix)
            ? [holder.slice(this.#prefix.length) as HolderId, entry]
            : [`other.${++others}` as HolderId, { ...entry, writeId: '' as WriteId }],
        ),
      ),
    };
  }
}
