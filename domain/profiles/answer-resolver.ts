import { type Clock, epochMs } from '../clock.ts';
import { Fault } from '../fault.ts';
import type { IndexCache, IndexView } from './index-cache.ts';
import { answerRequest, type ResolverAnswer, readResolverRequest, refusedAnswer } from './resolver-protocol.ts';

/**
 * Answers a request of the function `resolve-profile`. Whatever the payload, the answer is a value that says what it is;
 * a no is checked against an index no older than two seconds.
 */
export async function answerResolver(cache: IndexCache, clock: Clock, payload: unknown): Promise<ResolverAnswer> {
  const read = readResolverRequest(payload);
  if ('problem' in read) return refusedAnswer('RequestInvalid', read.problem);
  const answerFrom = (view: IndexView): ResolverAnswer =>
    answerRequest(view, read.request, epochMs(clock.now() - (cache.snapshot()?.ageMs ?? 0)));
  try {
    const answer = answerFrom(await cache.view());
    return answer.kind === 'refused' ? answerFrom(await cache.recheck()) : answer;
  } catch (error) {
    if (error instanceof Fault) return refusedAnswer('IndexUnavailable', error.message);
    throw error;
  }
}
