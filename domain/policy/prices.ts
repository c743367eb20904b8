import * as z from 'zod';
import { type EpochMs, epochMs, isoTime } from '../clock.ts';
import { isSameModel } from '../spending/model-id.ts';
import type { MeterRates, PicoUsdPerToken, Rates } from '../spending/pricing.ts';
import { parseTokenPrice } from '../spending/token-price.ts';
import { expected, section } from './schema.ts';

/** The prices that a policy states itself: `prices`, which win over every list, and `unpricedModels`. */

const EXAMPLE = 'a price for a million tokens such as "3 USD"';
const DECIMALS = 6;

/** `3 USD`, `0.075 USD`: for a million tokens, to the sixth decimal, which is a whole pico-dollar for a token. */
const Price = z.string(expected(EXAMPLE)).transform((text, context): PicoUsdPerToken => {
  const refuse = (message: string) => {
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  };
  const [, digits = '', unit = ''] = /^\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*$/.exec(text) ?? [];
  if (unit !== '' && unit.toUpperCase() !== 'USD')
    return refuse(`expected a price in USD such as "3 USD": ${unit} is not supported, AWS bills Bedrock in USD`);
  const price = parseTokenPrice(digits, 1_000_000);
  if (unit === '' || price === undefined) return refuse(`expected ${EXAMPLE}`);
  if (/\.\d*$/.test(digits) && digits.length - digits.indexOf('.') - 1 > DECIMALS)
    return refuse(`expected at most ${DECIMALS} decimals: a token is priced in millionths of a millionth of a dollar`);
  if (price > 10_000 * 1_000_000) return refuse('expected at most 10000 USD for a million tokens');
  return price;
});
/** What is not known is never free, so that a zero must be about the cache. */
const PriceAboveZero = Price.refine((price) => price > 0, 'expected a price above zero such as "3 USD"');

const meters = {
  input: PriceAboveZero,
  output: PriceAboveZero,
  cacheRead: Price.optional(),
  cacheWrite5m: Price.optional(),
  cacheWrite1h: Price.optional(),
};

interface StatedMeters {
  readonly input: PicoUsdPerToken;
  readonly output: PicoUsdPerToken;
  readonly cacheRead?: PicoUsdPerToken | undefined;
  readonly cacheWrite5m?: PicoUsdPerToken | undefined;
  readonly cacheWrite1h?: PicoUsdPerToken | undefined;
}

/** What is left out is priced as the dearest that Bedrock asks for: reads as input, writes at 1.25 times that, for an hour at twice. */
function ratesOf({ input, output, cacheRead, cacheWrite5m, cacheWrite1h }: StatedMeters): MeterRates {
  const fiveMinutes = cacheWrite5m ?? (Math.ceil((input * 5) / 4) as PicoUsdPerToken);
  return {
    input,
    output,
    cacheRead: cacheRead ?? input,
    cacheWrite5m: fiveMinutes,
    cacheWrite1h: cacheWrite1h ?? (Math.max(input * 2, fiveMinutes) as PicoUsdPerToken),
  };
}

const ABOVE = 'a number of input tokens such as 200000';
const Step = section('a step', { above: z.int(expected(ABOVE)).min(1, `expected ${ABOVE}`), ...meters }).transform(
  ({ above, ...stated }) => ({ aboveInputTokens: above, ...ratesOf(stated) }),
);

const DAY = 'a day such as "2026-08-01"';
/** The beginning of a day, UTC: AWS changes its prices then. */
const Day = z.string(expected(DAY)).transform((text, context): EpochMs => {
  const at = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  if (Number.isFinite(at) && isoTime(epochMs(at)).startsWith(text)) return epochMs(at);
  context.addIssue({ code: 'custom', message: `expected ${DAY}` });
  return z.NEVER;
});

const MODEL = 'a base model id such as "anthropic.claude-sonnet-4-6"';
const SOURCES = ['in-region', 'geo', 'global'] as const;
const WINDOW = 'a number of tokens such as 200000';

const PriceOverride = section('a price', {
  model: z
    .string(expected(MODEL))
    .regex(/^[a-z0-9][a-z0-9-]*\.[A-Za-z0-9._:-]+$/, `expected ${MODEL}`)
    .refine(
      (model) => !/^(?:us|us-gov|eu|apac|jp|au|ca|in|global)\./.test(model),
      `expected ${MODEL} without the prefix of a geography: state "source" instead`,
    ),
  /** Where the model is served; everywhere where it is left out. */
  source: z.enum(SOURCES, expected('"in-region", "geo" or "global"')).optional(),
  /** Of the profile; all where it is left out. */
  region: z.string(expected('an AWS Region such as "eu-west-1"')).optional(),
  from: Day,
  /** The first day on which it holds no longer. */
  until: Day.optional(),
  ...meters,
  steps: z.array(Step, expected('a list of steps')).min(1, 'expected at least one step').max(10).optional(),
  inputTokens: z.literal('including-cache', expected('"including-cache", or nothing')).optional(),
  contextWindow: z.int(expected(WINDOW)).min(1, `expected ${WINDOW}`).optional(),
})
  .superRefine(({ from, until, steps }, context) => {
    if (until !== undefined && until <= from)
      context.addIssue({ code: 'custom', path: ['until'], message: 'expected a day after "from"' });
    steps?.forEach((step, index) => {
      const before = steps[index - 1];
      if (before !== undefined && step.aboveInputTokens <= before.aboveInputTokens)
        context.addIssue({
          code: 'custom',
          path: ['steps', index, 'above'],
          message: `expected more than the ${before.aboveInputTokens} of the step before`,
        });
    });
  })
  .transform(({ model, source, region, from, until, steps, inputTokens, contextWindow, ...stated }): PriceOverride => {
    const rates: Rates = {
      ...ratesOf(stated),
      ...(steps === undefined ? {} : { steps }),
      ...(inputTokens === undefined ? {} : { inputTokens }),
    };
    return {
      model,
      from,
      rates,
      ...(source === undefined ? {} : { source }),
      ...(region === undefined ? {} : { region }),
      ...(until === undefined ? {} : { until }),
      ...(contextWindow === undefined ? {} : { contextWindow }),
    };
  });

/** A price that the policy states, for the time from `from` until before `until`. */
export interface PriceOverride {
  readonly model: string;
  readonly source?: (typeof SOURCES)[number];
  readonly region?: string;
  readonly from: EpochMs;
  readonly until?: EpochMs;
  readonly rates: Rates;
  readonly contextWindow?: number;
}

const either = <T>(a: T | undefined, b: T | undefined): boolean => a === undefined || b === undefined || a === b;

/** Whether both could price the same call. */
const overlap = (a: PriceOverride, b: PriceOverride): boolean =>
  (isSameModel(a.model, b.model) || isSameModel(b.model, a.model)) &&
  either(a.source, b.source) &&
  either(a.region, b.region) &&
  a.from < (b.until ?? Number.POSITIVE_INFINITY) &&
  b.from < (a.until ?? Number.POSITIVE_INFINITY);

const day = (at: EpochMs): string => isoTime(at).slice(0, 10);
const rangeOf = ({ from, until }: PriceOverride): string =>
  until === undefined ? `holds from ${day(from)} without an "until"` : `holds from ${day(from)} until ${day(until)}`;

export const PriceOverrides = z
  .array(PriceOverride, expected('a list of prices'))
  .max(1_000, 'expected at most 1000 prices')
  .superRefine((prices, context) => {
    prices.forEach((price, index) => {
      const other = prices.slice(0, index).findIndex((before) => overlap(before, price));
      const before = prices[other];
      if (before !== undefined)
        context.addIssue({
          code: 'custom',
          path: [index],
          message: `expected a time of its own: prices[${other}] is for the same model and ${rangeOf(before)}`,
        });
    });
  });

const StatedPrice = section('a stated price', meters).transform(ratesOf);
const UNPRICED = '"refuse", or prices for a million tokens such as { input: "75 USD", output: "375 USD" }';

/** What happens with a model whose price nobody knows: it is refused, or costs what is stated here. Never nothing. */
export const UnpricedModels = z.unknown().transform((value, context): 'refuse' | Rates => {
  if (value === 'refuse') return value;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    context.addIssue({ code: 'custom', message: `expected ${UNPRICED}` });
    return z.NEVER;
  }
  const stated = StatedPrice.safeParse(value);
  if (stated.success) return stated.data;
  // Not a union, which would tell neither the place nor what is wrong there.
  for (const { path, message } of stated.error.issues) context.addIssue({ code: 'custom', path: [...path], message });
  return z.NEVER;
});
