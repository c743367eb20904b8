/** One HTTP request as the front read it, the same for HTTP/1.1 and HTTP/2. */
export interface WireRequest {
  readonly method: string;
  /** As sent, still percent-encoded, without the query string. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Lower-case names; pseudo-headers of HTTP/2 left out. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface WireResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | ByteStream;
}

/**
 * A body that is made as it is sent: the next piece is asked for when the connection can take it. When the pieces end
 * in an error the connection is cut; `gone` is aborted when the client has left, and no further piece is asked for.
 */
export type ByteStream = (gone: AbortSignal) => AsyncIterable<Uint8Array>;

/** Begins a body that nobody will receive, as if the client had left before its first piece. Never rejects. */
export async function abandon(body: ByteStream): Promise<void> {
  try {
    for await (const _piece of body(AbortSignal.abort())) return;
  } catch {
    // It would have cut the connection, which is gone already.
  }
}

/** `no-answer`: the connection breaks before a response, as when a network fails after the request has arrived. */
export type Answer = WireResponse | 'no-answer';
