/**
 * Bedrock's prompt cache. The part of a prompt up to a cache point is written when it is first seen and read for a
 * while afterwards; a read starts the time anew.
 *
 * Not modelled: the shortest part that a model caches (here any is), and that for Claude a part is also found when its
 * cache point has since moved to a later block.
 */

export type CacheTtl = '5m' | '1h';

const TTL_MS: Readonly<Record<CacheTtl, number>> = { '5m': 5 * 60_000, '1h': 60 * 60_000 };

/** More entries than this and the oldest is forgotten. */
const MAX_ENTRIES = 100_000;

/** A point in a prompt up to which it may be cached. */
export interface CachePoint {
  /** Identifies everything before the point, and the profile or model that it was sent to. */
  readonly prefix: string;
  /** Tokens before the point. */
  readonly tokens: number;
  readonly ttl: CacheTtl;
}

export interface CacheUse {
  readonly readTokens: number;
  /** Tokens newly written, by how long they are kept. */
  readonly written: readonly { readonly ttl: CacheTtl; readonly tokens: number }[];
}

export class PromptCache {
  readonly #expiryByPrefix = new Map<string, { readonly expiresAt: number; readonly ttl: CacheTtl }>();

  /** @param points in the order of the prompt */
  use(points: readonly CachePoint[], now: number): CacheUse {
    const hit = points.findLastIndex(({ prefix }) => (this.#expiryByPrefix.get(prefix)?.expiresAt ?? 0) > now);
    let cached = points[hit]?.tokens ?? 0;
    const readTokens = cached;
    const written: { ttl: CacheTtl; tokens: number }[] = [];
    for (const [index, { prefix, tokens, ttl }] of points.entries()) {
      if (index > hit && tokens > cached) {
        written.push({ ttl, tokens: tokens - cached });
        cached = tokens;
      }
      const kept = index <= hit ? (this.#expiryByPrefix.get(prefix)?.ttl ?? ttl) : ttl;
      this.#keep(prefix, now + TTL_MS[kept], kept);
    }
    return { readTokens, written };
  }

  #keep(prefix: string, expiresAt: number, ttl: CacheTtl): void {
    this.#expiryByPrefix.delete(prefix);
    this.#expiryByPrefix.set(prefix, { expiresAt, ttl });
    if (this.#expiryByPrefix.size <= MAX_ENTRIES) return;
    const [oldest] = this.#expiryByPrefix.keys();
    if (oldest !== undefined) this.#expiryByPrefix.delete(oldest);
  }
}
