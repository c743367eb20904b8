import type {
  AbsoluteLocation,
  FinalizeRequestHandlerOptions,
  FinalizeRequestMiddleware,
  HandlerExecutionContext,
  HandlerOptions,
  InitializeHandlerOptions,
  InitializeMiddleware,
  MiddlewareStack,
  RelativeMiddlewareOptions,
} from '@smithy/types';
import { GovernorRefusal } from './refusals.ts';
import { replaceEntries, type StackEntry, stackEntries } from './stack-entries.ts';

/** An AWS SDK plugin: `client.middlewareStack.use(governor)`, or that of a single command. */
export interface GovernorPlugin {
  applyToStack<Input extends object, Output extends object>(stack: MiddlewareStack<Input, Output>): void;
}

/** What happens to the first call before its request is made. @throws {GovernorRefusal} */
export type Preparation = (context: HandlerExecutionContext, input: object) => Promise<void>;

/** What happens to each call, and to each attempt at it. */
export interface GovernedCalls {
  admission<Input extends object, Output extends object>(
    ...of: Parameters<FinalizeRequestMiddleware<Input, Output>>
  ): ReturnType<FinalizeRequestMiddleware<Input, Output>>;
  attempt<Input extends object, Output extends object>(
    ...of: Parameters<FinalizeRequestMiddleware<Input, Output>>
  ): ReturnType<FinalizeRequestMiddleware<Input, Output>>;
}

/**
 * Two middlewares on both sides of the SDK's retry: admission above it, so that a refusal is thrown to the caller and never
 * retried; attempts are accounted below it, so that each one that may have run keeps a hold of its own.
 *
 * Both come after the SDK has made the request. So the governor sees what is going to be sent, whatever other middlewares
 * have changed, and chooses the profile in the request's path: the caller's input is neither copied nor touched.
 *
 * The retry of a client is wrapped in them. A command has none of its own and brings both, to be placed round the client's;
 * what the client has of a governor then stands aside.
 *
 * @param preparation of the first call; undefined once there was one
 */
export const pluginOf = (calls: GovernedCalls, preparation?: () => Preparation | undefined): GovernorPlugin => ({
  applyToStack<Input extends object, Output extends object>(stack: MiddlewareStack<Input, Output>) {
    const entries = stackEntries(stack);
    const retry = entries.find(({ options }) => options.name === RETRY);
    if (retry === undefined) {
      stack.addRelativeTo(ofOneCommand(calls), ADMISSION);
      stack.addRelativeTo(ofCommand(calls), ATTEMPT);
    } else wrap(stack, entries, retry, calls);
    if (preparation?.() === undefined) return;
    const preparing: InitializeMiddleware<Input, Output> = (next, context) => async (args) => {
      // The SDK copies a middleware with each command: this one is not to cost the calls after the first anything.
      stack.remove(PREPARATION.name);
      await preparation()?.(context, args.input);
      return await next(args);
    };
    stack.add(preparing, PREPARATION);
  },
});

const RETRY = 'retryMiddleware';

/** A name of the SDK's signing in all its versions. It is placed by the retry, so that no request is sent without it. */
const SIGNING = 'awsAuthMiddleware';

/*
 * Two copies of this package may meet in a client: one for each version, or for each time that a server under development
 * loads it anew. So what they know each other by is registered.
 */

/** What a middleware of a governor stands round: a further governor of the same client takes the place of the one before. */
const WRAPPED = Symbol.for('bedrock-cost-governor.wrapped');

/** A mark on a call's context: it is governed, by its command or by its client. */
const PLACED = Symbol.for('bedrock-cost-governor.placed');

const isPlaced = (context: HandlerExecutionContext): boolean => Reflect.has(context, PLACED);

/** Two middlewares less for the SDK to copy and to sort with each call, which is most of what a governed call costs. */
function wrap<Input extends object, Output extends object>(
  stack: MiddlewareStack<Input, Output>,
  entries: readonly StackEntry<Input, Output>[],
  retry: StackEntry<Input, Output>,
  calls: GovernedCalls,
): void {
  const governed = entries
    // Of a governor that came with another stack.
    .filter(({ options }) => options.name !== ADMISSION.name && options.name !== ATTEMPT.name)
    .map((entry) => {
      const middleware = wrapped(entry.middleware);
      if (entry === retry) return { ...entry, middleware: around(middleware, calls) };
      return isSigning(entry.options) ? { ...entry, middleware: guarded(middleware) } : entry;
    });
  replaceEntries(stack, entries, governed);
}

type Finalizing<Input extends object, Output extends object> = StackEntry<Input, Output>['middleware'];

const wrapped = <Input extends object, Output extends object>(middleware: Finalizing<Input, Output>) =>
  (Reflect.get(middleware, WRAPPED) ?? middleware) as typeof middleware;

function around<Input extends object, Output extends object>(
  retry: Finalizing<Input, Output>,
  calls: GovernedCalls,
): Finalizing<Input, Output> {
  const governing: typeof retry = (next, context) => {
    // The SDK makes a call's middlewares from the last to the first: by now it has made what the command itself brings.
    if (isPlaced(context)) return retry(next, context);
    Reflect.set(context, PLACED, true);
    return calls.admission(retry(calls.attempt(next, context), context), context);
  };
  return Object.assign(governing, { [WRAPPED]: retry });
}

const isSigning = ({ name, aliases }: HandlerOptions): boolean =>
  name === SIGNING || aliases?.includes(SIGNING) === true;

/** The signing, but for calls in which nothing governs: something has taken the place of the retry, and of the governor with it. */
function guarded<Input extends object, Output extends object>(
  signing: Finalizing<Input, Output>,
): Finalizing<Input, Output> {
  const guarding: typeof signing = (next, context) => {
    const sign = signing(next, context);
    return (args) => (isPlaced(context) ? sign(args) : Promise.reject(displaced()));
  };
  return Object.assign(guarding, { [WRAPPED]: signing });
}

const ofCommand =
  (calls: GovernedCalls): GovernedCalls['attempt'] =>
  (next, context) => {
    Reflect.set(context, PLACED, true);
    return calls.attempt(next, context);
  };

/**
 * A client that keeps its handlers (`cacheMiddleware` of the SDK) would go on with a command's governor for all commands of its kind,
 * whoever's they are.
 */
const ofOneCommand =
  (calls: GovernedCalls): GovernedCalls['admission'] =>
  (next, context) => {
    const admit = calls.admission(next, context);
    let own: object | undefined;
    return (args) => {
      own ??= args.input;
      return args.input === own ? admit(args) : Promise.reject(keptHandler());
    };
  };

const keptHandler = (): GovernorRefusal =>
  new GovernorRefusal(
    'RequestChanged',
    'This command would be charged to the tenant of another: its client keeps the middlewares of the first command of a kind (cacheMiddleware), or one of them changes the input of a command that has a governor of its own. Make the client without cacheMiddleware, or one client for each tenant: client.middlewareStack.use(governor.for(tags)).',
  );

const displaced = (): GovernorRefusal =>
  new GovernorRefusal(
    'RequestChanged',
    `Something has replaced or removed this client’s "${RETRY}" after the governor was added, and the governor with it. Add the governor last: client.middlewareStack.use(governor). A command with a retry of its own brings the governor along: command.middlewareStack.use(governor).`,
  );

const PREPARATION = {
  step: 'initialize',
  priority: 'low',
  tags: ['COST_GOVERNOR'],
  name: 'costGovernorPreparation',
  override: true,
} satisfies InitializeHandlerOptions & AbsoluteLocation;

type Placement = FinalizeRequestHandlerOptions & RelativeMiddlewareOptions;

/**
 * The SDK copies the options of all middlewares with each command. These have the members of its own ones in the order of
 * its own ones (see `httpAuthSchemeEndpointRuleSetMiddlewareOptions`), because an engine copies objects of yet another
 * shape slowly, and then all of them.
 */
const ADMISSION: Placement = {
  step: 'finalizeRequest',
  tags: ['COST_GOVERNOR'],
  name: 'costGovernorAdmission',
  override: true,
  relation: 'before',
  toMiddleware: RETRY,
};

const ATTEMPT: Placement = {
  step: 'finalizeRequest',
  tags: ['COST_GOVERNOR'],
  name: 'costGovernorAttempt',
  override: true,
  relation: 'after',
  toMiddleware: RETRY,
};
