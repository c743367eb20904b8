import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { driftDetected as billDriftDetected } from '../../../domain/budgets/billing-notices.ts';
import type { UtcDay } from '../../../domain/budgets/drift.ts';
import { epochMs } from '../../../domain/clock.ts';
import { eventSchemas } from '../../../domain/events/event-schemas.ts';
import { detailOf, serialiseEvent } from '../../../domain/events/event-text.ts';
import {
  EVENT_TYPES,
  EVENTS,
  type EventId,
  type GovernorEvent,
  parseEvent,
} from '../../../domain/events/governor-event.ts';
import { budgetProvisioned, driftDetected } from '../../../domain/events/occasions.ts';
import { nanoUsd } from '../../../domain/money.ts';
import { periodAt } from '../../../domain/period.ts';
import {
  budgetClosed,
  budgetReopened,
  budgetThrottled,
  profileQuarantined,
  profileReleased,
} from '../../../domain/standing/notice.ts';
import { bypassDetected } from '../../../domain/standing/tell-bypass.ts';
import { budgetNamed, policyOf } from '../example-policy.ts';
import { profileArn } from '../governed-account.ts';

const FOLDER = new URL('../../../docs/events/', import.meta.url);

const policy = policyOf();
const budget = budgetNamed(policy, 'tenant-monthly/acme');
const at = epochMs(Date.UTC(2026, 10, 23));
const period = periodAt('month', policy.timeZone, at);
const spent = nanoUsd(19_000_000_001n);
const restriction = {
  budget,
  period,
  tenant: 'acme',
  spent,
  because: '95% of the limit is spent',
  since: 2,
  until: period.endsAt,
};
const profile = { arn: profileArn('a'), name: 'chat', tags: {}, tenant: 'acme', quarantine: 1 };

const drift = {
  type: 'DriftDetected' as const,
  day: '2026-11-20' as UtcDay,
  settled: nanoUsd(2_000_000_000n),
  unconfirmed: nanoUsd(0n),
};

/** One event of each kind, as the governor makes them. */
const events = (): GovernorEvent[] =>
  [
    budgetThrottled(restriction).event,
    budgetClosed(restriction).event,
    budgetReopened({ budget, period, tenant: undefined, closedIn: '2026-10', since: 3 }).event,
    profileQuarantined({ ...profile, violations: [{ key: 'team', problem: 'missing', expected: 'a value' }] }).event,
    profileReleased({ ...profile, tenant: '' }).event,
    budgetProvisioned({ budget, awsBudget: 'governor/prod/x', tenant: 'acme', outcome: 'created', at }),
    driftDetected({ arn: profile.arn, tenant: 'acme', difference: 'profile-gone', at }),
    billDriftDetected({
      ...drift,
      tenant: 'acme',
      billed: nanoUsd(2_000_000_001n),
      difference: nanoUsd(1n),
      percent: 1,
    }).event,
    billDriftDetected({ ...drift, billed: nanoUsd(0n), difference: nanoUsd(-2_000_000_000n), percent: -100 }).event,
    // A correction of a bill may be larger than what the day has cost.
    billDriftDetected({
      ...drift,
      billed: nanoUsd(-1_500_000_000n),
      difference: nanoUsd(-3_500_000_000n),
      percent: -100,
    }).event,
    bypassDetected({ budget, period, tenant: 'acme', profile: profile.arn, amount: spent, source: 'token metrics' })
      .event,
    bypassDetected({ budget, period, tenant: 'acme', profile: undefined, amount: spent, source: 'AWS Budgets' }).event,
  ].flatMap((event) => event ?? []);

describe("the governor's events", () => {
  it('are of every published kind, and as their schema says', () => {
    const all = events();
    expect([...new Set(all.map(({ type }) => type))].sort()).toEqual([...EVENT_TYPES].sort());
    for (const event of all) expect(EVENTS[event.type].parse(detailOf(event))).toEqual(detailOf(event));
  });

  it('come out of the outbox as they went in', () => {
    for (const event of events()) expect(parseEvent(JSON.parse(serialiseEvent(event)))).toEqual(event);
  });

  it('tell exact amounts, and no tenant where there is none', () => {
    const [throttled, , reopened] = events();
    expect(throttled?.detail).toMatchObject({ tenant: 'acme', spentUsd: '19.000000001', limitUsd: '20.00' });
    expect(reopened?.detail).not.toHaveProperty('tenant');
    expect(events()[4]?.detail).not.toHaveProperty('tenant');
  });

  it('tell a drift of the index and one of the bill apart', () => {
    const drifts = events().flatMap(({ type, detail }) => (type === 'DriftDetected' ? [detail] : []));
    expect(drifts).toEqual([
      { source: 'index', tenant: 'acme', profile: profile.arn, difference: 'profile-gone' },
      {
        source: 'bill',
        tenant: 'acme',
        day: '2026-11-20',
        difference: 'billed-more',
        billedUsd: '2.000000001',
        recordedUsd: '2.00',
        unconfirmedUsd: '0.00',
      },
      {
        source: 'bill',
        day: '2026-11-20',
        difference: 'billed-less',
        billedUsd: '0.00',
        recordedUsd: '2.00',
        unconfirmedUsd: '0.00',
      },
      {
        source: 'bill',
        day: '2026-11-20',
        difference: 'billed-less',
        billedUsd: '-1.50',
        recordedUsd: '2.00',
        unconfirmedUsd: '0.00',
      },
    ]);
  });

  it.each([
    undefined,
    {},
    { type: 'TenantExploded', detail: {} },
    { type: '__proto__', detail: {} },
    { type: 'TenantReopened', detail: { version: 2, id: 'x' as EventId } },
  ])('are not %j', (document) => {
    expect(parseEvent(document)).toBeUndefined();
  });

  it('have schemas in docs/events that are up to date: `npm run docs:events`', () => {
    const wanted = Object.entries(eventSchemas()).map(([name, schema]) => [name, JSON.parse(JSON.stringify(schema))]);
    const found = readdirSync(FOLDER)
      .filter((name) => name.endsWith('.json'))
      .map((name) => [name, JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8'))]);
    expect(found.sort()).toEqual(wanted.sort());
  });
});
