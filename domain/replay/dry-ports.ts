import type { BillingPorts } from '../budgets/run-billing.ts';
import type { JournalFacts, MetricName } from '../journal.ts';
import type { Outlook } from '../outlook/look-ahead.ts';
import type { ProfileArn } from '../profiles/profile-arn.ts';
import type { Sweep } from '../profiles/sweep.ts';
import type { MetricAlarms } from '../signals/alarm.ts';
import type { CostAnomalies } from '../signals/anomaly.ts';
import type { LedgerKey, Opening } from '../spending/ledger.ts';
import type { Openings } from '../spending/seeding.ts';
import type { Notice } from '../standing/notice.ts';
import type { Signal, Signals } from '../standing/signal.ts';
import { type BillingReads, dryBilling } from './dry-billing.ts';
import { dryLedger } from './dry-ledger.ts';
import { dryHistories, dryIndex, dryProfiles } from './dry-profiles.ts';
import type { Intention, Note } from './intention.ts';

/** Everything that an answer to an event reads and writes. */
export type AnswerPorts = Sweep &
  Outlook & { readonly anomalies: CostAnomalies; readonly alarms: MetricAlarms; readonly billing: BillingPorts };

/** The same, before anything of it is dry. */
export type RealPorts = Omit<AnswerPorts, 'billing'> & { readonly billing: BillingReads };

/** What the answers decided, counted, and would have written, in order. */
export interface Transcript {
  readonly decisions: readonly { readonly decision: string; readonly facts: JournalFacts }[];
  readonly counted: readonly { readonly metric: MetricName; readonly facts: JournalFacts }[];
  readonly intentions: readonly Intention[];
}

/**
 * Ports that read the truth and write nothing: each write is noted, and later reads see it, so that the use cases go the
 * whole of their way. What another function would answer to what is written is not played.
 *
 * @param isTold whether an occasion's notice is on record already
 */
export function dryPorts(
  real: RealPorts,
  isTold: (id: Notice['id']) => Promise<boolean>,
): { readonly ports: AnswerPorts; readonly transcript: Transcript } {
  const decisions: { decision: string; facts: JournalFacts }[] = [];
  const counted: { metric: MetricName; facts: JournalFacts }[] = [];
  const intentions: Intention[] = [];
  const note: Note = (to, what) => {
    // A pass that meets nothing new writes the same again.
    if (!intentions.some((each) => each.to === to && each.what === what)) intentions.push({ to, what });
  };
  const ledger = dryLedger(real.ledger, note);
  const told: Pick<AnswerPorts, 'journal' | 'gauges' | 'outbox'> = {
    journal: {
      decided: (decision, facts) => void decisions.push({ decision, facts }),
      counted: (metric, facts = {}) => void counted.push({ metric, facts }),
    },
    gauges: { measured: () => {} },
    outbox: {
      async enter({ id, kind, subject }) {
        if (!(await isTold(id))) note('notices', `${kind}: ${subject}`);
      },
      announce: async ({ id, type }) => note('events', `${type} (${id})`),
    },
  };
  const ports: AnswerPorts = {
    ...real,
    ...told,
    billing: dryBilling(real.billing, told, note),
    ledger,
    ledgerReadings: ledger,
    profiles: dryProfiles(real.profiles, note),
    index: dryIndex(real.index, note),
    histories: dryHistories(real.histories, note),
    signals: drySignals(real.signals, note),
    openings: dryOpenings(real.openings, note),
    checkpoints: {
      list: (key) => real.checkpoints.list(key),
      keep: async ({ budget, period }) => note('memory', `checkpoints of budget ${budget} ${period}`),
    },
    paces: {
      read: (key) => real.paces.read(key),
      keep: async ({ budget, period }) => note('memory', `a sample of the pace of budget ${budget} ${period}`),
    },
    progress: {
      read: () => real.progress.read(),
      keep: async () => note('memory', 'how far the sweep came'),
    },
    awsBudgets: {
      describe: (name) => real.awsBudgets.describe(name),
      figures: (name) => real.awsBudgets.figures(name),
      list: (prefix) => real.awsBudgets.list(prefix),
      async create({ name, amount }) {
        note('AWS Budgets', `create ${name} of ${amount} USD`);
        return 'created';
      },
      async update({ name, amount }) {
        note('AWS Budgets', `make ${name} as the policy says: ${amount} USD`);
        return 'updated';
      },
      async remove(name) {
        note('AWS Budgets', `remove ${name}, if the governor has made it`);
        return 'removed';
      },
    },
    remover: {
      async remove(arn) {
        note('bedrock', `delete ${arn}`);
        return 'gone';
      },
    },
  };
  return { ports, transcript: { decisions, counted, intentions } };
}

function drySignals(real: Signals, note: Note): Signals {
  const kept: Signal[] = [];
  return {
    async keep(signal) {
      kept.push(signal);
      note('signals', `about budget ${signal.budget}: ${signal.because}`);
    },
    async lasting(budget, now) {
      const mine = kept.filter((signal) => signal.budget === budget && signal.until > now);
      const others = (await real.lasting(budget, now)).filter(({ id }) => !kept.some((signal) => signal.id === id));
      return [...others, ...mine];
    },
  };
}

function dryOpenings(real: Openings, note: Note): Openings {
  const kept = new Map<string, Map<ProfileArn, Opening>>();
  const nameOf = ({ budget, period }: LedgerKey) => `budget ${budget} ${period}`;
  return {
    async list(key) {
      return new Map([...(await real.list(key)), ...(kept.get(nameOf(key)) ?? [])]);
    },
    async keep(key, profile, opening) {
      kept.set(nameOf(key), new Map(kept.get(nameOf(key))).set(profile, opening));
      note('memory', `what ${profile} brings to ${nameOf(key)}`);
    },
    settle: async (key, profile) => note('memory', `that ${nameOf(key)} has counted ${profile} itself`),
  };
}
