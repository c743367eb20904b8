import type {
  BedrockRuntimeClient,
  ConverseCommandInput,
  ConverseCommandOutput,
  ServiceInputTypes,
} from '@aws-sdk/client-bedrock-runtime';
import type { FinalizeHandler, FinalizeHandlerArguments, HandlerExecutionContext } from '@smithy/types';
import type { IndexEntry } from '../domain/profiles/profile-index.ts';
import type { LearnedHolds } from '../domain/spending/learned-hold.ts';
import {
  type CallCost,
  callCost,
  priceOf,
  type Rates,
  readTier,
  type ServiceTier,
  upperBound,
} from '../domain/spending/pricing.ts';
import { readUsage } from '../domain/spending/usage.ts';
import type { Tags } from '../domain/tags.ts';
import { type Admissions, Reservation } from './admission.ts';
import { didNotRun } from './attempt-fate.ts';
import type { ProfileResolver } from './profile-resolver.ts';
import { GovernorRefusal } from './refusals.ts';
import { boundOf } from './request-bound.ts';
import type { UsageRecorder } from './usage-recorder.ts';

export interface PluginParts {
  readonly resolver: ProfileResolver;
  readonly admissions: Admissions;
  readonly usage: UsageRecorder;
  readonly learned: LearnedHolds;
  readonly tags: Tags;
  readonly isClosed: () => boolean;
}

type Plugin = Parameters<BedrockRuntimeClient['middlewareStack']['use']>[0];

/** One governed call, from its admission to its settlement; the SDK may make several attempts at it. */
interface GovernedCall {
  readonly entry: IndexEntry;
  readonly rates: Rates;
  /** The most that an attempt can cost; the hold may be less. */
  readonly bound: CallCost;
  /** What an answer is priced by that names no tier. */
  readonly tier: ServiceTier;
  hold: CallCost;
  reservation: Reservation;
  isAttempting: boolean;
  /** Whether the caller has its answer or its failure. An attempt may go on: a middleware of its own may have given up. */
  isOver: boolean;
}

/**
 * Two middlewares: admission stands above the SDK's retry, so that a refusal is thrown to the caller and never retried;
 * attempts are accounted below it, so that each one that may have run keeps a hold of its own.
 */
export function governorPlugin(parts: PluginParts): Plugin {
  const calls = new WeakMap<object, GovernedCall>();
  const admit = async ({ budgets }: IndexEntry, hold: CallCost, signal: AbortSignal | undefined) =>
    parts.admissions.admitAtOnce(budgets, hold) ?? (await parts.admissions.admit(budgets, hold, signal));
  return {
    applyToStack(stack) {
      stack.add(
        (next, context) => async (args) => {
          if (!spends(args.input, context.commandName)) return await next(args);
          if (parts.isClosed())
            throw new GovernorRefusal(
              'GovernorClosed',
              'The governor of this client was closed: nobody would count what the call costs. Make a new one.',
            );
          const input = converseInput(context.commandName, args.input);
          const entry = await parts.resolver.resolve(input.modelId ?? '', parts.tags);
          const rates = ratesOf(entry);
          const most = boundOf(input, entry.contextWindow);
          const bound = upperBound(rates, most);
          const hold = holdFor(parts.learned, entry, bound);
          const { tier } = most;
          const idle = { reservation: NONE, isAttempting: false, isOver: false };
          const call: GovernedCall = { entry, rates, bound, tier, hold, ...idle };
          try {
            const signal = signalOf(context);
            call.reservation = await untilAborted(signal, () => admit(entry, hold, signal));
            calls.set(context, call);
            return await next({ ...args, input: { ...input, modelId: entry.arn } });
          } catch (error) {
            throw error instanceof RefusedAttempt ? error.refusal : error;
          } finally {
            call.isOver = true;
            finish(parts.learned, call);
          }
        },
        { step: 'initialize', priority: 'high', name: 'costGovernorAdmission', override: true },
      );
      const accountAttempt =
        <Output extends object>(
          next: FinalizeHandler<ServiceInputTypes, Output>,
          context: HandlerExecutionContext,
        ): FinalizeHandler<ServiceInputTypes, Output> =>
        async (args: FinalizeHandlerArguments<ServiceInputTypes>) => {
          const call = calls.get(context);
          if (call === undefined) return await next(args);
          const signal = signalOf(context);
          call.isAttempting = true;
          try {
            if (!call.reservation.isOpen)
              call.reservation = await untilAborted(signal, () => admit(call.entry, call.hold, signal)).catch(
                notRetried,
              );
            // Nothing has been sent yet: given up here, the attempt costs nothing.
            stopIfAborted(signal);
            return await metered(parts, call, () => next(args));
          } finally {
            call.isAttempting = false;
            finish(parts.learned, call);
          }
        };
      stack.addRelativeTo(accountAttempt, {
        relation: 'after',
        toMiddleware: 'retryMiddleware',
        name: 'costGovernorAttempt',
        override: true,
      });
    },
  };
}

const NONE = new Reservation([]);

/** Settled here rather than where the call ends: whatever the caller's own middlewares make of an answer, it was billed. */
async function metered<Result extends { readonly output: object }>(
  parts: PluginParts,
  call: GovernedCall,
  attempt: () => Promise<Result>,
): Promise<Result> {
  try {
    const result = await attempt();
    settle(parts, call, result.output as ConverseCommandOutput);
    return result;
  } catch (error) {
    if (!didNotRun(error)) abandon(parts.usage, call);
    throw error;
  }
}

/** When neither the caller nor an attempt goes on, what is still held belongs to an attempt that was never made. */
function finish(learned: LearnedHolds, call: GovernedCall): void {
  if (call.isAttempting || !call.isOver) return;
  call.reservation.release();
  learned.ended(call.hold, call.bound);
  // Should the SDK make another attempt all the same, its exposure is not counted: it holds everything.
  call.hold = call.bound;
}

/** A refusal on its way up through the SDK's retry, which would repeat one whose cause is a broken connection. */
class RefusedAttempt extends Error {
  readonly refusal: GovernorRefusal;

  constructor(refusal: GovernorRefusal) {
    super(refusal.message);
    this.refusal = refusal;
  }
}

const notRetried = (error: unknown): never => {
  throw error instanceof GovernorRefusal ? new RefusedAttempt(error) : error;
};

/** The signal that the caller gave with the call. The SDK keeps it here for its own retry. */
function signalOf(context: HandlerExecutionContext): AbortSignal | undefined {
  const signal = context.__smithy_context?.['abortSignal'];
  return signal instanceof AbortSignal ? signal : undefined;
}

/** Throws as the SDK's own handlers do. */
function stopIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true)
    throw Object.assign(new Error('Request aborted', { cause: signal.reason }), { name: 'AbortError' });
}

async function untilAborted<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  stopIfAborted(signal);
  try {
    return await work();
  } catch (error) {
    if (error === signal?.reason) stopIfAborted(signal);
    throw error;
  }
}

/** `strict` holds the upper bound; `learned` what calls of this profile have cost, within the policy's exposure. */
function holdFor(learned: LearnedHolds, entry: IndexEntry, bound: CallCost): CallCost {
  if (entry.maxExposure === undefined) return bound;
  return callCost(learned.begun(entry.arn, bound, Number(entry.maxExposure)));
}

/** Names a model and is free (Amazon Bedrock user guide, CountTokens). */
const FREE = new Set<string | undefined>(['CountTokensCommand']);

/** Every command that runs a model names it; the others cannot spend. */
const spends = (input: ServiceInputTypes, commandName: string | undefined): boolean =>
  'modelId' in input && input.modelId !== undefined && !FREE.has(commandName);

function converseInput(commandName: string | undefined, input: ServiceInputTypes): ConverseCommandInput {
  if (commandName === 'ConverseCommand') return input as ConverseCommandInput;
  throw new GovernorRefusal(
    'UngovernedCommand',
    `${commandName ?? 'This command'} spends money and is not metered yet: the governor refuses it rather than let it spend unseen. Use ConverseCommand.`,
  );
}

function ratesOf(entry: IndexEntry): Rates {
  if (entry.rates !== undefined) return entry.rates;
  throw new GovernorRefusal(
    'Unpriced',
    `No price is known for ${entry.baseModelId} through profile ${entry.name}: what it costs could not be counted.`,
  );
}

function settle(parts: PluginParts, call: GovernedCall, output: ConverseCommandOutput): void {
  const usage = readUsage(output.usage);
  // An answer without usage was billed all the same: unknown is not zero.
  if (usage === undefined) {
    abandon(parts.usage, call);
    return;
  }
  const answered = output.serviceTier?.type;
  const cost = priceOf(call.rates, usage, answered === undefined ? call.tier : readTier(answered));
  call.reservation.settle(cost);
  parts.usage.settled(call.entry.arn, usage, cost);
  parts.learned.learn(call.entry.arn, cost);
}

/** It may have cost all that it could, also where less was held. */
function abandon(recorder: UsageRecorder, { reservation, entry, bound }: GovernedCall): void {
  if (!reservation.isOpen) return;
  reservation.abandon(bound);
  recorder.unconfirmed(entry.arn, bound);
}
