import { HttpResponse } from '@smithy/core/protocols';

/** What an operation answers; an error of AWS is `{ error: 'ThrottlingException' }`. */
export type Answer = Record<string, unknown> | { readonly error: string };

/**
 * Configuration of a real AWS client whose requests are answered by a function instead of a network: for services that
 * speak JSON with the operation in `X-Amz-Target`.
 */
export function answering(answer: (operation: string, input: Record<string, unknown>) => Answer) {
  return {
    region: 'us-east-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 's' },
    maxAttempts: 1,
    requestHandler: {
      async handle(request: { headers: Record<string, string>; body?: unknown }) {
        const operation = request.headers['x-amz-target']?.split('.')[1] ?? '';
        const output = answer(operation, JSON.parse(textOf(request.body)) as Record<string, unknown>);
        const failed = 'error' in output;
        const body = failed ? { __type: output['error'], message: 'No.' } : output;
        return {
          response: new HttpResponse({
            statusCode: failed ? 400 : 200,
            headers: { 'content-type': 'application/x-amz-json-1.1' },
            body: new TextEncoder().encode(JSON.stringify(body)),
          }),
        };
      },
    },
  };
}

const textOf = (body: unknown): string => (body instanceof Uint8Array ? new TextDecoder().decode(body) : String(body));
