import type { FinalizeHandlerArguments, HandlerExecutionContext } from '@smithy/types';
import type { CallCost } from '../domain/spending/pricing.ts';
import type { Tags } from '../domain/tags.ts';
import { signalOf, stopIfAborted } from './abort.ts';
import { didNotRun } from './attempt-fate.ts';
import { type BeginningParts, begin, governedApi } from './begin-call.ts';
import { changed, direct, goesTo } from './directed-request.ts';
import { note } from './governance-note.ts';
import { kindOf } from './governed-apis.ts';
import { GovernedCall } from './governed-call.ts';
import { metered } from './metered-answer.ts';
import type { MeteredStreams } from './metered-stream.ts';
import { type GovernedCalls, type GovernorPlugin, pluginOf } from './plugin.ts';
import { GovernorRefusal } from './refusals.ts';
import { OtherRegion, type RegionalClients, regionOfClient } from './regional-clients.ts';
import { type RouteParts, Routes } from './route.ts';
import { standingLag } from './standing-lag.ts';

/** What all bindings of a governor share. */
export interface PluginParts extends BeginningParts, RouteParts {
  readonly streams: MeteredStreams;
  readonly regional: RegionalClients;
}

/**
 * The middlewares of a governor under a binding of tags: see {@link pluginOf}. A server has a binding for each of its
 * tenants, so there is nothing in one but what is its own.
 */
export function governedCalls(parts: PluginParts): (tags: Tags) => GovernedCalls {
  const attempt = accountAttempt(parts, callOf);
  return (tags) => ({ admission: admit(parts, new Routes(parts, tags)), attempt });
}

const admit =
  (parts: PluginParts, routes: Routes): GovernedCalls['admission'] =>
  (next, context) =>
  async (args) => {
    const api = governedApi(parts, routes, context.commandName ?? '', args.input);
    if (api === undefined) return await next(args);
    const signal = signalOf(context);
    const begun = begin(parts, routes, api, args.input, signal);
    // A call that needs nothing but what is in memory waits for nothing.
    const call = begun instanceof GovernedCall ? begun : await begun;
    try {
      const isHere = isIn(context, call);
      if (isHere) direct(args.request, call);
      const result = isHere
        ? await next(withCall(args, call))
        : await parts.regional.send(attemptsOf(parts, call), call.route.entry, context, args.input, signal);
      note(result.output, call);
      return result as Awaited<ReturnType<typeof next>>;
    } catch (error) {
      throw error instanceof RefusedAttempt ? error.refusal : error;
    } finally {
      call.returned();
    }
  };

/** Where an attempt finds its call. Not in a map of objects, which keeps the garbage collector busy at every call. */
const CALL = Symbol('governed call');

/** The call first: an engine takes a hundred times as long to add a name of its own to what was spread. */
const withCall = <Args extends object>(args: Args, call: GovernedCall): Args =>
  Reflect.has(args, CALL) ? { ...args, [CALL]: call } : { [CALL]: call, ...args };

const callOf = (args: object): GovernedCall | undefined => Reflect.get(args, CALL) as GovernedCall | undefined;

/** Goes on with a call that is admitted already, on a client of the Region in which its profile lives. */
const attemptsOf = (parts: PluginParts, call: GovernedCall): GovernorPlugin =>
  pluginOf({
    // In place of the admission that such a client may have of its own.
    admission: (next, context) => async (args) => {
      if (!isIn(context, call)) throw new OtherRegion(call.route.entry.region);
      return await next(args);
    },
    attempt: accountAttempt(parts, () => call),
  });

/** Whether a client is one for the Region of the profile; one that does not tell is taken to be. */
function isIn(context: HandlerExecutionContext, { route }: GovernedCall): boolean {
  const region = regionOfClient(context);
  return region === undefined || region === route.region;
}

/** One attempt, with a reservation that ends as the attempt does. */
function accountAttempt(
  parts: PluginParts,
  find: (args: FinalizeHandlerArguments<object>) => GovernedCall | undefined,
): GovernedCalls['attempt'] {
  return (next, context) => async (args) => {
    const call = find(args);
    if (call === undefined) {
      stopUnlessFree(parts, context, args.input);
      return await next(args);
    }
    const signal = signalOf(context);
    const attempt = call.attempt();
    try {
      if (!goesTo(args.request, call)) throw refused(call, changed(call.route));
      if (attempt.needsReservation) attempt.holdsAnew(await reserveAgain(call, attempt.hold, signal));
      // Nothing has been sent yet: given up here, the attempt costs nothing.
      stopIfAborted(signal);
      let result: Awaited<ReturnType<typeof next>>;
      try {
        result = await next(args);
      } catch (error) {
        if (!didNotRun(error)) attempt.mayHaveRun();
        const lag = standingLag(error, call.route.entry, parts.clock.now());
        throw lag === undefined ? error : refused(call, lag);
      }
      return metered(parts.streams, attempt, result);
    } finally {
      attempt.returned();
    }
  };
}

/** A middleware between admission and attempt that forgets whose call it passes on must not make it an ungoverned one. */
function stopUnlessFree(parts: PluginParts, { commandName = '' }: HandlerExecutionContext, input: object): void {
  if (kindOf(commandName, input).kind === 'free' || parts.ungoverned.has(commandName)) return;
  throw new RefusedAttempt(
    new GovernorRefusal(
      'RequestChanged',
      'A middleware of this client passes on arguments of its own making, and it cannot be told which call they belong to. Let it pass on what it was given ({ ...args, request }), or take it away.',
    ),
  );
}

/** @throws {RefusedAttempt} where the budgets pay for no further attempt */
async function reserveAgain(call: GovernedCall, hold: CallCost, signal: AbortSignal | undefined) {
  try {
    return await call.reserve(hold, signal);
  } catch (error) {
    throw error instanceof GovernorRefusal ? refused(call, error) : error;
  }
}

function refused(call: GovernedCall, refusal: GovernorRefusal): RefusedAttempt {
  call.refused(refusal);
  return new RefusedAttempt(refusal);
}

/** A refusal on its way up through the SDK's retry, which would repeat one whose cause is a broken connection. */
class RefusedAttempt extends Error {
  readonly refusal: GovernorRefusal;

  constructor(refusal: GovernorRefusal) {
    super(refusal.message);
    this.refusal = refusal;
  }
}
