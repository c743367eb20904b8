import { beforeEach, describe, expect, it } from 'vitest';
import type { BudgetId } from '../../domain/budgets/budget-id.ts';
import { type EpochMs, epochMs } from '../../domain/clock.ts';
import type { HolderId, WriteId } from '../../domain/spending/ledger.ts';
import { NONE_REFUSED, type ProcessId } from '../../domain/spending/usage-record.ts';
import { Admissions } from '../../invoke/admission.ts';
import { ProfileResolver } from '../../invoke/profile-resolver.ts';
import { type Route, Routes } from '../../invoke/route.ts';
import { UsageRecorder } from '../../invoke/usage-recorder.ts';
import { profileArn } from '../domain/governed-account.ts';
import { indexEntry, NOVA } from '../domain/profiles/index-entry.ts';
import { MemoryLedger } from '../domain/spending/memory-ledger.ts';
import { MemoryIndex, settled } from './memory-index.ts';
import { TestTimer } from './test-timer.ts';

const ACME = { tenant: 'acme' };
const monthly = { id: 'monthly' as BudgetId, period: 'month', timeZone: 'UTC' } as const;
const yearly = { id: 'yearly' as BudgetId, period: 'year', timeZone: 'UTC' } as const;

let index: MemoryIndex;
let routes: Routes;
beforeEach(async () => {
  index = new MemoryIndex();
  index.entries = [indexEntry('chat', ACME, { budgets: [monthly, yearly] }), indexEntry('other', { tenant: 'other' })];
  const timer = new TestTimer();
  let ids = 0;
  const admissions = new Admissions({
    ledger: new MemoryLedger(),
    clock: index,
    timer,
    random: () => 0.5,
    leaseMs: 120_000,
    maxWaitMs: 0,
    maxWaiting: 0,
    newHolder: () => `holder-${++ids}` as HolderId,
    newWriteId: () => `write-${++ids}` as WriteId,
  });
  const resolver = new ProfileResolver({ source: index, clock: index, region: 'us-east-1' });
  const records = { write: async () => NONE_REFUSED };
  const usage = new UsageRecorder({ records, clock: index, process: 'process' as ProcessId });
  routes = new Routes({ resolver, admissions, usage }, ACME);
});

const atOnce = (modelId = NOVA): Route | undefined => routes.atOnce(modelId, index.now());
const periodsAt = (route: Route | undefined, now: EpochMs) => route?.accountsAt(now).map(({ key }) => key.period);

describe('the route of calls for a model', () => {
  it('is not known at once before the index was read, and is found by reading it', async () => {
    expect(atOnce()).toBeUndefined();
    expect((await routes.find(NOVA)).entry.name).toBe('chat');
    expect(atOnce()?.entry.name).toBe('chat');
  });

  it('is the same one as long as the index says the same, in whatever order models are asked for', async () => {
    const route = await routes.find(NOVA);
    const arn = profileArn('chat');
    const byArn = atOnce(arn);
    expect(byArn?.entry).toBe(route.entry);
    expect([atOnce(), atOnce(arn), atOnce(arn), atOnce()]).toEqual([route, byArn, byArn, route]);
    expect(atOnce()).toBe(route);
  });

  it('is another one where the index says something else', async () => {
    await routes.find(NOVA);
    index.entries = [indexEntry('successor', ACME)];
    index.wait(31_000);
    expect(atOnce()?.entry.name).toBe('chat');
    await settled();
    expect(atOnce()?.entry.name).toBe('successor');
  });

  it('is none any more where the profile is gone', async () => {
    await routes.find(NOVA);
    index.entries = [];
    index.wait(31_000);
    atOnce();
    await settled();
    expect(atOnce()).toBeUndefined();
  });

  it('is never that of tags which the profile does not carry', async () => {
    await routes.find(NOVA);
    expect(atOnce(profileArn('other'))).toBeUndefined();
  });

  it('is still found after a model was written in 10,000 ways', async () => {
    await routes.find(NOVA);
    for (let i = 0; i < 10_000; i++) atOnce(`arn:aws:bedrock:us-east-1:${i}:inference-profile/${NOVA}`);
    expect(atOnce()?.entry.name).toBe('chat');
  });

  it('spends in the periods of the instant: one that turns has another account, the others keep theirs', async () => {
    const route = await routes.find(NOVA);
    const november = epochMs(Date.UTC(2026, 10, 30, 23, 59));
    const december = epochMs(Date.UTC(2026, 11, 1));
    expect(periodsAt(route, november)).toEqual(['2026-11', '2026']);
    const [, year] = route.accountsAt(november);
    expect(periodsAt(route, december)).toEqual(['2026-12', '2026']);
    expect(route.accountsAt(december)[1]).toBe(year);
  });
});
