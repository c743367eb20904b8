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

/** `no-answer`: the connection breaks before a response, as when a network fails after the request has arrived. */
export type Answer = WireResponse | 'no-answer';
