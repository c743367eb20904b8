import * as z from 'zod';
import { isTimeZone, PERIOD_KINDS } from '../period.ts';
import { MAX_TAGS } from '../tags.ts';
import { Amount } from './amount.ts';
import { Anomalies, AwsBudgetRules, CostTags, Drift } from './billing-policy.ts';
import { DeclaredProfiles, ProfileQuota } from './declared-profiles.ts';
import { Duration } from './duration.ts';
import { Lending } from './lending-policy.ts';
import { type PolicyProblem, placeOf } from './policy-problem.ts';
import { PriceOverrides, UnpricedModels } from './prices.ts';
import { ProfileRules } from './profile-rules.ts';
import { Alarms, Audit, Digest } from './reporting.ts';
import { expected, section } from './schema.ts';
import { Selector } from './selector.ts';
import { TagPolicy } from './tag-policy.ts';
import { TagValue } from './tag-text.ts';

/**
 * The policy file: which tags a profile must carry, which budgets exist, and what happens when money runs out.
 * This one schema gives the types, the validation messages and the policy reference.
 */

const MAX_PERCENT = 1000;

/** A share of the limit in hundredths of a percent: `"80%"` is 8000. */
const Share = z.string(expected('a share of the limit such as "80%"')).transform((text, context): number => {
  const match = /^\s*(\d{1,6})(?:\.(\d{1,2}))?\s*%\s*$/.exec(text);
  if (match === null) {
    context.addIssue({ code: 'custom', message: 'expected a share of the limit such as "80%"' });
    return z.NEVER;
  }
  const share = Number(match[1]) * 100 + Number((match[2] ?? '').padEnd(2, '0'));
  if (share <= 0 || share > MAX_PERCENT * 100) {
    context.addIssue({ code: 'custom', message: `expected a share above 0% and at most ${MAX_PERCENT}%` });
    return z.NEVER;
  }
  return share;
});

const Threshold = section('a threshold', {
  at: Share,
  on: z.enum(['actual', 'forecast'], expected('"actual" or "forecast"')).default('actual'),
  action: z.enum(['notify', 'throttle', 'disable'], expected('"notify", "throttle" or "disable"')),
}).superRefine((threshold, context) => {
  if (threshold.on === 'forecast' && threshold.action !== 'notify')
    context.addIssue({
      code: 'custom',
      path: ['action'],
      message: 'expected "notify": a forecast is no reason to restrict a tenant',
    });
});

/** 128 cells of 64 processes: see domain/spending/cell.ts. */
const MAX_PROCESSES = 8_192;
const PROCESSES = 'a whole number of processes from 1 to 8192';

const SIGNAL_ACTION = '"notify", "throttle" or "disable"';
const SignalAction = z.enum(['notify', 'throttle', 'disable'], expected(SIGNAL_ACTION));
export type SignalAction = z.output<typeof SignalAction>;

/** What follows when AWS's watchers see something unusual about what a budget covers, and for how long. */
const SignalRules = section('the signals of a budget', {
  anomaly: SignalAction.default('notify'),
  alarm: SignalAction.default('notify'),
  holds: Duration.prefault('24h'),
}).transform(({ holds, ...actions }) => ({ ...actions, holdMs: holds }));

const Budget = section('a budget', {
  name: z
    .string(expected('a name such as "tenant-monthly"'))
    .regex(
      /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/,
      'expected a name of at most 40 lower-case letters, digits and hyphens, such as "tenant-monthly"',
    ),
  per: z.string(expected('the tag key whose values each get a budget')).optional(),
  selector: Selector.optional(),
  limit: Amount,
  limits: z.record(TagValue, Amount, expected('limits for single values, such as { acme: "900 USD" }')).optional(),
  period: z.enum(PERIOD_KINDS, expected(`one of ${PERIOD_KINDS.join(', ')}`)).default('month'),
  /** While the ledger cannot be reached: refuse what no lease covers, or a stated extra for each process. */
  outage: z
    .union([z.literal('refuse'), Amount], expected('"refuse" or an amount for each process such as "5 USD"'))
    .default('refuse'),
  /** How many processes spend from one such budget at the same time, at most. */
  processes: z
    .int(expected(PROCESSES))
    .min(1, `expected ${PROCESSES}`)
    .max(MAX_PROCESSES, `expected ${PROCESSES}`)
    .default(100),
  /** Whether it refuses and restricts, or only counts and tells what it would have refused. */
  mode: z.enum(['enforce', 'shadow'], expected('"enforce" or "shadow"')).default('enforce'),
  signals: SignalRules.prefault({}),
  thresholds: z
    .array(Threshold, expected('a list of thresholds'))
    .max(20, 'expected at most 20 thresholds')
    .default([]),
});

const REGION = 'an AWS Region such as "us-east-1"';
const TIME_ZONE = 'an IANA time zone such as "Europe/Zurich" or "UTC"';

export const Policy = section('a policy', {
  version: z.literal(1, expected('version: 1')),
  timeZone: z.string(expected(TIME_ZONE)).refine(isTimeZone, `expected ${TIME_ZONE}`).default('UTC'),
  regions: z
    .array(
      z.string(expected(REGION)).regex(/^[a-z]{2}(-[a-z]+)+-\d$/, `expected ${REGION}`),
      expected('a list of AWS Regions'),
    )
    .min(1, 'expected at least one Region'),
  /** `observe`: everything is decided and logged, and nothing is written that a tenant feels. */
  mode: z.enum(['enforce', 'observe'], expected('"enforce" or "observe"')).default('enforce'),
  tenantTag: z.string(expected('the key of a required tag')),
  tags: TagPolicy,
  profiles: ProfileRules.prefault({}),
  budgets: z.array(Budget, expected('a list of budgets')).max(200, 'expected at most 200 budgets').default([]),
  awsBudgets: AwsBudgetRules.prefault({}),
  costAllocationTags: CostTags,
  anomalies: Anomalies,
  drift: Drift.prefault({}),
  /** While a budget is throttled, calls to the one base model go to the same tags' profile of the other. */
  fallbacks: z
    .record(
      z.string(),
      z.string(expected('the id of a cheaper model')).min(1, 'expected the id of a cheaper model'),
      expected(
        'base model ids with the cheaper ones that stand in, such as { amazon.nova-pro-v1:0: amazon.nova-lite-v1:0 }',
      ),
    )
    .default({}),
  prices: PriceOverrides.default([]),
  unpricedModels: UnpricedModels.default('refuse'),
  ledger: section('the ledger settings', {
    /** What a call holds before it runs: the most that it can cost, or what calls of its profile have cost. */
    reservation: z.enum(['strict', 'learned'], expected('"strict" or "learned"')).default('strict'),
    /** With learned reservations: how far the calls in flight of one process may cost more than is held for them. */
    maxExposure: Amount.prefault('1 USD'),
    graceSeconds: z
      .int(expected('a whole number of seconds from 60 to 3600'))
      .min(60, 'expected at least 60 seconds')
      .max(3600, 'expected at most 3600 seconds')
      .default(900),
  }).prefault({}),
  /** CloudWatch alarms that make the governor look at a budget, by name. */
  alarms: Alarms.default({}),
  audit: Audit.prefault({}),
  /** The time of day at which the standings of all budgets are told. */
  digest: Digest,
  /** Who may lease through the `lease` function, and as whom. */
  lending: Lending.prefault({}),
  /** Profiles that `apply` creates where they are missing. */
  declaredProfiles: DeclaredProfiles.default([]),
  profileQuota: ProfileQuota.default(1_000),
}).superRefine((policy, context) => {
  const known = new Set([...Object.keys(policy.tags.required), ...Object.keys(policy.tags.optional)]);
  const problem = (path: PropertyKey[], message: string) => context.addIssue({ code: 'custom', path, message });
  const tagList = () => [...known].join(', ');

  if (known.size > MAX_TAGS - 1)
    problem(
      ['tags'],
      `expected at most ${MAX_TAGS - 1} tag keys: AWS allows ${MAX_TAGS} on a resource, and the governor needs one`,
    );
  for (const key of Object.keys(policy.tags.optional))
    if (Object.hasOwn(policy.tags.required, key))
      problem(['tags', 'optional', key], 'is also a required tag; name it once');
  if (!Object.hasOwn(policy.tags.required, policy.tenantTag))
    problem(
      ['tenantTag'],
      `expected the key of a required tag, one of ${Object.keys(policy.tags.required).join(', ')}`,
    );

  policy.tags.exceptions.forEach(({ optional }, index) => {
    const at = optional.indexOf(policy.tenantTag);
    if (at >= 0)
      problem(
        ['tags', 'exceptions', index, 'optional', at],
        'is the tenant tag: without it nobody would pay for the profile',
      );
  });

  for (const [model, fallback] of Object.entries(policy.fallbacks))
    if (Object.hasOwn(policy.fallbacks, fallback))
      problem(
        ['fallbacks', model],
        `expected a model without a fallback of its own: a call falls back once, and ${fallback} has one too`,
      );
  for (const kind of ['aliases', 'roles'] as const)
    for (const [caller, tags] of Object.entries(policy.lending[kind]))
      for (const key of Object.keys(tags))
        if (!known.has(key))
          problem(
            ['lending', kind, caller, key],
            `unknown tag; expected a tag key of this policy, one of ${tagList()}`,
          );

  for (const [alarm, id] of Object.entries(policy.alarms)) {
    const [name, ...value] = id.split('/');
    const budget = policy.budgets.find((candidate) => candidate.name === name);
    if (budget === undefined || (budget.per === undefined) !== (value.length === 0))
      problem(
        ['alarms', alarm],
        'expected the id of a budget of this policy: its name, and "/" with a value where it has "per"',
      );
  }

  const seen = new Map<string, number>();
  policy.budgets.forEach((budget, index) => {
    const first = seen.get(budget.name);
    if (first !== undefined)
      problem(
        ['budgets', index, 'name'],
        `expected a name of its own: "${budget.name}" is already the name of budgets[${first}]`,
      );
    else seen.set(budget.name, index);
    if (budget.per !== undefined && !known.has(budget.per))
      problem(['budgets', index, 'per'], `expected a tag key of this policy, one of ${tagList()}`);
    for (const key of Object.keys(budget.selector ?? {}))
      if (!known.has(key))
        problem(
          ['budgets', index, 'selector', key],
          `unknown tag; expected a tag key of this policy, one of ${tagList()}`,
        );
    if (budget.per === undefined && budget.selector === undefined)
      problem(
        ['budgets', index],
        'expected "per" (one budget for each value of a tag) or "selector" (one budget for what it selects)',
      );
    if (budget.per === undefined && budget.limits !== undefined)
      problem(
        ['budgets', index, 'limits'],
        'expected no "limits" without "per": they are limits for single values of that tag',
      );
    if (budget.per !== undefined && Object.hasOwn(budget.selector ?? {}, budget.per))
      problem(['budgets', index, 'selector', budget.per], 'is also the "per" tag of this budget; leave it out here');
    const thresholds = new Set<string>();
    budget.thresholds.forEach((threshold, at) => {
      const key = `${threshold.at} ${threshold.on} ${threshold.action}`;
      if (thresholds.has(key)) problem(['budgets', index, 'thresholds', at], 'is the same as one above it');
      thresholds.add(key);
    });
  });
});

export type Policy = z.output<typeof Policy>;
export type BudgetPolicy = Policy['budgets'][number];
export type Threshold = BudgetPolicy['thresholds'][number];

export type PolicyReading =
  | { readonly kind: 'valid'; readonly policy: Policy }
  | { readonly kind: 'invalid'; readonly problems: readonly PolicyProblem[] };

/** Checks a parsed policy document (plain objects, as a YAML or JSON parser gives them) as a whole. */
export function readPolicy(document: unknown): PolicyReading {
  const result = Policy.safeParse(document);
  const unusable = unusableNames(document);
  if (result.success && unusable.length === 0) return { kind: 'valid', policy: result.data };
  const problems = (result.error?.issues ?? []).map((issue): PolicyProblem => {
    // A bad key of a record is reported inside the issue; what is wrong with it says more than "invalid key".
    const message = issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message;
    const path = issue.code === 'unrecognized_keys' ? [...issue.path, ...issue.keys.slice(0, 1)] : issue.path;
    return { place: placeOf(issue.path), message, path };
  });
  return { kind: 'invalid', problems: [...problems, ...unusable] };
}

/** The deepest name that a policy gives is that of a tag in a budget's selector: `budgets[2].selector.team`. */
const MAX_DEPTH = 4;

/** Records leave out a property of this name without a word, and a selector without it would select everything. */
function unusableNames(part: unknown, path: readonly PropertyKey[] = []): PolicyProblem[] {
  if (typeof part !== 'object' || part === null || path.length >= MAX_DEPTH) return [];
  return Object.entries(part).flatMap(([name, value]) => {
    const here = [...path, Array.isArray(part) ? Number(name) : name];
    return name === '__proto__'
      ? [{ place: placeOf(here), message: '"__proto__" cannot be used as a name in a policy', path: here }]
      : unusableNames(value, here);
  });
}
