import * as z from 'zod/mini';
import type { BudgetId } from '../budgets/budget-id.ts';
import { epochMs } from '../clock.ts';
import { Fault } from '../fault.ts';
import { nanoUsd } from '../money.ts';
import { PERIOD_KINDS } from '../period.ts';
import type { PicoUsdPerToken } from '../spending/pricing.ts';
import type { Standing } from '../standing/standing.ts';
import type { Tags } from '../tags.ts';
import { GEOGRAPHIES } from './geography.ts';
import type { IndexReading, WithheldProfile } from './index-source.ts';
import { parseProfileArn } from './profile-arn.ts';
import type { IndexEntry } from './profile-index.ts';

/**
 * The stored form of an index entry: JSON, amounts as decimal strings of nano-dollars. Read by helpers in other languages too.
 *
 * What few entries have is made when the first of them is read (`z.lazy`): a tenant's process reads one entry or two before
 * its first call, and making all of this takes longer than reading them.
 */

const rate = z.pipe(
  z.int().check(z.nonnegative()),
  z.transform((value: number) => value as PicoUsdPerToken),
);
const meters = { input: rate, output: rate, cacheRead: rate, cacheWrite5m: rate, cacheWrite1h: rate };
const rates = z.object({
  ...meters,
  steps: z.exactOptional(z.array(z.object({ aboveInputTokens: z.int().check(z.positive()), ...meters }))),
  inputTokens: z.exactOptional(z.literal('including-cache')),
  cachesUnasked: z.exactOptional(z.literal(true)),
});
const money = z.pipe(
  z.string().check(z.regex(/^\d+$/)),
  z.transform((digits: string) => nanoUsd(BigInt(digits))),
);
const instant = z.pipe(z.number(), z.transform(epochMs));
const budgetId = z.pipe(
  z.string(),
  z.transform((id: string) => id as BudgetId),
);

const reason = z.lazy(() =>
  z.discriminatedUnion('kind', [
    z.object({
      kind: z.enum(['budget-used-up', 'budget-disabled', 'budget-throttled']),
      budget: budgetId,
      period: z.string(),
      spent: money,
      limit: money,
      until: instant,
    }),
    z.object({ kind: z.literal('tenant-disabled'), tenant: z.string(), because: z.string(), until: instant }),
    z.object({
      kind: z.literal('quarantine'),
      violations: z.array(
        z.object({
          key: z.string(),
          problem: z.enum(['missing', 'not-allowed']),
          value: z.exactOptional(z.string()),
          writtenAs: z.exactOptional(z.string()),
          expected: z.string(),
        }),
      ),
    }),
  ]),
);

const standing: z.ZodMiniType<Standing> = z.discriminatedUnion('state', [
  z.object({ state: z.literal('open') }),
  z.object({ state: z.enum(['throttled', 'closed']), reasons: z.array(reason) }),
]);

/** Not a zod record, which would leave out a tag of the name `__proto__`: AWS allows it. */
export const isTags = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  Object.values(value).every((text) => typeof text === 'string');

const document = z.object({
  schema: z.literal(1),
  arn: z.pipe(
    z.string(),
    z.transform((text: string, context) => {
      const arn = parseProfileArn(text);
      if (arn !== undefined) return arn;
      const message = 'not the ARN of an application inference profile';
      context.issues.push({ code: 'custom', message, input: text });
      return z.NEVER;
    }),
  ),
  name: z.string(),
  region: z.string(),
  tags: z.custom<Tags>(isTags),
  baseModelId: z.string(),
  source: z.enum(['in-region', 'geo', 'global']),
  geography: z.exactOptional(z.enum(GEOGRAPHIES)),
  copyFrom: z.exactOptional(z.string()),
  rates: z.exactOptional(rates),
  rateChanges: z.exactOptional(z.array(z.lazy(() => z.object({ from: instant, rates: z.exactOptional(rates) })))),
  contextWindow: z.exactOptional(z.int().check(z.positive())),
  priceKey: z.exactOptional(z.string()),
  maxExposure: z.exactOptional(money),
  fallback: z.exactOptional(z.string()),
  compliance: z.exactOptional(z.enum(['compliant', 'remediable', 'violating'])),
  standing,
  budgets: z.array(
    z.object({
      id: budgetId,
      period: z.enum(PERIOD_KINDS),
      timeZone: z.string(),
      cells: z.exactOptional(z.int().check(z.positive())),
      mode: z.exactOptional(z.literal('shadow')),
    }),
  ),
  quarantines: z.exactOptional(z.int()),
  violatingSince: z.exactOptional(instant),
  timesViolating: z.exactOptional(z.int()),
  mendings: z.exactOptional(z.lazy(() => z.object({ day: z.string(), writes: z.int() }))),
  creation: z.exactOptional(
    z.lazy(() =>
      z.object({
        creator: z.exactOptional(
          z.union([z.literal('no-role'), z.object({ role: z.string(), tags: z.custom<Tags>(isTags) })]),
        ),
        asked: z.exactOptional(z.object({ at: instant, times: z.int() })),
      }),
    ),
  ),
  mismatchedSince: z.exactOptional(instant),
  deletingSince: z.exactOptional(instant),
  verifiedAt: instant,
  endedAt: z.exactOptional(instant),
});

export const serialiseIndexEntry = (entry: IndexEntry): string =>
  JSON.stringify({ schema: 1, ...entry }, (_, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value,
  );

export const unreadableEntry = (arn: string): Fault =>
  new Fault('IndexUnreadable', {
    doing: `reading the index entry of ${arn}`,
    problem: 'the stored entry is not one that this version writes',
    next: 'Where a later version has written it, run that version. Otherwise delete the item; the next sweep writes it again from what AWS says.',
  });

/** Undefined where the text is no entry that this version can read. */
export function parseIndexEntry(text: string): IndexEntry | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  const result = document.safeParse(parsed);
  if (!result.success) return undefined;
  const { schema: _, ...entry } = result.data;
  return entry;
}

/**
 * Reads the whole index again and again. An entry that is written as it was gives the same object as before: what does
 * not change costs no parsing, and is seen not to have changed.
 */
export class IndexEntryReader {
  #known: ReadonlyMap<string, StoredEntry> = new Map();

  /** One reading; where it breaks off, the reader knows what it knew before. */
  begin(): { take(arn: string, document: string): void; end(): IndexReading } {
    const seen = new Map<string, StoredEntry>();
    return {
      take: (arn, document) => {
        const before = this.#known.get(arn);
        seen.set(arn, before?.document === document ? before : { document, entry: parseIndexEntry(document) });
      },
      end: () => {
        this.#known = seen;
        const entries: IndexEntry[] = [];
        const withheld: WithheldProfile[] = [];
        for (const [arn, { entry }] of seen)
          if (entry === undefined) withheld.push({ arn, why: 'unreadable' });
          else entries.push(entry);
        return { entries, withheld };
      },
    };
  }
}

interface StoredEntry {
  readonly document: string;
  readonly entry: IndexEntry | undefined;
}
