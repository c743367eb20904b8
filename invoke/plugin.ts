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
 * Both have names and replace others of these names: a plugin of a command stands in for the one of its client.
 *
 * @param preparation of the first call; undefined once there was one. Its middleware takes itself away
 */
export const pluginOf = (calls: GovernedCalls, preparation?: () => Preparation | undefined): GovernorPlugin => ({
  applyToStack<Input extends object, Output extends object>(stack: MiddlewareStack<Input, Output>) {
    stack.addRelativeTo(calls.admission, ADMISSION);
    stack.addRelativeTo(calls.attempt, ATTEMPT);
    const prepare = preparation?.();
    if (prepare === undefined) return;
    const preparing: InitializeMiddleware<Input, Output> = (next, context) => async (args) => {
      // The SDK copies a middleware with each command: this one is not to cost the calls after the first anything.
      stack.remove(PREPARATION.name);
      if (preparation?.() !== undefined) await prepare(context, args.input);
      return await next(args);
    };
    stack.add(preparing, PREPARATION);
  },
});

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
  toMiddleware: 'retryMiddleware',
};

const ATTEMPT: Placement = {
  step: 'finalizeRequest',
  tags: ['COST_GOVERNOR'],
  name: 'costGovernorAttempt',
  override: true,
  relation: 'after',
  toMiddleware: 'retryMiddleware',
};
