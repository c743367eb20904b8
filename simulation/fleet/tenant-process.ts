import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { AwsClock } from '../../aws/aws-clock.ts';
import { tableLook } from '../../aws/dynamodb/table-identity.ts';
import { steadyClock } from '../../aws/steady-clock.ts';
import type { Surroundings } from '../../infra/surroundings.ts';
import { eventBridgeHints } from '../../invoke/event-hints.ts';
import { type Governing, startGoverning } from '../../invoke/governing.ts';
import { leaseFunction } from '../../invoke/lease-function.ts';
import type { GovernorEvent } from '../../invoke/observation.ts';
import type { GovernedCalls, Preparation } from '../../invoke/plugin.ts';
import { TABLE } from './functions.ts';
import type { Host } from './host.ts';

export interface ProcessSettings {
  readonly leaseSeconds: number;
  readonly maxWaitMs: number;
  readonly hasHints: boolean;
  /** Of the function `lease`, where the process may not write the table. */
  readonly alias: string | undefined;
}

export interface BoundCalls {
  readonly governed: GovernedCalls;
  readonly prepare: Preparation;
}

/** A process of tenants, with the helper in it. */
export class TenantProcess {
  readonly host: Host;
  readonly #settings: ProcessSettings;
  readonly #client: Surroundings['client'];
  readonly #observe: (event: GovernorEvent) => void;
  #starting: Promise<Governing> | undefined;
  #governing: Governing | undefined;
  #isClosed = false;
  readonly #calls = new Map<string, GovernedCalls>();

  constructor(
    host: Host,
    client: Surroundings['client'],
    settings: ProcessSettings,
    observe: (event: GovernorEvent) => void,
  ) {
    this.host = host;
    this.#client = client;
    this.#settings = settings;
    this.#observe = observe;
  }

  get governing(): Governing | undefined {
    return this.#governing;
  }

  /** The governor bound to a tenant, and what it does ahead of the process's first call. */
  async callsOf(tenant: string): Promise<BoundCalls> {
    const isFirst = this.#starting === undefined;
    this.#starting ??= this.#start();
    const governing = await this.#starting;
    const governed = this.#calls.get(tenant) ?? governing.calls({ tenant });
    this.#calls.set(tenant, governed);
    return {
      governed,
      prepare: async (context, input) => {
        if (isFirst) await governing.prepare({ tenant }, context, input);
      },
    };
  }

  async #start(): Promise<Governing> {
    const { machine } = this.host;
    const { leaseSeconds, maxWaitMs, hasHints, alias } = this.#settings;
    const clock = new AwsClock(steadyClock(machine.wall, machine.monotonic));
    const dynamodb = clock.listenTo(this.#client(DynamoDBClient));
    const look = tableLook(dynamodb, TABLE, clock, machine.deadline);
    const hints = hasHints
      ? { hints: eventBridgeHints({ busName: 'governor', client: this.#client(EventBridgeClient) }) }
      : {};
    const ledger =
      alias === undefined
        ? {}
        : { ledger: leaseFunction({ functionName: 'lease', qualifier: alias, lambda: this.#client(LambdaClient) }) };
    this.#governing = await startGoverning(
      {
        table: TABLE,
        tags: {},
        region: 'us-east-1',
        leaseSeconds,
        maxWaitMs,
        observe: this.#observe,
        ...hints,
        ...ledger,
      },
      { dynamodb, clock, look, heard: (word) => look.heard(word) },
      () => this.#isClosed,
      machine,
    );
    return this.#governing;
  }

  /** As at the end of a program. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#governing?.stop();
    await this.#governing?.flush();
  }
}
