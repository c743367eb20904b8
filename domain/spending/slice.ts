/** What a process knows when it asks for money; amounts are safe integers of nano-dollars. */
export interface SliceRequest {
  /** What reservations wait for now; 0 for a top-up ahead of need. */
  readonly need: number;
  /** A usual reservation of this process. */
  readonly usual: number;
  /** What this process has been spending on this budget, per second. */
  readonly spendPerSecond: number;
  /** The term of the lease. */
  readonly termSeconds: number;
  /** What the ledger could still grant, when it was last read. */
  readonly left: number;
  /** The slice before, or 0 where there is none: a pace seen for a moment is no pace to trust at once. */
  readonly previous: number;
  /** How many processes hold leases on this budget, this one included. */
  readonly holders: number;
}

/** Before a pace is known, room for this many usual calls. */
const FIRST_CALLS = 4;
/** How much larger than the one before a slice may be. */
const GROWTH = 4;

/** Whether so little is left that slices shrink to single calls: from here on, every call needs the ledger. */
export function isEdge(request: Pick<SliceRequest, 'left' | 'holders' | 'usual'>): boolean {
  return request.left < 2 * Math.max(1, request.holders) * request.usual * FIRST_CALLS;
}

/**
 * How much to have available after the next write: enough for a whole term at this process's own pace, so that at the
 * renewal, half-way, there is still half a term in hand for an outage; but no more than half its equal share of what is
 * left, so that slices shrink as a budget runs out. Never less than the need.
 */
export function sliceFor(request: SliceRequest): number {
  const pace = Math.ceil(request.spendPerSecond * request.termSeconds);
  const wish = Math.max(Math.min(pace, request.previous * GROWTH), request.usual * FIRST_CALLS);
  const share = Math.floor(Math.max(0, request.left) / (2 * Math.max(1, request.holders)));
  const ahead = Math.min(wish, share);
  // Less than a reservation is of no use here, and may complete one elsewhere.
  return Math.max(request.need, ahead < request.usual ? 0 : ahead);
}
