import type {
  AbsoluteLocation,
  FinalizeRequestHandlerOptions,
  FinalizeRequestMiddleware,
  HandlerOptions,
  MiddlewareStack,
} from '@smithy/types';

/** A middleware of the step in which a request is sent, and where it stands. */
export interface FinalizingEntry<Input extends object, Output extends object> {
  readonly middleware: FinalizeRequestMiddleware<Input, Output>;
  readonly options: FinalizeRequestHandlerOptions & AbsoluteLocation;
}

/**
 * The middlewares of the step `finalizeRequest` that have a place of their own in it, in the order in which they were added.
 * A stack does not list what is in it, but copies it into another.
 */
export function finalizingEntries<Input extends object, Output extends object>(
  stack: MiddlewareStack<Input, Output>,
): readonly FinalizingEntry<Input, Output>[] {
  const entries: FinalizingEntry<Input, Output>[] = [];
  const list: MiddlewareStack<Input, Output> = {
    ...stack,
    add(middleware: unknown, entry: HandlerOptions & { middleware?: unknown } = {}) {
      // The stack hands over its own record of the middleware for its options; as options it would bring the same back.
      const { middleware: _, ...options } = entry;
      if (options.step === 'finalizeRequest') entries.push({ middleware, options } as FinalizingEntry<Input, Output>);
    },
    addRelativeTo() {},
    identifyOnResolve: () => false,
  };
  stack.applyToStack(list);
  return entries;
}
