import { describe, expect, it } from 'vitest';
import type { AuditRecord } from '../../../domain/audit/audit-record.ts';
import { AuditingJournal } from '../../../domain/audit/auditing-journal.ts';
import { governProfile } from '../../../domain/profiles/govern-profile.ts';
import { GovernedAccount } from '../governed-account.ts';

function audited(account: GovernedAccount) {
  const kept: AuditRecord[] = [];
  const days: number[] = [];
  const state = { broken: false };
  const journal = new AuditingJournal({
    journal: account.ports.journal,
    clock: { now: () => account.now },
    index: account.ports.index,
    policy: async () => account.policy,
    trail: {
      append: async (records, retentionDays) => {
        if (state.broken) throw new Error('throttled');
        kept.push(...records);
        days.push(retentionDays);
      },
    },
  });
  journal.begin({ actor: 'governor-sweep', invocation: 'i-1' });
  return { journal, kept, days, state };
}

describe('the journal that keeps an audit trail', () => {
  it('keeps each decision with who, when, whose and on which evidence, and still logs it', async () => {
    const account = new GovernedAccount();
    const { journal, kept, days } = audited(account);
    const acme = account.profile('acme', { tenant: 'acme', environment: 'nowhere', team: 'x' });
    await governProfile({ ...account.ports, journal }, acme);
    expect(kept).toEqual([]);
    await journal.flush();
    expect(kept.map(({ decision }) => decision)).toEqual(account.decisions.map(({ decision }) => decision));
    expect(kept.map(({ decision }) => decision)).toContain('quarantine profile');
    for (const record of kept)
      expect(record).toMatchObject({ actor: 'governor-sweep', invocation: 'i-1', at: account.now, tenant: 'acme' });
    expect(kept.find(({ decision }) => decision === 'set standing tag')?.facts).toMatchObject({
      before: 'none',
      after: 'quarantined',
    });
    expect(new Set(kept.map(({ id }) => id)).size).toBe(kept.length);
    expect(new Set(days)).toEqual(new Set([400]));
  });

  it('knows the tenant of a budget, and none where there is not one', async () => {
    const account = new GovernedAccount();
    const { journal, kept } = audited(account);
    for (const budget of ['tenant-monthly/acme', 'support-chat', 'gone/x']) journal.decided('close budget', { budget });
    journal.decided('publish index', { profiles: 3 });
    await journal.flush();
    expect(kept.map(({ tenant }) => tenant)).toEqual(['acme', undefined, undefined, undefined]);
  });

  it('stops nothing when it cannot write: it counts what it lost', async () => {
    const account = new GovernedAccount();
    const { journal, kept, state } = audited(account);
    state.broken = true;
    journal.decided('close budget', { budget: 'tenant-monthly/acme' });
    await journal.flush();
    expect(account.counted).toEqual(['AuditFailed']);
    state.broken = false;
    journal.decided('reopen budget', { budget: 'tenant-monthly/acme' });
    await journal.flush();
    expect(kept.map(({ decision }) => decision)).toEqual(['reopen budget']);
  });

  it('keeps what is only watched once a day, and the account of a run not at all', async () => {
    const account = new GovernedAccount();
    const { journal, kept } = audited(account);
    for (let look = 0; look < 3; look++)
      journal.decided('would restrict budget', { budget: 'tenant-monthly/acme', period: '2026-11' });
    journal.decided('swept', { profiles: 1 });
    account.wait(86_400_000);
    journal.decided('would restrict budget', { budget: 'tenant-monthly/acme', period: '2026-11' });
    await journal.flush();
    expect([...new Set(kept.map(({ id }) => id))]).toEqual([
      '2026-11-23#would restrict budget#tenant-monthly/acme#2026-11',
      '2026-11-24#would restrict budget#tenant-monthly/acme#2026-11',
    ]);
  });

  it('keeps what is found again at each look once a day', async () => {
    const account = new GovernedAccount();
    const { journal, kept } = audited(account);
    for (let look = 0; look < 3; look++) {
      journal.decided('keep stale AWS budget', { name: 'governor/prod/old/acme', because: 'it is not ours' });
      journal.decided('leave foreign AWS budget', { budget: 'tenant-monthly/acme', name: 'x' });
      journal.decided('alerts-full AWS budget', { budget: 'tenant-monthly/acme', name: 'x' });
      journal.decided('keep mismatched profiles', { inUse: look, because: [] });
      journal.decided('report missing profiles', { missing: look, because: [] });
      account.wait(300_000);
    }
    await journal.flush();
    expect([...new Set(kept.map(({ id }) => id))]).toHaveLength(5);
    expect(kept.every(({ id }) => id.startsWith('2026-11-23#'))).toBe(true);
  });

  it('writes many decisions away while the work goes on, in order, and loses none', async () => {
    const account = new GovernedAccount();
    const { journal, kept } = audited(account);
    for (let decision = 0; decision < 1_050; decision++) {
      journal.decided('mend tags', { number: decision });
      if (decision % 70 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(kept.length).toBeGreaterThan(0);
    await journal.flush();
    expect(kept.map(({ facts }) => facts['number'])).toEqual(Array.from({ length: 1_050 }, (_, number) => number));
    expect(kept.map(({ id }) => id)).toEqual(kept.map(({ id }) => id).sort());
  });
});
