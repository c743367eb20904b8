import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { policyTable } from '../../aws/dynamodb/policy-table.ts';
import type { BudgetId } from '../../domain/budgets/budget-id.ts';
import { epochMs } from '../../domain/clock.ts';
import { nanoUsd } from '../../domain/money.ts';
import type { Override, OverrideId } from '../../domain/standing/override.ts';
import { overrideStanding } from '../../domain/standing/override-standing.ts';
import { governor } from '../../infra/composition.ts';
import type { Surroundings } from '../../infra/surroundings.ts';
import type { World } from '../world/world.ts';
import { ENVIRONMENT, silent, TABLE } from './functions.ts';
import type { Host } from './host.ts';

/** What an operator has said, and whether it was kept. */
export interface Word {
  readonly tenant: string;
  readonly kind: 'disable' | 'enable' | 'raise';
  madeAt: number;
  readonly until: number;
  readonly amount: bigint;
  /** `unknown` where the command failed before it was kept for certain. */
  outcome: 'kept' | 'unknown';
}

/** People at a command line: each command is a process of its own. */
export class Operators {
  readonly #world: World;
  readonly words: Word[] = [];
  #commands = 0;

  constructor(world: World) {
    this.#world = world;
  }

  async apply(document: object): Promise<void> {
    const { surroundings } = this.#at('operator');
    await policyTable(surroundings.client(DynamoDBClient), TABLE).apply(document);
  }

  async say(kind: Word['kind'], tenant: string, forMs: number, amount: bigint): Promise<void> {
    const { host, surroundings } = this.#at('operator');
    const word: Word = { tenant, kind, madeAt: 0, until: 0, amount, outcome: 'unknown' };
    try {
      const ports = await governor(surroundings).start();
      const now = ports.clock.now();
      const until = epochMs(now + forMs);
      const said: Word = { ...word, madeAt: now, until };
      this.words.push(said);
      const override: Override = {
        id: `word-${++this.#commands}` as OverrideId,
        target:
          kind === 'raise'
            ? { kind: 'budget', budget: `tenant-daily/${tenant}` as BudgetId }
            : { kind: 'tenant', tenant },
        change: kind === 'raise' ? { kind, amount: nanoUsd(amount) } : { kind },
        reason: 'the simulation says so',
        author: 'arn:aws:iam::123456789012:user/operator',
        madeAt: now,
        until,
      };
      const outcome = await overrideStanding(ports, override);
      if (outcome.kind !== 'refused') {
        said.outcome = 'kept';
        said.madeAt = outcome.override.madeAt;
      }
      this.#world.trace.say(() => `${host.name}: ${kind} ${tenant}: ${outcome.kind}`);
    } catch (error) {
      // The operator sees that it failed.
      this.#world.trace.say(() => `${host.name}: ${kind} ${tenant} failed: ${String(error)}`);
    }
  }

  #at(name: string): { readonly host: Host; readonly surroundings: Surroundings } {
    const host = this.#world.newHost(name);
    host.isRemote = true;
    const client = this.#world.clientFor(host);
    return {
      host,
      surroundings: { environment: ENVIRONMENT, client, machine: host.machine, voice: () => silent },
    };
  }
}
