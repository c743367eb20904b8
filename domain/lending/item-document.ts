import * as z from 'zod';
import type { BudgetId } from '../budgets/budget-id.ts';
import { epochMs } from '../clock.ts';
import { nanoUsd } from '../money.ts';
import type { HolderId, LedgerItem, WriteId } from '../spending/ledger.ts';

/** A ledger item as the `lease` function shows it: JSON, amounts as decimal strings, holders as a list of pairs. */

const money = z
  .string()
  .regex(/^-?\d+$/)
  .transform((digits) => nanoUsd(BigInt(digits)));
const instant = z.number().transform(epochMs);
const spent = { settled: money, unconfirmed: money };

const terms = z.object({
  limit: money,
  stopAt: money,
  standing: z.enum(['open', 'throttled', 'closed']),
  reason: z.string().exactOptional(),
  heldBy: z.enum(['operator', 'signal']).exactOptional(),
  standingUntil: instant.exactOptional(),
  standingSince: z.int().exactOptional(),
  tightened: z.object({ standing: z.enum(['throttled', 'closed']), reason: z.string() }).exactOptional(),
  pace: z.object({ from: instant, base: money, until: instant }).exactOptional(),
  raises: z.array(z.object({ amount: money, until: instant })).exactOptional(),
  outageExtra: money.exactOptional(),
  version: z.int(),
});

const entry = z.object({
  sequence: z.int(),
  writeId: z.string().transform((id) => id as WriteId),
  leased: money,
  expiresAt: instant,
});

export const ledgerItem: z.ZodType<LedgerItem> = z.object({
  key: z.object({ budget: z.string().transform((id) => id as BudgetId), period: z.string() }),
  startsAt: instant,
  endsAt: instant,
  terms,
  committed: money,
  ...spent,
  leased: money,
  unattributed: money,
  holders: z
    .array(z.tuple([z.string().transform((id) => id as HolderId), entry]))
    .transform((holders): LedgerItem['holders'] => new Map(holders)),
  siblings: z.int().exactOptional(),
  opening: z.object(spent).exactOptional(),
  resolution: z.object({ confirmed: money, unspent: money }).exactOptional(),
  refusing: z.object({ since: instant, need: money }).exactOptional(),
  // Of all callers together, each of whom may claim any number: past what is exact, it is still a number.
  unrefused: z.object({ calls: z.number(), amount: money }).exactOptional(),
  crossed: z.array(z.string()),
});
