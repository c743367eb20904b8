/** One page of a list whose token is where the next one begins. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | undefined;
}

/** @returns undefined for a token that no page has given */
export function pageOf<T>(items: readonly T[], size: number, token: string | undefined): Page<T> | undefined {
  if (token !== undefined && !/^\d{1,9}$/.test(token)) return undefined;
  const start = Number(token ?? '0');
  const next = start + size;
  return { items: items.slice(start, next), next: next < items.length ? String(next) : undefined };
}
