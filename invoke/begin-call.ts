import type { Clock } from '../domain/clock.ts';
import type { Tags } from '../domain/tags.ts';
import { stopIfAborted } from './abort.ts';
import { type GovernedApi, kindOf } from './governed-apis.ts';
import { type CallParts, GovernedCall } from './governed-call.ts';
import type { ObservedCall } from './observation.ts';
import { GovernorRefusal, governorClosed } from './refusals.ts';
import type { Route, Routes } from './route.ts';

export interface BeginningParts extends CallParts {
  readonly clock: Clock;
  /** Names of commands that spend and pass unmetered. */
  readonly ungoverned: ReadonlySet<string>;
  readonly isClosed: () => boolean;
}

/**
 * Undefined where a command needs no governing, or is not to have any.
 * @throws {GovernorRefusal} where it must not be sent at all
 */
export function governedApi(
  parts: BeginningParts,
  { tags }: Routes,
  command: string,
  input: object,
): GovernedApi | undefined {
  const kind = kindOf(command, input);
  if (kind.kind === 'free') return undefined;
  if (parts.ungoverned.has(command)) {
    parts.observation.tell({ kind: 'ungoverned', command });
    return undefined;
  }
  if (kind.kind === 'governed') {
    if (!parts.isClosed()) return kind.api;
    throw governorClosed();
  }
  const refusal = new GovernorRefusal(
    'UngovernedCommand',
    `${command || 'This command'} spends money and cannot be metered: the governor refuses it rather than let it spend unseen. Name it in "ungoverned" to let it pass uncounted.`,
  );
  refusedCall(parts, tags, command.replace(/Command$/, ''), modelOf(input), refusal);
  throw refusal;
}

/**
 * Finds the profile and admits the call: at once where what is in memory is enough for it.
 * @throws {GovernorRefusal}
 */
export function begin(
  parts: BeginningParts,
  routes: Routes,
  api: GovernedApi,
  input: object,
  signal: AbortSignal | undefined,
): GovernedCall | Promise<GovernedCall> {
  const model = modelOf(input);
  try {
    stopIfAborted(signal);
    const now = parts.clock.now();
    const route = routes.atOnce(model, now);
    if (route === undefined || route.fallback !== undefined) return beginLater(parts, routes, api, input, signal);
    const call = new GovernedCall(parts, { api, input, model, route, tags: routes.tags }, now);
    return call.admitAtOnce(now) ? call : admitLater(call, signal);
  } catch (error) {
    if (error instanceof GovernorRefusal) refusedCall(parts, routes.tags, api.operation, model, error);
    throw error;
  }
}

async function beginLater(
  parts: BeginningParts,
  routes: Routes,
  api: GovernedApi,
  input: object,
  signal: AbortSignal | undefined,
): Promise<GovernedCall> {
  const model = modelOf(input);
  let call: GovernedCall;
  let now = parts.clock.now();
  try {
    const asked = await routeTo(parts, routes, model);
    now = parts.clock.now();
    const route = asked.fallback === undefined ? asked : await instead(parts, routes, api, asked);
    now = parts.clock.now();
    // What is at hand still lets it pass, and nobody would count it.
    if (parts.isClosed()) throw governorClosed();
    const insteadOf = route === asked ? {} : { insteadOf: asked.baseModelId };
    call = new GovernedCall(parts, { api, input, model, route, tags: routes.tags, ...insteadOf }, now);
  } catch (error) {
    if (error instanceof GovernorRefusal) refusedCall(parts, routes.tags, api.operation, model, error);
    throw error;
  }
  return call.admitAtOnce(now) ? call : await admitLater(call, signal);
}

async function admitLater(call: GovernedCall, signal: AbortSignal | undefined): Promise<GovernedCall> {
  try {
    await call.admit(signal);
  } catch (error) {
    if (error instanceof GovernorRefusal) call.refused(error);
    throw error;
  }
  return call;
}

/** While a budget is throttled, the policy may name a cheaper model: its profile for the same tags answers. */
async function instead(parts: BeginningParts, routes: Routes, api: GovernedApi, asked: Route): Promise<Route> {
  const { fallback, baseModelId } = asked;
  const isThrottled = asked.accountsAt(parts.clock.now()).some(({ standing }) => standing === 'throttled');
  if (fallback === undefined || !isThrottled) return asked;
  if (!api.isModelNeutral && vendorOf(fallback) !== vendorOf(baseModelId)) return asked;
  try {
    return await routeTo(parts, routes, fallback);
  } catch (error) {
    // Without such a profile the call is paced, as without a fallback.
    if (error instanceof GovernorRefusal) return asked;
    throw error;
  }
}

const routeTo = async ({ clock }: BeginningParts, routes: Routes, model: string): Promise<Route> =>
  routes.atOnce(model, clock.now()) ?? (await routes.find(model));

const vendorOf = (model: string): string => model.slice(0, model.indexOf('.'));

export const modelOf = (input: object): string =>
  'modelId' in input && typeof input.modelId === 'string' ? input.modelId : '';

export function refusedCall(
  { observation }: CallParts,
  tags: Tags,
  operation: string,
  requestedModel: string,
  refusal: GovernorRefusal,
): void {
  const call: ObservedCall = { operation, requestedModel, tags };
  observation.tell({ kind: 'refused', call, refusal });
}
