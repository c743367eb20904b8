import * as v from 'valibot';
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
 * By valibot, and not by zod as everything else: a tenant's process waits for it before its first call, and reads one entry
 * or two until then.
 */

const wholeNumber = v.pipe(v.number(), v.safeInteger());
const positive = v.pipe(wholeNumber, v.minValue(1));
const rate = v.pipe(
  wholeNumber,
  v.minValue(0),
  v.transform((value) => value as PicoUsdPerToken),
);
const meters = { input: rate, output: rate, cacheRead: rate, cacheWrite5m: rate, cacheWrite1h: rate };
const rates = v.object({
  ...meters,
  steps: v.exactOptional(v.array(v.object({ aboveInputTokens: positive, ...meters }))),
  inputTokens: v.exactOptional(v.literal('including-cache')),
  cachesUnasked: v.exactOptional(v.literal(true)),
});
const money = v.pipe(
  v.string(),
  v.regex(/^\d+$/),
  v.transform((digits) => nanoUsd(BigInt(digits))),
);
const instant = v.pipe(v.number(), v.finite(), v.transform(epochMs));
const budgetId = v.pipe(
  v.string(),
  v.transform((id) => id as BudgetId),
);

const reason = v.variant('kind', [
  v.object({
    kind: v.picklist(['budget-used-up', 'budget-disabled', 'budget-throttled']),
    budget: budgetId,
    period: v.string(),
    spent: money,
    limit: money,
    until: instant,
  }),
  v.object({ kind: v.literal('tenant-disabled'), tenant: v.string(), because: v.string(), until: instant }),
  v.object({
    kind: v.literal('quarantine'),
    violations: v.array(
      v.object({
        key: v.string(),
        problem: v.picklist(['missing', 'not-allowed']),
        value: v.exactOptional(v.string()),
        writtenAs: v.exactOptional(v.string()),
        expected: v.string(),
      }),
    ),
  }),
]);

const standing: v.GenericSchema<unknown, Standing> = v.variant('state', [
  v.object({ state: v.literal('open') }),
  v.object({ state: v.picklist(['throttled', 'closed']), reasons: v.array(reason) }),
]);

/** Not a record, which would leave out a tag of the name `__proto__`: AWS allows it. */
export const isTags = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  Object.values(value).every((text) => typeof text === 'string');

const document = v.object({
  schema: v.literal(1),
  arn: v.pipe(
    v.string(),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      const arn = parseProfileArn(dataset.value);
      if (arn !== undefined) return arn;
      addIssue({ message: 'not the ARN of an application inference profile' });
      return NEVER;
    }),
  ),
  name: v.string(),
  region: v.string(),
  tags: v.custom<Tags>(isTags),
  baseModelId: v.string(),
  source: v.picklist(['in-region', 'geo', 'global']),
  geography: v.exactOptional(v.picklist(GEOGRAPHIES)),
  copyFrom: v.exactOptional(v.string()),
  rates: v.exactOptional(rates),
  rateChanges: v.exactOptional(v.array(v.object({ from: instant, rates: v.exactOptional(rates) }))),
  contextWindow: v.exactOptional(positive),
  priceKey: v.exactOptional(v.string()),
  maxExposure: v.exactOptional(money),
  fallback: v.exactOptional(v.string()),
  compliance: v.exactOptional(v.picklist(['compliant', 'remediable', 'violating'])),
  standing,
  budgets: v.array(
    v.object({
      id: budgetId,
      period: v.picklist(PERIOD_KINDS),
      timeZone: v.string(),
      cells: v.exactOptional(positive),
      mode: v.exactOptional(v.literal('shadow')),
    }),
  ),
  quarantines: v.exactOptional(wholeNumber),
  violatingSince: v.exactOptional(instant),
  timesViolating: v.exactOptional(wholeNumber),
  mendings: v.exactOptional(v.object({ day: v.string(), writes: wholeNumber })),
  creation: v.exactOptional(
    v.pipe(
      // A list passes for an object that needs no member.
      v.custom<object>((value) => !Array.isArray(value)),
      v.object({
        creator: v.exactOptional(
          v.union([v.literal('no-role'), v.object({ role: v.string(), tags: v.custom<Tags>(isTags) })]),
        ),
        asked: v.exactOptional(v.object({ at: instant, times: wholeNumber })),
      }),
    ),
  ),
  mismatchedSince: v.exactOptional(instant),
  deletingSince: v.exactOptional(instant),
  verifiedAt: instant,
  endedAt: v.exactOptional(instant),
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
  const result = v.safeParse(document, parsed);
  if (!result.success) return undefined;
  const { schema: _, ...entry } = result.output;
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
