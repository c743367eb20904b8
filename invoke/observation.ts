import type { ProfileArn } from '../domain/profiles/profile-arn.ts';
import type { LedgerKey } from '../domain/spending/ledger.ts';
import type { CallCost } from '../domain/spending/pricing.ts';
import type { Usage, UsageDrift } from '../domain/spending/usage.ts';
import type { Tags } from '../domain/tags.ts';
import type { HoldSource } from './budget-account.ts';
import type { GovernorRefusal, RefusalCode } from './refusals.ts';

/** One call as an observer sees it: the same object in all events of the call. Never holds a prompt or a completion. */
export interface ObservedCall {
  /** `Converse`, `ConverseStream`, `InvokeModel` or `InvokeModelWithResponseStream`. */
  readonly operation: string;
  /** What the caller named: a model id, or the id or ARN of a profile. */
  readonly requestedModel: string;
  /** Tags to which the governor is bound. */
  readonly tags: Tags;
}

/** Through which profile a call goes. */
export interface ObservedProfile {
  readonly arn: ProfileArn;
  readonly name: string;
  readonly region: string;
  /** The foundation model behind it. */
  readonly model: string;
  readonly tags: Tags;
}

/** What a governor decides and learns. Amounts are whole nano-US-dollars. */
export type GovernorEvent =
  | {
      readonly kind: 'admitted';
      readonly call: ObservedCall;
      readonly profile: ObservedProfile;
      readonly budgets: readonly LedgerKey[];
      readonly reservedNanoUsd: CallCost;
      /** What let it pass: leases, the policy's extra for an outage of the ledger, or a budget that only watches. */
      readonly by: HoldSource;
      /** Budgets that would have refused the call, had they not only watched. */
      readonly unrefusing: readonly LedgerKey[];
      /** The model that was asked for, where the budget is throttled and the policy names a cheaper one. */
      readonly insteadOf?: string;
    }
  /** A call was not sent; or no further attempt at it, where a budget pays for no other. */
  | { readonly kind: 'refused'; readonly call: ObservedCall; readonly refusal: GovernorRefusal }
  /** A further attempt, after or beside one that may have run, has a reservation of its own. */
  | {
      readonly kind: 'retried';
      readonly call: ObservedCall;
      readonly reservedNanoUsd: CallCost;
      readonly by: HoldSource;
      readonly unrefusing: readonly LedgerKey[];
    }
  /** An attempt ran, and its usage is known. */
  | {
      readonly kind: 'settled';
      readonly call: ObservedCall;
      readonly usage: Usage;
      readonly costNanoUsd: CallCost;
      /** The answer's counts contradict what is known of the model; the dearer reading was priced. */
      readonly drift?: UsageDrift;
    }
  /** An attempt may have run: this much counts as spent until it is trued up. */
  | {
      readonly kind: 'unconfirmed';
      readonly call: ObservedCall;
      readonly costNanoUsd: CallCost;
      /** What it certainly used, which is settled beside that: its answer broke off. */
      readonly atLeast?: { readonly usage: Usage; readonly costNanoUsd: CallCost };
    }
  /** No attempt took the last reservation with it: all that it held is free again. */
  | { readonly kind: 'released'; readonly call: ObservedCall }
  /** The call is over and has cost nothing beyond what was told before. */
  | { readonly kind: 'ended'; readonly call: ObservedCall }
  /** A command that spends was let pass unmetered, because the configuration names it. */
  | { readonly kind: 'ungoverned'; readonly command: string };

/** Is told everything, synchronously, and not waited for; what it throws is dropped. */
export type GovernorObserver = (event: GovernorEvent) => void;

/**
 * What a process has decided since it started. Each reservation is settled, unconfirmed or released: `admitted` and
 * `retried` together are these three and what is in flight.
 */
export interface CallCounts {
  readonly admitted: number;
  /** Further attempts with a reservation of their own. */
  readonly retried: number;
  /** Calls refused, and those whose further attempt was. */
  readonly refused: Readonly<Partial<Record<RefusalCode, number>>>;
  readonly settled: number;
  readonly unconfirmed: number;
  /** Reservations that no attempt used: the call was turned away, or never sent. */
  readonly released: number;
  /** Admitted although a budget would have refused, because it only watches. */
  readonly unrefused: number;
  /** Sent through a cheaper model, because a budget is throttled. */
  readonly fellBack: number;
  readonly ungoverned: number;
}

/** Counts what happens, and passes it on to whoever observes. */
export class Observation {
  readonly #observer: GovernorObserver | undefined;
  readonly #refused: Partial<Record<RefusalCode, number>> = {};
  readonly #counts = {
    admitted: 0,
    retried: 0,
    settled: 0,
    unconfirmed: 0,
    released: 0,
    unrefused: 0,
    fellBack: 0,
    ungoverned: 0,
  };

  constructor(observer: GovernorObserver | undefined) {
    this.#observer = observer;
  }

  get counts(): CallCounts {
    return { ...this.#counts, refused: { ...this.#refused } };
  }

  /** Whether anybody looks on. The events of every call are made only then; what they count is counted always. */
  get isWatched(): boolean {
    return this.#observer !== undefined;
  }

  /** Counts an admission that nobody looks on at. */
  countAdmitted(isUnrefused: boolean, fellBack: boolean): void {
    this.#counts.admitted++;
    if (isUnrefused) this.#counts.unrefused++;
    if (fellBack) this.#counts.fellBack++;
  }

  /** Counts a settlement that nobody looks on at. */
  countSettled(): void {
    this.#counts.settled++;
  }

  tell(event: GovernorEvent): void {
    this.#count(event);
    if (this.#observer === undefined) return;
    try {
      const told: unknown = this.#observer(event);
      if (told instanceof Promise) told.catch(() => {});
    } catch {
      // A call must not fail, nor money be lost, because somebody who looks on does.
    }
  }

  #count(event: GovernorEvent): void {
    switch (event.kind) {
      case 'admitted':
        this.countAdmitted(event.unrefusing.length > 0, event.insteadOf !== undefined);
        return;
      case 'refused':
        this.#refused[event.refusal.code] = (this.#refused[event.refusal.code] ?? 0) + 1;
        return;
      case 'retried':
      case 'settled':
      case 'unconfirmed':
      case 'released':
      case 'ungoverned':
        this.#counts[event.kind]++;
        return;
      case 'ended':
    }
  }
}
