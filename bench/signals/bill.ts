import { ConverseCommand, ConverseStreamCommand } from '@aws-sdk/client-bedrock-runtime';
import type { HttpHandlerOptions } from '@smithy/types';
import { spent } from '../../domain/spending/ledger.ts';
import { seeded } from '../simulation/random.ts';
import { BilledAccount, type BilledTenant } from './billed-account.ts';

const START = Date.parse('2026-11-01T00:00:30Z');
const DAY_MS = 24 * 3_600_000;
const MINUTE_MS = 60_000;
const AT_ONCE = 16;
const MODELS: readonly (readonly [string, string])[] = [
  ['mistral.mistral-7b-instruct-v0:2', 'arn:aws:bedrock:us-east-1::foundation-model/mistral.mistral-7b-instruct-v0:2'],
  ['amazon.nova-pro-v1:0', 'arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0'],
  [
    'anthropic.claude-haiku-4-5-20251001-v1:0',
    'arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0',
  ],
];
/** Servers that are killed in the month, each with one call that it had counted and not told, and one in flight. */
const KILLED = 2;
/** One tenant in so many is also called by somebody without the helper. */
const BYPASSED = 50;

export interface BillComparison {
  readonly calls: number;
  readonly tenants: number;
  readonly lost: number;
  readonly bypassed: number;
  readonly billedNanoUsd: bigint;
  /** Over tenants all of whose calls were answered: what the ledger has settled against the bill. */
  readonly errorNanoUsd: bigint;
  /** Over all tenants, after all windows have closed: what the bill has and the ledger has not. */
  readonly undercountNanoUsd: bigint;
  /** And the other way round. */
  readonly excessNanoUsd: bigint;
}

/** A month of many tenants in virtual time; some servers are killed, and some calls go round the helper. */
export async function compareWithBill(tenantCount: number, rounds: number): Promise<BillComparison> {
  const random = seeded(17);
  const account = await BilledAccount.start(START);
  try {
    const tenants = await inParallel(
      Array.from({ length: tenantCount }, (_, index) => index),
      async (index) => {
        const [model, copyFrom] = MODELS[index % MODELS.length] ?? ['', ''];
        return await account.tenant(`t${index}`, model, copyFrom);
      },
    );
    const month = new Month(account, random);
    const servers = Array.from({ length: 4 }, () => account.server());
    for (let round = 0; round < rounds; round++) {
      await inParallel(tenants, async (tenant) => {
        const server = servers[Math.floor(random() * servers.length)];
        if (server !== undefined) await month.call(tenant, server);
      });
      for (const tenant of tenants.filter((_, index) => index % BYPASSED === round % BYPASSED))
        await month.bypass(tenant);
      for (const { governor } of servers) await governor.flush();
      if (round > 0 && round <= KILLED) await month.kill(tenants.slice(round * 2, round * 2 + 2));
      await account.aws.clock.advance((26 * DAY_MS) / rounds);
    }
    for (const { governor } of servers) await governor.close();
    // All hours are closed by now: one more look at everything.
    await account.reconcile(tenants.map(({ budget }) => budget));
    return await month.compare(tenants);
  } finally {
    await account.close();
  }
}

type Server = ReturnType<BilledAccount['server']>;

class Month {
  readonly #account: BilledAccount;
  readonly #random: () => number;
  readonly #touched = new Set<BilledTenant>();
  #lost = 0;
  #bypassed = 0;

  constructor(account: BilledAccount, random: () => number) {
    this.#account = account;
    this.#random = random;
  }

  /** Every third call is streamed. */
  async call(tenant: BilledTenant, { governor, runtime }: Server, options: HttpHandlerOptions = {}): Promise<void> {
    const input = this.#input(tenant.model);
    const plugin = governor.for({ tenant: tenant.name });
    if (this.#random() < 1 / 3) {
      const command = new ConverseStreamCommand(input);
      command.middlewareStack.use(plugin);
      const { stream = [] } = await runtime.send(command, options);
      for await (const _ of stream);
      return;
    }
    const command = new ConverseCommand(input);
    command.middlewareStack.use(plugin);
    await runtime.send(command, options);
  }

  async bypass(tenant: BilledTenant): Promise<void> {
    this.#touched.add(tenant);
    this.#bypassed++;
    await this.#account.plainRuntime().send(new ConverseCommand(this.#input(tenant.arn)));
  }

  /** A server makes a call and tells nobody, makes another whose answer never arrives, and is no more. */
  async kill(victims: readonly BilledTenant[]): Promise<void> {
    const { aws } = this.#account;
    const server = this.#account.server();
    const [told, inFlight] = victims;
    if (told === undefined || inFlight === undefined) throw new Error('two tenants are to lose a call');
    await this.call(told, server);
    let release = (): void => {};
    const released = new Promise<undefined>((resolve) => {
      release = () => resolve(undefined);
    });
    let hasRun = (): void => {};
    const ran = new Promise<void>((resolve) => {
      hasRun = resolve;
    });
    const stop = aws.intercept({
      after: ({ service, operation }) => {
        if (service !== 'bedrock' || !operation.startsWith('Converse')) return undefined;
        hasRun();
        return released;
      },
    });
    const hanging = this.call(inFlight, server).catch(() => {});
    await ran;
    server.kill();
    stop();
    for (const victim of victims) this.#touched.add(victim);
    this.#lost += 2;
    // The sweep comes by: it takes the lease back, and goes by what is proven, hour by hour.
    for (let look = 0; look < 15; look++) {
      await aws.clock.advance(20 * MINUTE_MS);
      await this.#account.reconcile(victims.map(({ budget }) => budget));
    }
    release();
    await hanging;
  }

  #input(modelId: string) {
    const text = 'Please answer. '.repeat(1 + Math.floor(this.#random() * 40));
    return {
      modelId,
      messages: [{ role: 'user' as const, content: [{ text }] }],
      inferenceConfig: { maxTokens: 10 + Math.floor(this.#random() * 200) },
    };
  }

  async compare(tenants: readonly BilledTenant[]): Promise<BillComparison> {
    const bill = this.#account.bill();
    let [errorNanoUsd, undercountNanoUsd, excessNanoUsd, billedNanoUsd] = [0n, 0n, 0n, 0n];
    for (const tenant of tenants) {
      const item = await this.#account.item(tenant);
      const billed = bill.get(tenant.arn) ?? 0n;
      billedNanoUsd += billed;
      if (!this.#touched.has(tenant)) errorNanoUsd += distance(item.settled, billed);
      const counted = spent(item);
      if (counted < billed) undercountNanoUsd += billed - counted;
      else excessNanoUsd += counted - billed;
    }
    const { billing } = this.#account.aws;
    return {
      calls: billing.length,
      tenants: tenants.length,
      lost: this.#lost,
      bypassed: this.#bypassed,
      billedNanoUsd,
      errorNanoUsd,
      undercountNanoUsd,
      excessNanoUsd,
    };
  }
}

const distance = (a: bigint, b: bigint): bigint => (a > b ? a - b : b - a);

async function inParallel<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let at = next++; at < items.length; at = next++) {
      const item = items[at];
      if (item !== undefined) results[at] = await work(item);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}
