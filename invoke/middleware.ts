import type {
  BedrockRuntimeClient,
  ConverseCommandInput,
  ConverseCommandOutput,
  ServiceInputTypes,
} from '@aws-sdk/client-bedrock-runtime';
import type { FinalizeHandler, FinalizeHandlerArguments, HandlerExecutionContext } from '@smithy/types';
import type { IndexEntry } from '../domain/profiles/profile-index.ts';
import type { LearnedHolds } from '../domain/spending/learned-hold.ts';
import { type CallCost, callCost, priceOf, type Rates, readTier, upperBound } from '../domain/spending/pricing.ts';
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
}

type Plugin = Parameters<BedrockRuntimeClient['middlewareStack']['use']>[0];

/** One governed call, from its admission to its settlement; the SDK may make several attempts at it. */
interface GovernedCall {
  readonly entry: IndexEntry;
  readonly hold: CallCost;
  reservation: Reservation;
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
          const input = converseInput(context.commandName, args.input);
          const entry = await parts.resolver.resolve(input.modelId ?? '', parts.tags);
          const rates = ratesOf(entry);
          const bound = upperBound(rates, boundOf(input, entry.contextWindow));
          const hold = holdFor(parts.learned, entry, bound);
          const call: GovernedCall = { entry, hold, reservation: NONE };
          try {
            const signal = signalOf(context);
            call.reservation = await untilAborted(signal, () => admit(entry, hold, signal));
            calls.set(context, call);
            const result = await next({ ...args, input: { ...input, modelId: entry.arn } });
            settle(parts, call, rates, result.output as ConverseCommandOutput);
            return result;
          } catch (error) {
            throw error instanceof RefusedAttempt ? error.refusal : error;
          } finally {
            // Whatever is still held here belongs to an attempt that was never made.
            call.reservation.release();
            parts.learned.ended(hold, bound);
            calls.delete(context);
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
          if (!call.reservation.isOpen)
            call.reservation = await untilAborted(signal, () => admit(call.entry, call.hold, signal)).catch(notRetried);
          // Nothing has been sent yet: given up here, the attempt costs nothing.
          stopIfAborted(signal);
          try {
            return await next(args);
          } catch (error) {
            if (!didNotRun(error)) abandon(parts.usage, call);
            throw error;
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

function settle(parts: PluginParts, call: GovernedCall, rates: Rates, output: ConverseCommandOutput): void {
  const usage = readUsage(output.usage);
  // An answer without usage was billed all the same: unknown is not zero.
  if (usage === undefined) {
    abandon(parts.usage, call);
    return;
  }
  const cost = priceOf(rates, usage, readTier(output.serviceTier?.type));
  call.reservation.settle(cost);
  parts.usage.settled(call.entry.arn, usage, cost);
  parts.learned.learn(call.entry.arn, cost);
}

function abandon(recorder: UsageRecorder, { reservation, entry, hold }: GovernedCall): void {
  if (!reservation.isOpen) return;
  reservation.abandon();
  recorder.unconfirmed(entry.arn, hold);
}
