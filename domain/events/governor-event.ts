import * as z from 'zod';
import type { Brand } from '../brand.ts';

/**
 * What the governor tells programs on its own bus: source `governor`, one detail type for each kind. Within a version
 * members are only added; what would break a reader gets another version. The JSON Schemas in docs/events are made of
 * these.
 */

/** Names an occasion; an event that arrives twice has the same id. */
export type EventId = Brand<string, 'EventId'>;

const Usd = z
  .string()
  .regex(/^\d+\.\d{2,9}$/)
  .describe('US dollars as decimal text, exact');
const Billed = z
  .string()
  .regex(/^-?\d+\.\d{2,9}$/)
  .describe('what AWS bills, US dollars as decimal text, exact; negative where a correction is larger than the spend');
const Instant = z.iso.datetime().describe('an instant in UTC');
const BudgetName = z.string().min(1).describe('id of the budget in the policy, such as tenant-monthly/acme');
const PeriodId = z.string().min(1).describe('period of the budget, such as 2026-11, 2026-W48, 2026-11-25, 2026-Q4');
const Tenant = z.string().min(1).exactOptional().describe('value of the tenant tag; absent where there is not one');
const ProfileName = z.string().regex(/^arn:/).describe('ARN of the application inference profile');

const detail = <Shape extends z.ZodRawShape>(description: string, shape: Shape) =>
  z
    .object({
      version: z.literal(1),
      id: z.string().min(1).describe('names the occasion: an event that arrives twice has the same id'),
      ...shape,
    })
    .describe(description);

const restricted = {
  tenant: Tenant,
  budget: BudgetName,
  period: PeriodId,
  spentUsd: Usd,
  limitUsd: Usd,
  because: z.string().describe('the reason, for people'),
  until: Instant.describe(
    'when the restriction ends by itself: with the period, or with the word of an operator or signal',
  ),
};

/** Every kind of event, by its detail type. */
export const EVENTS = {
  TenantThrottled: detail('A budget goes on along a pace line from now on.', restricted),
  TenantDisabled: detail('A budget takes no new call from now on.', restricted),
  TenantReopened: detail('A budget that was throttled or disabled is open again.', {
    tenant: Tenant,
    budget: BudgetName,
    closedIn: PeriodId.describe('the period in which it was restricted'),
    period: PeriodId,
    limitUsd: Usd,
  }),
  ProfileQuarantined: detail('A profile may not be invoked because its tags violate the policy.', {
    tenant: Tenant,
    profile: ProfileName,
    name: z.string(),
    violations: z.array(z.string()).describe('what is wrong with its tags, for people'),
  }),
  ProfileReleased: detail('A profile that was quarantined carries the required tags now.', {
    tenant: Tenant,
    profile: ProfileName,
    name: z.string(),
  }),
  BudgetProvisioned: detail('AWS Budgets has a budget as the policy wants it, after it was created or changed.', {
    tenant: Tenant,
    budget: BudgetName,
    awsBudget: z.string().describe('its name in AWS Budgets'),
    outcome: z.enum(['created', 'updated']),
    limitUsd: Usd,
  }),
  DriftDetected: z
    .discriminatedUnion('source', [
      detail('The sweep found a difference that an event should have told, and mended it.', {
        source: z.literal('index').describe('the index of profiles, compared with AWS'),
        tenant: Tenant,
        profile: ProfileName,
        difference: z
          .enum(['index-entry-missing', 'index-entry-outdated', 'profile-gone'])
          .describe('what the governor knew of the profile compared with AWS'),
      }),
      detail('AWS bills something else than the helper has recorded, by more than the policy allows.', {
        source: z.literal('bill').describe("AWS's bill, compared with the helper's usage records"),
        tenant: Tenant.describe(
          'whose spend was compared; absent where AWS tells no tenants, and all are compared as one',
        ),
        day: z.iso.date().describe('the day that was compared, in UTC'),
        difference: z.enum(['billed-more', 'billed-less']).describe('what AWS bills, compared with the records'),
        billedUsd: Billed,
        recordedUsd: Usd.describe('what the helper has recorded as spent, US dollars as decimal text, exact'),
        unconfirmedUsd: Usd.describe(
          'beside that, money of which nobody knows whether it was spent, US dollars as decimal text, exact',
        ),
      }),
    ])
    .describe('Two sources of the same truth differ: `source` says which.'),
  BypassDetected: detail('AWS has seen spend that went round the helper.', {
    tenant: Tenant,
    budget: BudgetName,
    period: PeriodId,
    profile: ProfileName.exactOptional().describe('the profile that was called; absent where the source names none'),
    amountUsd: Usd.describe('how much was seen when it was first told'),
    source: z.string().describe('who has seen it'),
  }),
} as const;

export type EventType = keyof typeof EVENTS;
export type EventDetail<Type extends EventType> = OwnMembers<z.output<(typeof EVENTS)[Type]>>;
/** Of each member of a union for itself. */
type OwnMembers<Detail> = Detail extends unknown ? Omit<Detail, 'version' | 'id'> : never;

/** An event as it waits in the outbox and goes to the bus. */
export type GovernorEvent = {
  [Type in EventType]: { readonly id: EventId; readonly type: Type; readonly detail: EventDetail<Type> };
}[EventType];

export const EVENT_TYPES: readonly EventType[] = Object.keys(EVENTS).flatMap((name) =>
  isEventType(name) ? [name] : [],
);

export function isEventType(name: string): name is EventType {
  return Object.hasOwn(EVENTS, name);
}

/** Reads an event that was stored; undefined for what this version does not write. */
export function parseEvent(document: unknown): GovernorEvent | undefined {
  const outer = z.object({ type: z.string(), detail: z.unknown() }).safeParse(document);
  if (!outer.success || !isEventType(outer.data.type)) return undefined;
  const read = EVENTS[outer.data.type].safeParse(outer.data.detail);
  if (!read.success) return undefined;
  const { version: _, id, ...own } = read.data;
  // The schema of this very type has read it.
  return { id: id as EventId, type: outer.data.type, detail: own } as GovernorEvent;
}
