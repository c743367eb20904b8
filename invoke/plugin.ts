import type {
  AbsoluteLocation,
  FinalizeRequestHandlerOptions,
  FinalizeRequestMiddleware,
  HandlerExecutionContext,
  InitializeHandlerOptions,
  InitializeMiddleware,
  MiddlewareStack,
  RelativeMiddlewareOptions,
} from '@smithy/types';
import { type FinalizingEntry, finalizingEntries } from './finalizing-entries.ts';
import { GovernorRefusal } from './refusals.ts';

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
    const entries = finalizingEntries(stack);
    const retry = entries.find(({ options }) => options.name === RETRY);
    if (retry === undefined) {
      stack.addRelativeTo(calls.admission, ADMISSION);
      stack.addRelativeTo(ofCommand(calls), ATTEMPT);
      if (preparation?.() === undefined) return;
    } else wrap(stack, retry, entries, calls);
    const preparing: InitializeMiddleware<Input, Output> = (next, context) => async (args) => {
      // It stays where it has to refuse, and so refuses all.
      if (retry === undefined ? !isPlaced(context) : !isWrapped(context)) throw displaced();
      // The SDK copies a middleware with each command: this one is not to cost the calls after the first anything.
      stack.remove(PREPARATION.name);
      await preparation?.()?.(context, args.input);
      return await next(args);
    };
    stack.add(preparing, PREPARATION);
  },
});

const RETRY = 'retryMiddleware';

/** What was wrapped: a further governor of the same client takes the place of the one before. */
const retries = new WeakMap<object, object>();

/** Two middlewares less for the SDK to copy and to sort with each call, which is most of what a governed call costs. */
function wrap<Input extends object, Output extends object>(
  stack: MiddlewareStack<Input, Output>,
  entry: FinalizingEntry<Input, Output>,
  entries: readonly FinalizingEntry<Input, Output>[],
  calls: GovernedCalls,
): void {
  const retry = (retries.get(entry.middleware) ?? entry.middleware) as typeof entry.middleware;
  const around: typeof retry = (next, context) => {
    // The SDK makes a call's middlewares from the last to the first: by now it has made what the command itself brings.
    const isOfCommand = isPlaced(context);
    Reflect.set(context, PLACED, WRAPPED);
    if (isOfCommand) return retry(next, context);
    return calls.admission(retry(calls.attempt(next, context), context), context);
  };
  retries.set(around, retry);
  const { step, priority, ...named } = entry.options;
  stack.add(around, { ...named, step, ...(priority && { priority }), override: true });
  // What replaces something becomes the last of its kind. Middlewares of the caller stay below the retry, where they were.
  const below = entries.slice(entries.indexOf(entry) + 1).filter(({ options }) => options.priority === priority);
  for (const { middleware, options } of below) {
    stack.remove(options.name ?? middleware);
    stack.add(middleware, options);
  }
}

/** A mark on a call's context: it is governed, by its command or by its client. */
const PLACED = Symbol('governed');

/** What the mark says once the client's retry has been wrapped for the call, whoever governs it. */
const WRAPPED = 'wrapped';

const isPlaced = (context: HandlerExecutionContext): boolean => Reflect.has(context, PLACED);

const isWrapped = (context: HandlerExecutionContext): boolean => Reflect.get(context, PLACED) === WRAPPED;

const ofCommand =
  (calls: GovernedCalls): GovernedCalls['attempt'] =>
  (next, context) => {
    Reflect.set(context, PLACED, 'by its command');
    return calls.attempt(next, context);
  };

const displaced = (): GovernorRefusal =>
  new GovernorRefusal(
    'RequestChanged',
    `Something has replaced or removed this client’s "${RETRY}" after the governor was added, and the governor with it. Add the governor last: client.middlewareStack.use(governor).`,
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
