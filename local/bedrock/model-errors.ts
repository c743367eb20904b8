import { AwsFault } from '../service.ts';

/** The errors of the runtime: HTTP status and a message as AWS words it where that is known. */
const ERRORS = {
  AccessDeniedException: [403, 'You don’t have access to the model with the specified model ID.'],
  InternalServerException: [
    500,
    'The system encountered an unexpected error during processing. Try your request again.',
  ],
  ModelErrorException: [424, 'The model returned an error.'],
  ModelNotReadyException: [429, 'The model is not ready for inference. Wait and try your request again.'],
  ModelStreamErrorException: [424, 'The model stream returned an error.'],
  ModelTimeoutException: [408, 'Model has timed out in processing the request. Try your request again.'],
  ResourceNotFoundException: [404, 'The model was not found.'],
  ServiceQuotaExceededException: [400, 'Your request exceeds the service quota for your account.'],
  ServiceUnavailableException: [503, 'Bedrock is unable to process your request.'],
  ThrottlingException: [429, 'Too many tokens, please wait before trying again.'],
  ValidationException: [400, 'The request is not valid.'],
} as const satisfies Readonly<Record<string, readonly [number, string]>>;

export type ModelErrorName = keyof typeof ERRORS;

/** The errors that may end a stream. `ModelTimeoutException` is not modelled for ConverseStream. */
export type StreamErrorName =
  | 'InternalServerException'
  | 'ModelStreamErrorException'
  | 'ModelTimeoutException'
  | 'ServiceUnavailableException'
  | 'ThrottlingException'
  | 'ValidationException';

export function modelError(name: ModelErrorName): AwsFault {
  const [status, message] = ERRORS[name];
  return new AwsFault(name, message, status);
}
