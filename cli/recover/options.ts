import type { Statements } from '../../domain/recovery/recover.ts';
import type { StackOptions } from '../connection.ts';

/** What an operator has typed. */
export interface RecoverOptions extends StackOptions {
  readonly json?: boolean;
  readonly yes?: boolean;
  readonly rolledBack?: boolean;
  readonly spent: Statements;
}
