import { type Members, membersOf } from '../members.ts';
import { type Page, pageOf } from '../page.ts';
import { AwsFault, type JsonObject } from '../service.ts';

export const invalid = (message: string): AwsFault => new AwsFault('ValidationException', message);
export const members = (input: JsonObject): Members => membersOf(input, invalid);

/** Cuts a page off a list. @throws {AwsFault} InvalidNextTokenException for a token that no page has given */
export function cutPage<T>(items: readonly T[], size: number, token: string | undefined): Page<T> {
  const page = pageOf(items, size, token);
  if (page === undefined) throw new AwsFault('InvalidNextTokenException', 'The pagination token is invalid.');
  return page;
}

/** @throws {AwsFault} ValidationException where the size is out of bounds */
export function pageSize(input: JsonObject, usual: number, max: number): number {
  const size = members(input).optionalNumber('MaxResults') ?? usual;
  if (!Number.isInteger(size) || size < 1 || size > max) throw invalid(`MaxResults must be between 1 and ${max}.`);
  return size;
}
