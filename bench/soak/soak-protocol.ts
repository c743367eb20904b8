/** What the processes of the soak tell each other. Amounts are decimal strings of nano-dollars: messages carry no bigint. */

export const MODEL = 'amazon.nova-lite-v1:0';

export interface SoakedTenant {
  readonly name: string;
  /** Whether its budget is too small for the run: it is refused until the month turns. */
  readonly isTight: boolean;
}

export const TENANTS: readonly SoakedTenant[] = Array.from({ length: 20 }, (_, i) => ({
  name: `tenant-${i}`,
  isTight: i % 5 === 4,
}));

export interface SoakedAccount {
  readonly environment: Readonly<Record<string, string>>;
  readonly table: string;
}

/** Of the server's process, after its garbage has been collected. */
export interface Sample {
  readonly heapBytes: number;
  /** Timers, sockets and whatever else keeps a process alive. */
  readonly resources: number;
  readonly calls: number;
  readonly refused: number;
  /** What is neither an answer nor a refusal of the governor, by name. */
  readonly failed: Readonly<Record<string, number>>;
}

export interface TenantReckoning {
  readonly name: string;
  readonly isTight: boolean;
  /** `2026-11` */
  readonly month: string;
  readonly billed: string;
  readonly settled: string;
  readonly unconfirmed: string;
  readonly leased: string;
  readonly limit: string;
}

export interface Reckoning {
  readonly tenants: readonly TenantReckoning[];
  readonly deadLetters: number;
  readonly failedInvocations: number;
  readonly invocations: number;
}
