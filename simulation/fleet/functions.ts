import type { Context } from 'aws-lambda';
import { handler as billing } from '../../handlers/billing.ts';
import { handler as budgetAlert } from '../../handlers/budget-alert.ts';
import { handler as budgetHint } from '../../handlers/budget-hint.ts';
import { handler as costAnomaly } from '../../handlers/cost-anomaly.ts';
import { handler as lease } from '../../handlers/lease.ts';
import { handler as ledgerWatch } from '../../handlers/ledger-watch.ts';
import { handler as metricAlarm } from '../../handlers/metric-alarm.ts';
import { handler as outlook } from '../../handlers/outlook.ts';
import { handler as profileChanged } from '../../handlers/profile-changed.ts';
import { handler as reopenEnded } from '../../handlers/reopen-ended.ts';
import { handler as sweep } from '../../handlers/sweep.ts';
import type { Handler } from '../../infra/handler-of.ts';
import type { Surroundings, Voice } from '../../infra/surroundings.ts';
import type { Chance } from '../clockwork/chance.ts';
import type { Scheduler } from '../clockwork/scheduler.ts';
import type { Trace } from '../run/trace.ts';
import { ACCOUNT } from '../world/profiles.ts';
import type { Host } from './host.ts';

const HANDLERS = {
  billing,
  'budget-alert': budgetAlert,
  'budget-hint': budgetHint,
  'cost-anomaly': costAnomaly,
  lease,
  'ledger-watch': ledgerWatch,
  'metric-alarm': metricAlarm,
  outlook,
  'profile-changed': profileChanged,
  'reopen-ended': reopenEnded,
  sweep,
} as const satisfies Readonly<Record<string, Handler<unknown, unknown>>>;

export type FunctionName = keyof typeof HANDLERS;

/** As infra/serverless.yml has them. */
const TIMEOUT_MS: Readonly<Record<FunctionName, number>> = {
  billing: 180_000,
  'budget-alert': 60_000,
  'budget-hint': 60_000,
  'cost-anomaly': 60_000,
  lease: 10_000,
  'ledger-watch': 55_000,
  'metric-alarm': 60_000,
  outlook: 240_000,
  'profile-changed': 60_000,
  'reopen-ended': 58_000,
  sweep: 270_000,
};

/** Lambda tries an event that failed twice more, after one minute and two (Lambda Developer Guide, asynchronous invocation). */
const RETRY_MS = [60_000, 120_000];

export const TABLE = 'governor';

const ENVIRONMENT = {
  GOVERNOR_TABLE: TABLE,
  GOVERNOR_NOTICES_TOPIC_ARN: `arn:aws:sns:us-east-1:${ACCOUNT}:notices`,
  GOVERNOR_CHAT_TOPIC_ARN: `arn:aws:sns:us-east-1:${ACCOUNT}:chat`,
  GOVERNOR_BUDGET_ALERTS_TOPIC_ARN: `arn:aws:sns:us-east-1:${ACCOUNT}:alerts`,
  GOVERNOR_ANOMALIES_TOPIC_ARN: `arn:aws:sns:us-east-1:${ACCOUNT}:anomalies`,
  GOVERNOR_BUS_NAME: 'governor',
  GOVERNOR_ACCOUNT_ID: ACCOUNT,
  GOVERNOR_INDEX_PARAMETER: '/governor/index',
  GOVERNOR_STAGE: 'prod',
  GOVERNOR_REGIONS: 'us-east-1',
  GOVERNOR_PAYER_ACCOUNT_ID: 'none',
  AWS_REGION: 'us-east-1',
};

export interface DeadLetter {
  readonly of: FunctionName;
  readonly event: unknown;
  readonly error: string;
  /** Whether a fault of the world met each of its attempts. */
  readonly isExplained: boolean;
}

interface Environment {
  readonly host: Host;
  readonly run: (event: unknown, context: Context) => Promise<unknown>;
  isBusy: boolean;
}

export interface FunctionsParts {
  readonly scheduler: Scheduler;
  readonly chance: Chance;
  readonly trace: Trace;
  readonly newHost: (name: string) => Host;
  readonly clientFor: (host: Host) => Surroundings['client'];
  /** Whether an event may find no environment that is warm, as when a new version is rolled out. */
  readonly isCold: (name: FunctionName) => boolean;
  /** Whether a warm environment still serves: not for long once there is a later version. */
  readonly isServing: (host: Host) => boolean;
  /** Hears what an event was answered with. */
  readonly answered: (name: FunctionName, answer: unknown) => void;
}

/**
 * The governor's functions as Lambda runs them: an execution environment serves one event at a time and is used again; what
 * fails or takes too long is tried again, and then is a dead letter. While a new version is rolled out, environments of
 * both serve side by side.
 */
export class Functions {
  readonly deadLetters: DeadLetter[] = [];
  readonly hosts: Host[] = [];
  invocations = 0;
  readonly #parts: FunctionsParts;
  readonly #pools = new Map<FunctionName, Environment[]>();
  #running = 0;
  #waiting = 0;

  constructor(parts: FunctionsParts) {
    this.#parts = parts;
  }

  /** Whether nothing is under way, nor will be tried again. */
  get isIdle(): boolean {
    return this.#running === 0 && this.#waiting === 0;
  }

  /** Hands over an event: nobody waits for what becomes of it. */
  invoke(name: FunctionName, event: unknown): void {
    void this.#attempt(name, event, 0, true);
  }

  /** And waits for the first attempt. */
  async run(name: FunctionName, event: unknown = {}): Promise<void> {
    await this.#attempt(name, event, 0, true);
  }

  /**
   * Asks a function through one of its aliases and waits for its answer, as `InvokeCommand` does. Whoever asks one that crashes waits
   * until its time is up.
   */
  async ask(name: FunctionName, alias: string, payload: Uint8Array): Promise<object> {
    const environment = this.#environment(name);
    const { host } = environment;
    environment.isBusy = true;
    host.busySince = this.#parts.scheduler.now;
    this.invocations++;
    this.#running++;
    let answer: unknown = null;
    const event: unknown = JSON.parse(Buffer.from(payload).toString());
    const error = await this.#outcome(name, event, environment, alias, (value) => {
      answer = value;
    });
    this.#running--;
    environment.isBusy = false;
    return error === undefined
      ? { Payload: Buffer.from(JSON.stringify(answer)) }
      : { FunctionError: 'Unhandled', Payload: Buffer.from(JSON.stringify({ errorMessage: error })) };
  }

  async #attempt(name: FunctionName, event: unknown, tried: number, isExplained: boolean): Promise<void> {
    const { scheduler, trace } = this.#parts;
    const environment = this.#environment(name);
    const { host } = environment;
    const before = host.suffered;
    environment.isBusy = true;
    host.busySince = scheduler.now;
    this.invocations++;
    this.#running++;
    trace.say(() => `${host.name} begins`);
    const error = await this.#outcome(name, event, environment, undefined, (answer) =>
      this.#parts.answered(name, answer),
    );
    this.#running--;
    environment.isBusy = false;
    trace.say(() => `${host.name} ends${error === undefined ? '' : `: ${error}`}`);
    if (error === undefined) return;
    const wasHit = host.suffered > before || host.isGone;
    const pause = RETRY_MS[tried];
    if (pause === undefined) {
      this.deadLetters.push({ of: name, event, error, isExplained: isExplained && wasHit });
      return;
    }
    this.#waiting++;
    scheduler.after(pause, () => {
      this.#waiting--;
      void this.#attempt(name, event, tried + 1, isExplained && wasHit);
    });
  }

  /** What it failed with, where it did. One that crashes is noticed when its time is up. */
  async #outcome(
    name: FunctionName,
    event: unknown,
    { host, run }: Environment,
    alias?: string,
    answered?: (value: unknown) => void,
  ): Promise<string | undefined> {
    const { scheduler } = this.#parts;
    const endsAt = scheduler.now + TIMEOUT_MS[name];
    const context = {
      functionName: name,
      awsRequestId: host.machine.newId(),
      invokedFunctionArn: `arn:aws:lambda:us-east-1:${ACCOUNT}:function:${name}${alias === undefined ? '' : `:${alias}`}`,
      getRemainingTimeInMillis: () => endsAt - scheduler.now,
    } as unknown as Context;
    return await new Promise((resolve) => {
      const cancel = scheduler.at(endsAt, () => {
        host.crash();
        resolve('its time is up');
      });
      run(event, context).then(
        (value) => {
          cancel();
          answered?.(value);
          resolve(undefined);
        },
        (error: unknown) => {
          cancel();
          resolve(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
        },
      );
    });
  }

  #environment(name: FunctionName): Environment {
    const { newHost, clientFor, isCold, isServing } = this.#parts;
    const pool = (this.#pools.get(name) ?? []).filter(({ host }) => !host.isGone && isServing(host));
    this.#pools.set(name, pool);
    const warm = pool.find(({ isBusy }) => !isBusy);
    if (warm !== undefined && !isCold(name)) return warm;
    const host = newHost(name);
    this.hosts.push(host);
    const surroundings: Surroundings = {
      environment: ENVIRONMENT,
      client: clientFor(host),
      machine: host.machine,
      voice: () => silent,
    };
    const made: Environment = { host, run: HANDLERS[name].in(surroundings), isBusy: false };
    pool.unshift(made);
    return made;
  }
}

/** What functions write in their log says nothing that the world does not show. */
const silent: Voice = {
  logger: { addContext: () => {}, info: () => {}, warn: () => {}, error: () => {} },
  metrics: { addMetric: () => {}, hasStoredMetrics: () => false, publishStoredMetrics: () => {} },
};

export { ENVIRONMENT, silent };
