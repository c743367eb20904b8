/** What the models cost here: US dollars for a million tokens, as the policy of each seed states them. */
export const PRICES: Readonly<
  Record<string, { readonly input: number; readonly output: number; readonly cacheRead: number }>
> = {
  'amazon.nova-pro-v1:0': { input: 800_000, output: 3_200_000, cacheRead: 200_000 },
  'amazon.nova-lite-v1:0': { input: 60_000, output: 240_000, cacheRead: 15_000 },
};

export interface Tokens {
  readonly input: number;
  readonly output: number;
  readonly cacheRead: number;
}

/** One attempt that ran, or may have: the world's own books, apart from everything that the product counts. */
export interface BilledAttempt {
  readonly arn: string;
  readonly model: string;
  /** When the reservation was made: between its call's admission and its own beginning. */
  readonly admittedAt: number;
  readonly begunAt: number;
  /** When the process was told what it used. */
  heardAt?: number;
  endedAt: number | undefined;
  readonly isGoverned: boolean;
  /** Whether the process was told what it used. */
  isKnown: boolean;
  /** Nano-dollars. */
  readonly cost: bigint;
  readonly tokens: Tokens;
  /** Name of the process start. */
  readonly process: string;
  readonly tenant: string;
}

/** Pico-dollars to nano-dollars, rounded up once for the whole call. */
export function costOf(model: string, { input, output, cacheRead }: Tokens): bigint {
  const price = PRICES[model];
  if (price === undefined) throw new Error(`no price for ${model}`);
  const pico =
    BigInt(input) * BigInt(price.input) +
    BigInt(output) * BigInt(price.output) +
    BigInt(cacheRead) * BigInt(price.cacheRead);
  return (pico + 999n) / 1_000n;
}

export class Bill {
  readonly attempts: BilledAttempt[] = [];

  /** What a tenant has spent in attempts that began later. */
  spentAfter(whose: string, from: number): bigint {
    let sum = 0n;
    for (const { tenant, begunAt, cost } of this.attempts) if (tenant === whose && begunAt >= from) sum += cost;
    return sum;
  }

  add(attempt: BilledAttempt): BilledAttempt {
    this.attempts.push(attempt);
    return attempt;
  }
}
