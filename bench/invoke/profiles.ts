import type { BudgetId } from '../../domain/budgets/budget-id.ts';
import { epochMs } from '../../domain/clock.ts';
import { parseProfileArn } from '../../domain/profiles/profile-arn.ts';
import type { IndexEntry } from '../../domain/profiles/profile-index.ts';
import type { PicoUsdPerToken, Rates } from '../../domain/spending/pricing.ts';
import { OPEN } from '../../domain/standing/standing.ts';

export const REGION = 'us-east-1';
export const MODEL = 'amazon.nova-lite-v1:0';

const price = (pico: number): PicoUsdPerToken => pico as PicoUsdPerToken;
const RATES: Rates = {
  input: price(60_000),
  output: price(240_000),
  cacheRead: price(15_000),
  cacheWrite5m: price(60_000),
  cacheWrite1h: price(120_000),
};

/** How many the index has in processes that are started for one measurement: a tenant's own, and those of others. */
export const PROFILES_OF_AN_ARM = 1_000;

/** A profile for each of so many tenants, each with a budget of its own; the other tags are shared by many. */
export const manyProfiles = (count: number): readonly IndexEntry[] =>
  Array.from({ length: count }, (_, n) => profile(n));

export const arnOf = (n: number): string =>
  `arn:aws:bedrock:${REGION}:123456789012:application-inference-profile/${n.toString(36).padStart(12, 'a')}`;

export const tenantOf = (n: number): string => `tenant-${n}`;

function profile(n: number): IndexEntry {
  const arn = parseProfileArn(arnOf(n));
  if (arn === undefined) throw new Error('an ARN that the domain does not take');
  const tags = {
    tenant: tenantOf(n),
    team: `team-${n % 997}`,
    app: `app-${n % 10}`,
    stage: ['dev', 'test', 'prod'][n % 3] ?? 'dev',
    unit: `unit-${n % 7}`,
  };
  return {
    arn,
    name: tags.tenant,
    region: REGION,
    tags,
    baseModelId: MODEL,
    source: 'in-region',
    contextWindow: 300_000,
    rates: RATES,
    standing: OPEN,
    budgets: [{ id: `tenant/${tags.tenant}` as BudgetId, period: 'month', timeZone: 'UTC' }],
    verifiedAt: epochMs(0),
  };
}
