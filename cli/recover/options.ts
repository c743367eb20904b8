import type { Statements } from '../../domain/recovery/recover.ts';

/** What an operator has typed. */
export interface RecoverOptions {
  readonly table: string;
  readonly json?: boolean;
  readonly yes?: boolean;
  readonly rolledBack?: boolean;
  readonly spent: Statements;
}
