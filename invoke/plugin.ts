import type { FinalizeRequestMiddleware, InitializeMiddleware, MiddlewareStack } from '@smithy/types';

/** An AWS SDK plugin: `client.middlewareStack.use(governor)`, or that of a single command. */
export interface GovernorPlugin {
  applyToStack<Input extends object, Output extends object>(stack: MiddlewareStack<Input, Output>): void;
}

/** What happens to each call, and to each attempt at it. */
export interface GovernedCalls {
  admission<Input extends object, Output extends object>(
    ...of: Parameters<InitializeMiddleware<Input, Output>>
  ): ReturnType<InitializeMiddleware<Input, Output>>;
  attempt<Input extends object, Output extends object>(
    ...of: Parameters<FinalizeRequestMiddleware<Input, Output>>
  ): ReturnType<FinalizeRequestMiddleware<Input, Output>>;
}

/**
 * Two middlewares: admission stands above the SDK's retry, so that a refusal is thrown to the caller and never retried;
 * attempts are accounted below it, so that each one that may have run keeps a hold of its own.
 *
 * Both have names and replace others of these names: a plugin of a command stands in for the one of its client.
 */
export const pluginOf = (calls: GovernedCalls): GovernorPlugin => ({
  applyToStack(stack) {
    stack.add(calls.admission, {
      step: 'initialize',
      priority: 'high',
      name: 'costGovernorAdmission',
      override: true,
    });
    stack.addRelativeTo(calls.attempt, {
      relation: 'after',
      toMiddleware: 'retryMiddleware',
      name: 'costGovernorAttempt',
      override: true,
    });
  },
});
