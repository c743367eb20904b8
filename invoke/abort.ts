import type { HandlerExecutionContext } from '@smithy/types';

/** The signal that the caller gave with the call. The SDK keeps it here for its own retry. */
export function signalOf(context: HandlerExecutionContext): AbortSignal | undefined {
  const signal = context.__smithy_context?.['abortSignal'];
  return signal instanceof AbortSignal ? signal : undefined;
}

/** Throws as the SDK's own handlers do. */
export function stopIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true)
    throw Object.assign(new Error('Request aborted', { cause: signal.reason }), { name: 'AbortError' });
}

/** Does the work; where the signal ends it, the failure is the SDK's. */
export async function abortable<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  stopIfAborted(signal);
  try {
    return await work();
  } catch (error) {
    if (error === signal?.reason) stopIfAborted(signal);
    throw error;
  }
}

/** Waits until work is done or the signal aborts. Others wait for the same work: it goes on. */
export async function orAborted<T>(signal: AbortSignal | undefined, work: Promise<T>): Promise<T> {
  if (signal === undefined) return await work;
  return await new Promise<T>((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    void work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
