import type { Journal } from '../journal.ts';

/** Budgets that are worked on at a time. */
const BUDGETS_AT_ONCE = 8;
/**
 * Profiles that are. Each takes some requests, one after the other: this many keep up with the rate at which a Region is
 * read (50 a second) where they take half a second in all. They are so few that they end in time where AWS throttles.
 */
const PROFILES_AT_ONCE = 24;
/** Of its time, a sweep leaves this share to profiles. */
const PROFILES_SHARE = 0.5;
/** And this much to what comes after it, in milliseconds: the slowest requests under way, and the notices. */
const RESERVE_MS = 20_000;

/** Asking who created a profile may take this long, where CloudTrail is slow or throttles. */
const QUESTION_MS = 90_000;

/** One sweep: what failed in it, and how much time it has. */
export class SweepRun {
  readonly failed: string[] = [];
  readonly #journal: Journal;
  readonly #timeLeft: () => number;
  readonly #given: number;

  /** @param timeLeft milliseconds until the process is ended */
  constructor(journal: Journal, timeLeft: () => number) {
    this.#journal = journal;
    this.#timeLeft = timeLeft;
    this.#given = timeLeft();
  }

  get forBudgets() {
    return { atOnce: BUDGETS_AT_ONCE, isTimeUp: () => this.#timeLeft() < this.#given * PROFILES_SHARE };
  }

  get forProfiles() {
    return { atOnce: PROFILES_AT_ONCE, isTimeUp: () => this.#timeLeft() < RESERVE_MS };
  }

  /** Whether something may still be asked that takes long. */
  get hasTimeForQuestions(): boolean {
    return this.#timeLeft() >= QUESTION_MS;
  }

  fail(what: string, error: string): void {
    this.failed.push(what);
    this.#journal.counted('ProfileReadFailed', { what, error });
  }

  /** What fails is told, and holds up nothing else. */
  async attempt(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.fail(what, error instanceof Error ? error.message : String(error));
    }
  }
}
