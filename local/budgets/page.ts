import type { Members } from '../members.ts';
import { AwsFault, type JsonObject } from '../service.ts';

const invalid = (message: string): AwsFault => new AwsFault('InvalidParameterException', message);

/** A page of a list. @throws {AwsFault} for a size out of bounds, or a token that no page has given */
export function page<T>(
  items: readonly T[],
  read: Members,
  max: number,
  usual = Math.min(100, max),
): { items: readonly T[]; more: JsonObject } {
  const size = read.optionalNumber('MaxResults') ?? usual;
  if (!Number.isInteger(size) || size < 1 || size > max) throw invalid(`MaxResults must be between 1 and ${max}.`);
  const token = read.optionalString('NextToken');
  if (token !== undefined && !/^\d+$/.test(token))
    throw new AwsFault('InvalidNextTokenException', 'NextToken is not valid.');
  const start = Number(token ?? '0');
  const next = start + size;
  return { items: items.slice(start, next), more: next < items.length ? { NextToken: String(next) } : {} };
}
