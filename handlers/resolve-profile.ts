import type { Context } from 'aws-lambda';
import type { ResolverAnswer } from '../domain/profiles/resolver-protocol.ts';
import { type Resolver, resolver } from '../infra/resolver.ts';

let ready: Resolver | undefined;

/** Somebody asks which profile carries tags: answered from memory. The payload is no identity, and the answer permits nothing. */
export const handler = async (event: unknown, context: Context): Promise<ResolverAnswer> => {
  ready ??= resolver();
  ready.logger.addContext(context);
  return await ready.answer(event);
};
