import type { HandlerExecutionContext, InitializeHandler } from '@smithy/types';
import type { Clock } from '../domain/clock.ts';
import type { IndexEntry } from '../domain/profiles/profile-index.ts';
import { ratesAt } from '../domain/spending/dated-rates.ts';
import {
  type CallCost,
  callCost,
  type Rates,
  type RequestBound,
  upperBound,
  usageTerms,
} from '../domain/spending/pricing.ts';
import type { Tags } from '../domain/tags.ts';
import { abortable, signalOf, stopIfAborted } from './abort.ts';
import type { Admissions } from './admission.ts';
import type { CallParts } from './admitted-call.ts';
import { changed, goesTo } from './admitted-request.ts';
import { didNotRun } from './attempt-fate.ts';
import { note } from './governance-note.ts';
import { type GovernedApi, kindOf } from './governed-apis.ts';
import { GovernedCall } from './governed-call.ts';
import { metered } from './metered-answer.ts';
import type { MeteredStreams } from './metered-stream.ts';
import type { ObservedCall } from './observation.ts';
import { type GovernedCalls, type GovernorPlugin, pluginOf } from './plugin.ts';
import type { ProfileResolver } from './profile-resolver.ts';
import { GovernorRefusal } from './refusals.ts';
import { OtherRegion, type RegionalClients, regionOfClient } from './regional-clients.ts';
import { standingLag } from './standing-lag.ts';

export interface PluginParts extends CallParts {
  readonly resolver: ProfileResolver;
  readonly admissions: Admissions;
  readonly streams: MeteredStreams;
  readonly regional: RegionalClients;
  /** Names of commands that spend and pass unmetered. */
  readonly ungoverned: ReadonlySet<string>;
  readonly tags: Tags;
  readonly clock: Clock;
  readonly isClosed: () => boolean;
}

/**
 * Two middlewares: admission stands above the SDK's retry, so that a refusal is thrown to the caller and never retried;
 * attempts are accounted below it, so that each one that may have run keeps a hold of its own.
 *
 * Both have names and replace others of these names: a plugin of a command stands in for the one of its client.
 */
export function governedCalls(parts: PluginParts): GovernedCalls {
  return {
    admission:
      <Input extends object, Output extends object>(
        next: InitializeHandler<Input, Output>,
        context: HandlerExecutionContext,
      ): InitializeHandler<Input, Output> =>
      async (args) => {
        const api = governedApi(parts, context.commandName ?? '', args.input);
        if (api === undefined) return await next(args);
        const signal = signalOf(context);
        const call = await begin(parts, api, args.input, signal);
        // In its input, and in its context for middlewares that make another: a client may keep one context for all its calls.
        const input = { ...args.input, modelId: call.entry.arn, [CALL]: call };
        Reflect.set(context, CALL, call);
        try {
          const result = await next({ ...args, input });
          note(result.output, call);
          return result;
        } catch (error) {
          if (error instanceof RefusedAttempt) throw error.refusal;
          if (!(error instanceof OtherRegion)) throw error;
          return await elsewhere<Output>(parts, call, { context, input: args.input, signal });
        } finally {
          call.returned();
        }
      },
    attempt: accountAttempt(parts, (input, context) => callOf(input) ?? callOf(context)),
  };
}

/** Where an attempt finds its call. Not in a map of objects, which keeps the garbage collector busy at every call. */
const CALL = Symbol('governed call');

const callOf = (from: object): GovernedCall | undefined => Reflect.get(from, CALL) as GovernedCall | undefined;

/** Sends a call by a client of the Region in which its profile lives. */
async function elsewhere<Output extends object>(
  parts: PluginParts,
  call: GovernedCall,
  from: {
    readonly context: HandlerExecutionContext;
    readonly input: object;
    readonly signal: AbortSignal | undefined;
  },
) {
  try {
    const there = attemptsOf(parts, call);
    const result = await parts.regional.send<Output>(there, call.entry, from.context, from.input, from.signal);
    note(result.output, call);
    return result;
  } catch (error) {
    throw error instanceof RefusedAttempt ? error.refusal : error;
  }
}

/** Goes on with a call that is admitted already, on a client of the Region in which its profile lives. */
const attemptsOf = (parts: PluginParts, call: GovernedCall): GovernorPlugin =>
  // In place of the admission that such a client may have of its own.
  pluginOf({ admission: (next) => next, attempt: accountAttempt(parts, () => call) });

/** One attempt, with a reservation that ends as the attempt does. */
function accountAttempt(
  parts: PluginParts,
  find: (input: object, context: HandlerExecutionContext) => GovernedCall | undefined,
): GovernedCalls['attempt'] {
  return (next, context) => async (args) => {
    const call = find(args.input, context);
    if (call === undefined) return await next(args);
    const region = regionOfClient(context);
    if (region !== undefined && region !== call.entry.region) throw new OtherRegion(call.entry.region);
    const signal = signalOf(context);
    const attempt = call.attempt();
    try {
      if (!goesTo(args.request, call.entry)) throw refused(call, changed(call.entry));
      if (attempt.needsReservation) attempt.holdsAnew(await reserveAgain(parts, call, attempt.hold, signal));
      // Nothing has been sent yet: given up here, the attempt costs nothing.
      stopIfAborted(signal);
      let result: Awaited<ReturnType<typeof next>>;
      try {
        result = await next(args);
      } catch (error) {
        if (!didNotRun(error)) attempt.mayHaveRun();
        const lag = standingLag(error, call.entry, parts.clock.now());
        throw lag === undefined ? error : refused(call, lag);
      }
      return metered(parts.streams, attempt, result);
    } finally {
      attempt.returned();
    }
  };
}

/** @throws {RefusedAttempt} where the budgets pay for no further attempt */
async function reserveAgain(parts: PluginParts, call: GovernedCall, hold: CallCost, signal: AbortSignal | undefined) {
  try {
    return await abortable(signal, () => reserve(parts, call.entry, hold, signal));
  } catch (error) {
    throw error instanceof GovernorRefusal ? refused(call, error) : error;
  }
}

function refused(call: GovernedCall, refusal: GovernorRefusal): RefusedAttempt {
  call.refused(refusal);
  return new RefusedAttempt(refusal);
}

/** Undefined where a command needs no governing, or is not to have any. */
function governedApi(parts: PluginParts, command: string, input: object): GovernedApi | undefined {
  const kind = kindOf(command, input);
  if (kind.kind === 'free') return undefined;
  if (kind.kind === 'governed' && !parts.ungoverned.has(command)) {
    if (parts.isClosed())
      throw new GovernorRefusal(
        'GovernorClosed',
        'The governor of this client was closed: nobody would count what the call costs. Make a new one.',
      );
    return kind.api;
  }
  if (parts.ungoverned.has(command)) {
    parts.observation.tell({ kind: 'ungoverned', command });
    return undefined;
  }
  const refusal = new GovernorRefusal(
    'UngovernedCommand',
    `${command || 'This command'} spends money and cannot be metered: the governor refuses it rather than let it spend unseen. Name it in "ungoverned" to let it pass uncounted.`,
  );
  const call = { operation: command.replace(/Command$/, ''), requestedModel: modelOf(input), tags: parts.tags };
  parts.observation.tell({ kind: 'refused', call, refusal });
  throw refusal;
}

const modelOf = (input: object): string =>
  'modelId' in input && typeof input.modelId === 'string' ? input.modelId : '';

/** Finds the profile and admits the call. @throws {GovernorRefusal} */
async function begin(
  parts: PluginParts,
  api: GovernedApi,
  input: object,
  signal: AbortSignal | undefined,
): Promise<GovernedCall> {
  const observed: ObservedCall = { operation: api.operation, requestedModel: modelOf(input), tags: parts.tags };
  try {
    stopIfAborted(signal);
    // A call that needs nothing but what is in memory waits for nothing.
    const asked =
      parts.resolver.resolveAtOnce(observed.requestedModel, parts.tags) ??
      (await parts.resolver.resolve(observed.requestedModel, parts.tags));
    const entry = asked.fallback === undefined ? asked : await instead(parts, api, asked);
    const rates = ratesOf(parts, entry);
    const most = api.bound(input, entry);
    const { bound, hold } = holdFor(parts, entry, rates, most);
    let reservation: Awaited<ReturnType<typeof reserve>>;
    try {
      reservation =
        parts.admissions.admitAtOnce(entry.budgets, hold) ??
        (await abortable(signal, () => parts.admissions.admit(entry.budgets, hold, signal)));
    } catch (error) {
      parts.learned.ended(hold, bound);
      throw error;
    }
    const insteadOf = entry === asked ? {} : { insteadOf: asked.baseModelId };
    if (parts.observation.isWatched)
      parts.observation.tell({
        kind: 'admitted',
        call: observed,
        profile: profileOf(entry),
        budgets: reservation.budgets,
        reservedNanoUsd: hold,
        by: reservation.source,
        unrefusing: reservation.unrefusing,
        ...insteadOf,
      });
    else parts.observation.countAdmitted(reservation.isUnrefused, entry !== asked);
    return new GovernedCall(parts, {
      api,
      observed,
      entry,
      rates,
      bound,
      tier: most.tier,
      terms: usageTerms(rates, most),
      hold,
      reservation,
      ...insteadOf,
    });
  } catch (error) {
    if (error instanceof GovernorRefusal) parts.observation.tell({ kind: 'refused', call: observed, refusal: error });
    throw error;
  }
}

const resolve = async ({ resolver, tags }: PluginParts, model: string) =>
  resolver.resolveAtOnce(model, tags) ?? (await resolver.resolve(model, tags));

const profileOf = ({ arn, name, region, baseModelId, tags }: IndexEntry) => ({
  arn,
  name,
  region,
  model: baseModelId,
  tags,
});

const reserve = async (
  { admissions }: PluginParts,
  { budgets }: IndexEntry,
  hold: CallCost,
  signal: AbortSignal | undefined,
) => admissions.admitAtOnce(budgets, hold) ?? (await admissions.admit(budgets, hold, signal));

/** While a budget is throttled, the policy may name a cheaper model: its profile for the same tags answers. */
async function instead(parts: PluginParts, api: GovernedApi, asked: IndexEntry): Promise<IndexEntry> {
  const { fallback } = asked;
  if (fallback === undefined || !parts.admissions.isThrottled(asked.budgets)) return asked;
  if (!api.isModelNeutral && vendorOf(fallback) !== vendorOf(asked.baseModelId)) return asked;
  try {
    return await resolve(parts, fallback);
  } catch (error) {
    // Without such a profile the call is paced, as without a fallback.
    if (error instanceof GovernorRefusal) return asked;
    throw error;
  }
}

const vendorOf = (model: string): string => model.slice(0, model.indexOf('.'));

/** A refusal on its way up through the SDK's retry, which would repeat one whose cause is a broken connection. */
class RefusedAttempt extends Error {
  readonly refusal: GovernorRefusal;

  constructor(refusal: GovernorRefusal) {
    super(refusal.message);
    this.refusal = refusal;
  }
}

/** `strict` holds the upper bound; `learned` what calls of this profile have cost, within the policy's exposure. */
function holdFor(
  { learned }: PluginParts,
  entry: IndexEntry,
  rates: Rates,
  most: RequestBound,
): { readonly bound: CallCost; readonly hold: CallCost } {
  const bound = upperBound(rates, most);
  if (entry.maxExposure === undefined) return { bound, hold: bound };
  return { bound, hold: callCost(learned.begun(entry.arn, bound, Number(entry.maxExposure))) };
}

/** Prices change at an instant that the index knows beforehand. */
function ratesOf({ clock }: PluginParts, entry: IndexEntry): Rates {
  const rates = ratesAt(entry, clock.now());
  if (rates !== undefined) return rates;
  throw new GovernorRefusal(
    'Unpriced',
    `No price is known for ${entry.baseModelId} through profile ${entry.name}: what it costs could not be counted.`,
  );
}
