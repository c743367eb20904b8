import * as z from 'zod';
import type { BudgetId } from '../budgets/budget-id.ts';
import { epochMs } from '../clock.ts';
import { nanoUsd } from '../money.ts';
import { parseProfileArn } from '../profiles/profile-arn.ts';
import type { HolderId, LeaseWrite, LedgerKey, WriteId } from '../spending/ledger.ts';
import {
  MAX_PROFILES_IN_RECORD,
  type ProcessId,
  processOf,
  type UsageRecord,
  type UtcHour,
} from '../spending/usage-record.ts';

/**
 * What the `lease` function is asked and answers: JSON, amounts as decimal strings of nano-dollars. A request says what a
 * process wants and nothing that the function can know better: no terms, no ceiling, no time, no change of what is
 * leased, nobody's name.
 */
export const PROTOCOL = 1;

/** Random per process start: 12 bytes and more in base64url. */
const PROCESS = /^[A-Za-z0-9_-]{16,32}$/;
const HOLDER = /^[A-Za-z0-9_-]{16,32}\.[1-9]\d{0,8}$/;

/** A lease counts in safe integers, so no process has more to tell: nine million dollars in one write. */
const amount = z
  .string()
  .regex(/^\d{1,16}$/)
  .transform(BigInt)
  .refine((value) => value <= BigInt(Number.MAX_SAFE_INTEGER), 'expected at most 9007199254740991')
  .transform(nanoUsd);
const instant = z.int().nonnegative().transform(epochMs);
const count = z.int().nonnegative();

const protocol = z.literal(PROTOCOL);
const budget = z
  .string()
  .max(300)
  .transform((id) => id as BudgetId);
/** {@link Period.id} */
const period = z.string().regex(/^\d{4}(-(\d\d(-\d\d)?|W\d\d|Q[1-4]))?$/);
const process = z
  .string()
  .regex(PROCESS)
  .transform((id) => id as ProcessId);
const writeId = z
  .string()
  .regex(/^[A-Za-z0-9-]{8,64}$/)
  .transform((id) => id as WriteId);

const ReadRequest = z.strictObject({ protocol, do: z.literal('read'), budget, period, process });

const WriteRequest = z.strictObject({
  protocol,
  do: z.literal('write'),
  budget,
  period,
  holder: z
    .string()
    .regex(HOLDER)
    .transform((id) => id as HolderId),
  sequence: z.int().positive(),
  writeId,
  settled: amount,
  unconfirmed: amount,
  /** What the holder is to have leased after the write; what that changes is for the function to know. */
  leased: amount,
  expiresAt: instant,
  /** Present where the write is to leave money to spend: the terms that the process knows. */
  termsVersion: z.int().positive().exactOptional(),
  /** What a call needed that was refused. */
  refusedNeed: amount.exactOptional(),
  /** Calls that a budget let pass which only watches. */
  unrefused: z.strictObject({ calls: count.max(1_000_000_000), amount }).exactOptional(),
});

const Totals = z.strictObject({
  profile: z.string().transform((text, context) => {
    const arn = parseProfileArn(text);
    if (arn !== undefined) return arn;
    context.addIssue({ code: 'custom', message: 'expected the ARN of an application inference profile' });
    return z.NEVER;
  }),
  calls: count,
  usage: z.strictObject({
    inputTokens: count,
    outputTokens: count,
    cacheReadInputTokens: count,
    cacheWrite5mInputTokens: count,
    cacheWrite1hInputTokens: count,
  }),
  settled: amount,
  unconfirmed: amount,
});

const RecordRequest = z.strictObject({
  protocol,
  do: z.literal('record'),
  process,
  hour: z
    .string()
    .regex(/^\d{4}-\d\d-\d\dT([01]\d|2[0-3])$/)
    .transform((hour) => hour as UtcHour),
  chunk: count.max(1_000),
  sequence: z.int().positive(),
  watermark: instant,
  totals: z.array(Totals).max(MAX_PROFILES_IN_RECORD),
});

export const LeaseRequest = z.discriminatedUnion('do', [ReadRequest, WriteRequest, RecordRequest]);
export type LeaseRequest = z.output<typeof LeaseRequest>;
export type ReadRequest = z.output<typeof ReadRequest>;
export type WriteRequest = z.output<typeof WriteRequest>;
export type RecordRequest = z.output<typeof RecordRequest>;

export const readRequest = ({ budget, period }: LedgerKey, process: ProcessId): ReadRequest => ({
  protocol: PROTOCOL,
  do: 'read',
  budget,
  period,
  process,
});

export const writeRequest = ({
  key,
  holder,
  settled,
  unconfirmed,
  entry,
  grant,
  refusal,
  unrefused,
}: LeaseWrite): WriteRequest => ({
  protocol: PROTOCOL,
  do: 'write',
  budget: key.budget,
  period: key.period,
  holder,
  sequence: entry.sequence,
  writeId: entry.writeId,
  settled,
  unconfirmed,
  leased: entry.leased,
  expiresAt: entry.expiresAt,
  ...(grant === undefined ? {} : { termsVersion: grant.termsVersion }),
  ...(refusal === undefined ? {} : { refusedNeed: refusal.need }),
  ...(unrefused === undefined ? {} : { unrefused }),
});

export const recordRequest = ({ totals, ...record }: UsageRecord): RecordRequest => ({
  protocol: PROTOCOL,
  do: 'record',
  ...record,
  totals: [...totals].map(([profile, used]) => ({ profile, ...used })),
});

export const processOfRequest = (request: LeaseRequest): ProcessId =>
  request.do === 'write' ? processOf(request.holder) : request.process;
