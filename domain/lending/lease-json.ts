import type { LeaseAnswer } from './lease-answer.ts';
import type { LeaseRequest } from './lease-protocol.ts';

/** The text of a request or an answer. */
export const serialise = (document: LeaseRequest | LeaseAnswer): string =>
  JSON.stringify(document, (_, value: unknown) => {
    if (typeof value === 'bigint') return value.toString();
    return value instanceof Map ? [...value] : value;
  });
