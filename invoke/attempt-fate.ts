/**
 * Statuses with which Bedrock turns a request away before the model runs: bad request, not signed, denied, unknown
 * resource, throttled (Amazon Bedrock runtime API reference). Not 408 and 424, with which the model itself failed, nor
 * any 5xx, after which nobody knows.
 */
const TURNED_AWAY = new Set([400, 401, 403, 404, 429]);

/** The connection was never made, or the request never signed. */
const NEVER_SENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);

/** Whether an attempt that failed certainly cost nothing. In doubt it did cost. */
export function didNotRun(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { $metadata, $response } = error as {
    $metadata?: { httpStatusCode?: number };
    $response?: { statusCode?: number };
  };
  const status = $metadata?.httpStatusCode ?? $response?.statusCode;
  if (status !== undefined) return TURNED_AWAY.has(status);
  return error.name === 'CredentialsProviderError' || wasNeverSent(error);
}

/** Over HTTP/2 a request that waited for its connection is cancelled, and the reason is what became of the connection. */
function wasNeverSent(error: { readonly code?: unknown; readonly cause?: unknown }): boolean {
  const { code, cause } = error;
  if (code === 'ERR_HTTP2_STREAM_CANCEL') return cause instanceof Error && wasNeverSent(cause);
  return typeof code === 'string' && NEVER_SENT.has(code);
}
