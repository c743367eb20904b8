import type { HandlerExecutionContext } from '@smithy/types';
import { ledgerTable } from '../aws/dynamodb/ledger-table.ts';
import { tableSource } from '../aws/dynamodb/table-source.ts';
import { usageWriter } from '../aws/dynamodb/usage-writer.ts';
import { type Machine, thisMachine } from '../aws/machine.ts';
import { namesOf } from '../aws/sdk-names.ts';
import { LearnedHolds } from '../domain/spending/learned-hold.ts';
import type { WriteId } from '../domain/spending/ledger.ts';
import { holderOf, type ProcessId } from '../domain/spending/usage-record.ts';
import type { Tags } from '../domain/tags.ts';
import { abortable, orAborted, signalOf } from './abort.ts';
import { Admissions } from './admission.ts';
import { askAhead } from './ask-ahead.ts';
import type { CostGovernorConfig, GovernorSnapshot } from './config.ts';
import { DEFAULTS } from './defaults.ts';
import { MeteredStreams } from './metered-stream.ts';
import { governedCalls } from './middleware.ts';
import { Observation } from './observation.ts';
import type { GovernedCalls } from './plugin.ts';
import { ProfileResolver } from './profile-resolver.ts';
import { type ClientForRegion, RegionalClients } from './regional-clients.ts';
import { Routes } from './route.ts';
import type { TableAccess } from './table-access.ts';
import { turnClock } from './turn-clock.ts';
import { UsageRecorder } from './usage-recorder.ts';

/** What a governor has in this process once its first call is there. */
export interface Governing {
  /** The middlewares for a binding. */
  calls(tags: Tags): GovernedCalls;
  /** For the first call, before its request is made: see {@link askAhead}. @throws {GovernorRefusal} */
  prepare(tags: Tags, context: HandlerExecutionContext, input: object): Promise<void>;
  snapshot(): GovernorSnapshot;
  flush(): Promise<void>;
  /** No more maintenance, and nobody waits any more. To be called once no call is let in. */
  stop(): void;
}

/** Loaded with the first call, and all that it imports: a process that makes none does not pay for it. */
export async function startGoverning(
  config: CostGovernorConfig,
  access: TableAccess,
  isClosed: () => boolean,
  machine: Machine = thisMachine,
): Promise<Governing> {
  const { dynamodb } = access;
  const clock = turnClock(config.clock ?? access.clock);
  const region = config.region ?? process.env['AWS_REGION'] ?? process.env['AWS_DEFAULT_REGION'];
  const { table } = config;
  const source =
    config.index?.({ table, dynamodb, region, tags: config.tags }) ??
    tableSource(dynamodb, table, access.index, access.heard, config.dynamodb === undefined ? region : undefined);
  const resolver = new ProfileResolver({ source, clock, region, letOthersRun: machine.letOthersRun });
  const thisProcess = machine.newToken() as ProcessId;
  let leases = 0;
  const spending = (await config.ledger?.open({
    id: thisProcess,
    region,
    listenTo: (client) => void access.clock.listenTo(client),
  })) ?? { ledger: ledgerTable(dynamodb, table, access.look), usage: usageWriter(dynamodb, table) };
  const hints = await config.hints?.open({ region });
  const usage = new UsageRecorder({ records: spending.usage, clock, process: thisProcess });
  const admissions = new Admissions({
    ledger: spending.ledger,
    clock,
    timer: machine,
    random: machine.random,
    leaseMs: (config.leaseSeconds ?? DEFAULTS.leaseSeconds) * 1000,
    maxWaitMs: config.maxWaitMs ?? DEFAULTS.maxWaitMs,
    maxWaiting: config.maxWaiting ?? DEFAULTS.maxWaiting,
    isClosed,
    newHolder: () => holderOf(thisProcess, ++leases),
    newWriteId: () => machine.newId() as WriteId,
    ...(hints === undefined ? {} : { saw: (item) => hints.saw(item) }),
  });
  const learned = new LearnedHolds();
  const streams = new MeteredStreams({ clock, timer: machine });
  const observation = new Observation(config.observe);
  const regional = new RegionalClients(config.clients ?? runtimeClient);
  const ungoverned = new Set(config.ungoverned);
  const stopMaintenance = machine.every(DEFAULTS.maintenanceMs, () => {
    void admissions.maintain();
    void usage.maintain();
    streams.maintain();
  });

  const flush = async (): Promise<void> => {
    await streams.settled();
    try {
      await both(admissions.flush(), usage.flush());
    } finally {
      // What was just reported may have crossed a threshold; a process that is frozen would tell it much later.
      await hints?.settled();
    }
  };
  let isToReport = false;
  const report = async (): Promise<void> => {
    // Calls that end at the same moment are reported together.
    await machine.letOthersRun();
    isToReport = false;
    // What does not get through is as with a process that is gone: the ledger takes back what it has not heard of.
    await flush().catch(() => {});
  };
  /** What ends once the governor is closed has nobody else to report it. */
  const callEnded = (): void => {
    if (!isClosed() || isToReport) return;
    isToReport = true;
    void report();
  };

  const shared = {
    clock,
    resolver,
    admissions,
    usage,
    learned,
    streams,
    observation,
    regional,
    ungoverned,
    isClosed,
    callEnded,
  };
  return {
    calls: governedCalls(shared),
    async prepare(tags, context, input) {
      const signal = signalOf(context);
      const call = { command: context.commandName ?? '', input, signal };
      await abortable(signal, () => orAborted(signal, askAhead(shared, new Routes(shared, tags), call)));
      // What is asked for is sent before the caller's work goes on.
      await machine.letOthersRun();
    },
    snapshot: () => ({
      index: resolver.snapshot(),
      calls: observation.counts,
      budgets: admissions.states,
      openStreams: streams.size,
      ...(hints === undefined ? {} : { hints: hints.counts }),
    }),
    stop() {
      stopMaintenance();
      admissions.dismiss();
    },
    flush,
  };
}

/** Waits for both, also where one fails; then fails as it did. */
async function both(...work: readonly [Promise<void>, Promise<void>]): Promise<void> {
  await Promise.allSettled(work);
  await Promise.all(work);
}

/** Loaded when a profile lives in another Region: a program that was written for `require` has not loaded it as an ES module. */
const runtimeClient: ClientForRegion = async (region) =>
  new (namesOf(await import('@aws-sdk/client-bedrock-runtime')).BedrockRuntimeClient)({ region });
