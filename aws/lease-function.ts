import type { LambdaClient } from '@aws-sdk/client-lambda';
import { Fault } from '../domain/fault.ts';
import { neverRecorded } from '../domain/lending/denial.ts';
import { LeaseAnswer } from '../domain/lending/lease-answer.ts';
import { serialise } from '../domain/lending/lease-json.ts';
import { type LeaseRequest, readRequest, recordRequest, writeRequest } from '../domain/lending/lease-protocol.ts';
import type { LeaseLedger } from '../domain/spending/ledger.ts';
import type { ProcessId, UsageRecords } from '../domain/spending/usage-record.ts';
import { errorName } from './asking.ts';
import { lambdaSdk } from './sdk-packages.ts';

/** Asks the `lease` function; rejects where it is not known what became of the request. */
export type AskLeaseFunction = (request: string) => Promise<string>;

export interface LeaseFunctionAddress {
  /** Name or ARN of the function: the output `LeaseFunctionName` of the governor's stack. */
  readonly functionName: string;
  /** The alias that the policy gives this tenant (`lending.aliases`). */
  readonly qualifier: string;
}

/**
 * The way through Lambda. A request may arrive more than once, by a retry of the SDK or of Lambda itself: it carries its
 * sequence and write id, and lands once.
 */
export function lambdaLeaseFunction(
  { functionName, qualifier }: LeaseFunctionAddress,
  makeClient: () => Promise<LambdaClient>,
): AskLeaseFunction {
  let making: Promise<LambdaClient> | undefined;
  return async (request) => {
    making ??= makeClient();
    // Loaded with the first request: whoever reaches the table directly never needs this client.
    const [client, { InvokeCommand }] = await Promise.all([making, lambdaSdk()]);
    const answer = await client.send(
      new InvokeCommand({ FunctionName: functionName, Qualifier: qualifier, Payload: Buffer.from(request) }),
    );
    const payload = answer.Payload === undefined ? '' : Buffer.from(answer.Payload).toString('utf8');
    if (answer.FunctionError !== undefined) throw new FunctionFailure(answer.FunctionError, payload);
    return payload;
  };
}

/** The function was run and did not answer: it may have written before it failed. */
class FunctionFailure extends Error {
  override readonly name = 'FunctionError';

  constructor(kind: string, payload: string) {
    super(`${kind}: ${payload.slice(0, 500)}`);
  }
}

/** The ledger as a process sees it that may not touch the table: cells are the function's affair. */
export function leaseFunctionLedger(ask: AskLeaseFunction, process: ProcessId): LeaseLedger {
  return {
    async read(key) {
      const doing = `reading the ledger of ${key.budget} in ${key.period}`;
      const answer = await exchange(ask, doing, readRequest(key, process));
      if (answer.kind !== 'item') throw unreadable(doing, `it answered with ${answer.kind}`);
      return answer.item ?? undefined;
    },

    async write(write) {
      const doing = `writing the lease of ${write.key.budget} in ${write.key.period}`;
      const answer = await exchange(ask, doing, writeRequest(write));
      if (answer.kind === 'refused') return { kind: 'refused', why: answer.why, item: answer.item ?? undefined };
      if (answer.kind !== 'landed') throw unreadable(doing, `it answered with ${answer.kind}`);
      return answer.item === null ? { kind: 'landed' } : { kind: 'landed', item: answer.item };
    },
  };
}

export function leaseFunctionUsage(ask: AskLeaseFunction): Pick<UsageRecords, 'write'> {
  return {
    async write(record) {
      const doing = `writing the usage of ${record.process} in ${record.hour}`;
      const profiles = [...record.totals.keys()];
      let answer: Decided;
      try {
        answer = await exchange(ask, doing, recordRequest(record));
      } catch (error) {
        if (error instanceof Fault && neverRecorded(error.code)) return new Set(profiles);
        throw error;
      }
      if (answer.kind !== 'recorded') throw unreadable(doing, `it answered with ${answer.kind}`);
      const leftOut: ReadonlySet<string> = new Set(answer.leftOut);
      return new Set(profiles.filter((profile) => leftOut.has(profile)));
    },
  };
}

type Decided = Exclude<LeaseAnswer, { readonly kind: 'denied' }>;

/** @throws {Fault} `LedgerUnavailable` where its fate is unknown; the code of a denial where nothing has landed */
async function exchange(ask: AskLeaseFunction, doing: string, request: LeaseRequest): Promise<Decided> {
  const text = await reaching(doing, () => ask(serialise(request)));
  const reading = LeaseAnswer.safeParse(parsed(text));
  if (!reading.success) throw unreadable(doing, 'it is not in a form that this version knows');
  const answer = reading.data;
  if (answer.kind !== 'denied') return answer;
  throw new Fault(answer.code, {
    doing,
    problem: `the lease function denies it: ${answer.message}`,
    next: 'Nothing was written. Check the alias, the policy (lending) and the tags of this process.',
  });
}

async function reaching<T>(doing: string, request: () => Promise<T>): Promise<T> {
  try {
    return await request();
  } catch (cause) {
    throw new Fault('LedgerUnavailable', {
      doing,
      problem: `${errorName(cause)}${cause instanceof Error ? `: ${cause.message}` : ''}`,
      next: 'Its fate is unknown; the identical write may be repeated. Check the lease function, its alias and the role.',
      cause,
    });
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** It may have written all the same. */
const unreadable = (doing: string, problem: string): Fault =>
  new Fault('LedgerUnavailable', {
    doing,
    problem: `the answer of the lease function cannot be read: ${problem}`,
    next: 'Its fate is unknown; the identical write may be repeated. Deploy a version of the stack that is as new as the helper.',
  });
