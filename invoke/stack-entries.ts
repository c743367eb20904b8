import type {
  AbsoluteLocation,
  FinalizeRequestHandlerOptions,
  FinalizeRequestMiddleware,
  HandlerOptions,
  MiddlewareStack,
  Pluggable,
  RelativeLocation,
} from '@smithy/types';

/** A middleware of a stack, and where it stands. That it is one of the step in which a request is sent, its options tell. */
export interface StackEntry<Input extends object, Output extends object> {
  readonly middleware: FinalizeRequestMiddleware<Input, Output>;
  readonly options: HandlerOptions & (AbsoluteLocation | RelativeLocation);
}

/**
 * All middlewares of a stack: first those with a place of their own, then those placed by another, as they were added.
 * A stack does not list what is in it, but copies it into another.
 */
export function stackEntries<Input extends object, Output extends object>(
  stack: Pluggable<Input, Output>,
): readonly StackEntry<Input, Output>[] {
  const entries: StackEntry<Input, Output>[] = [];
  const list = (middleware: unknown, entry: object = {}): void => {
    // The stack hands over its own record of the middleware for its options; as options it would bring the same back.
    const { middleware: _, ...options } = entry as { middleware?: unknown };
    entries.push({ middleware, options } as StackEntry<Input, Output>);
  };
  const into: Partial<MiddlewareStack<Input, Output>> = {
    add: list,
    addRelativeTo: list,
    identifyOnResolve: () => false,
  };
  stack.applyToStack(into as MiddlewareStack<Input, Output>);
  return entries;
}

/**
 * Puts `after` in the place of the entries `before` of a stack, in this order: among those that share a step and a priority, the order
 * is that in which they were added. All are taken out first, since those without a name are taken out wherever they stand.
 */
export function replaceEntries<Input extends object, Output extends object>(
  stack: MiddlewareStack<Input, Output>,
  before: readonly StackEntry<Input, Output>[],
  after: readonly StackEntry<Input, Output>[],
): void {
  for (const { middleware, options } of before) stack.remove(options.name ?? middleware);
  for (const { middleware, options } of after)
    if ('toMiddleware' in options) stack.addRelativeTo(middleware, options);
    else stack.add(middleware, options as FinalizeRequestHandlerOptions & AbsoluteLocation);
}
