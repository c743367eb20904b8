import { Fault } from '../fault.ts';

/** What is looked at. Stable: programs tell findings apart by it. */
export type CheckName =
  | 'stack'
  | 'policy'
  | 'table'
  | 'regions'
  | 'trail'
  | 'subscriptions'
  | 'dead-letters'
  | 'key'
  | 'payer'
  | 'cost-allocation-tags'
  | 'aws-budgets'
  | 'index-age'
  | 'clock'
  | 'guard-policies'
  | 'role-tag-keys';

/** One precondition of the governor in an account. */
export interface Finding {
  readonly check: CheckName;
  /**
   * `warning`: it works, and not as well as it could. `failed`: something does not work. `unknown`: it could not be read,
   * which is not the same as well.
   */
  readonly state: 'ok' | 'warning' | 'failed' | 'unknown';
  /** What was found, by the real names of things. */
  readonly what: string;
  /** What to do about it; absent where there is nothing to do. */
  readonly fix?: string;
}

export const ok = (check: CheckName, what: string): Finding => ({ check, state: 'ok', what });
export const bad = (check: CheckName, state: 'warning' | 'failed' | 'unknown', what: string, fix: string): Finding => ({
  check,
  state,
  what,
  fix,
});

/** Runs a check; that it could not be made is a finding as well, and keeps no other from being made. */
export async function attempt(check: CheckName, look: () => Promise<readonly Finding[]>): Promise<readonly Finding[]> {
  try {
    return await look();
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    const { doing, code, next, cause } = error;
    // What a function would do about it helps nobody here.
    const fix = /\bsweep\b/.test(next) ? 'Check that you may read it, and try again.' : next;
    const problem = cause instanceof Error && cause.message !== '' ? cause.message : error.message;
    return [bad(check, 'unknown', `${doing}: ${code}: ${problem}`, fix)];
  }
}
