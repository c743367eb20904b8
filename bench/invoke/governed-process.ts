import { randomUUID } from 'node:crypto';
import { BedrockRuntimeClient } from '@aws-sdk/client-bedrock-runtime';
import { AwsClock } from '../../aws/aws-clock.ts';
import type { IndexEntry } from '../../domain/profiles/profile-index.ts';
import { LearnedHolds } from '../../domain/spending/learned-hold.ts';
import type { WriteId } from '../../domain/spending/ledger.ts';
import { callCost } from '../../domain/spending/pricing.ts';
import { holderOf, NONE_REFUSED, type ProcessId, type UsageRecords } from '../../domain/spending/usage-record.ts';
import { Admissions } from '../../invoke/admission.ts';
import { DEFAULTS } from '../../invoke/defaults.ts';
import { MeteredStreams } from '../../invoke/metered-stream.ts';
import { governedCalls } from '../../invoke/middleware.ts';
import { Observation } from '../../invoke/observation.ts';
import type { GovernedCalls } from '../../invoke/plugin.ts';
import { ProfileResolver } from '../../invoke/profile-resolver.ts';
import { RegionalClients } from '../../invoke/regional-clients.ts';
import { turnClock } from '../../invoke/turn-clock.ts';
import { UsageRecorder } from '../../invoke/usage-recorder.ts';
import type { Timer } from '../../invoke/waiting-line.ts';
import { LedgerInMemory } from './ledger-in-memory.ts';
import { REGION, tenantOf } from './profiles.ts';

/** Leased by each tenant beforehand: more than the benchmark spends, so that no call has to wait for the ledger. */
const LEASE = callCost(1_000_000_000);

export interface GovernedProcess {
  /** The middlewares of the governor bound to one tenant. */
  calls(tenant: number): GovernedCalls;
}

/**
 * A tenants' process in full swing, put together as `startGoverning` does it: the index read, a lease in hand for every
 * tenant. Only the table is replaced by one in memory.
 */
export async function governedProcess(entries: readonly IndexEntry[]): Promise<GovernedProcess> {
  const clock = turnClock(new AwsClock());
  const source = { name: 'memory', read: async () => ({ entries, withheld: [] }) };
  const resolver = new ProfileResolver({ source, clock, region: REGION });
  const process = 'bench' as ProcessId;
  const admissions = new Admissions({
    ledger: new LedgerInMemory(),
    clock,
    timer: systemTimer,
    random: Math.random,
    leaseMs: DEFAULTS.leaseSeconds * 1_000,
    maxWaitMs: DEFAULTS.maxWaitMs,
    maxWaiting: DEFAULTS.maxWaiting,
    newHolder: () => holderOf(process, ++leases),
    newWriteId: () => randomUUID() as WriteId,
  });
  let leases = 0;
  for (const { budgets } of entries) (await admissions.admit(budgets, LEASE)).release();
  const shared = {
    clock,
    resolver,
    admissions,
    usage: new UsageRecorder({ records: NOWHERE, clock, process }),
    learned: new LearnedHolds(),
    streams: new MeteredStreams({ clock, timer: systemTimer }),
    observation: new Observation(undefined),
    regional: new RegionalClients((region) => new BedrockRuntimeClient({ region })),
    ungoverned: new Set<string>(),
    isClosed: () => false,
    callEnded: () => {},
  };
  const callsOf = governedCalls(shared);
  return { calls: (tenant) => callsOf({ tenant: tenantOf(tenant) }) };
}

const NOWHERE: UsageRecords = { write: async () => NONE_REFUSED, async *read() {} };

const systemTimer: Timer = {
  after(ms, run) {
    const timeout = setTimeout(run, ms);
    return () => clearTimeout(timeout);
  },
};
