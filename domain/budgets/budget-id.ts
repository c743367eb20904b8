import type { Brand } from '../brand.ts';

/** `tenant-monthly/acme` for a value of a template, `support-chat` for a single budget. */
export type BudgetId = Brand<string, 'BudgetId'>;
