/** An error as the SDK's clients throw it. Without a status nobody answered. */
export function awsError(name: string, message: string, httpStatusCode?: number): Error {
  return Object.assign(new Error(message), {
    name,
    ...(httpStatusCode === undefined
      ? {}
      : { $metadata: { httpStatusCode }, $response: { statusCode: httpStatusCode } }),
  });
}
