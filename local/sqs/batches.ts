import { type Members, membersOf } from '../members.ts';
import { AwsFault, type Call, type JsonObject, type Operation } from '../service.ts';

const MOST_ENTRIES = 10;

const members = (input: JsonObject): Members =>
  membersOf(input, (message) => new AwsFault('MissingParameter', message));

/** How much all entries of a batch may have together. */
export interface BatchLimit {
  readonly bytes: number;
  readonly sizeOf: (entry: JsonObject) => number;
}

/**
 * An operation on several messages at once, as each is done alone: what is wrong with one fails it and no other. A queue
 * that is not there fails them all.
 */
export const inBatches =
  (one: (input: JsonObject, call: Call) => JsonObject, limit?: BatchLimit): Operation =>
  (input, call) => {
    const { QueueUrl } = input;
    const entries = readEntries(input);
    const size = entries.reduce((sum, entry) => sum + (limit?.sizeOf(entry) ?? 0), 0);
    if (limit !== undefined && size > limit.bytes)
      throw new AwsFault(
        'BatchRequestTooLong',
        `Batch requests cannot be longer than ${limit.bytes} bytes. You have sent ${size} bytes.`,
      );
    const Successful: JsonObject[] = [];
    const Failed: JsonObject[] = [];
    for (const { Id, ...entry } of entries)
      try {
        Successful.push({ Id, ...one({ QueueUrl, ...entry }, call) });
      } catch (error) {
        if (!(error instanceof AwsFault) || error.code === 'QueueDoesNotExist') throw error;
        Failed.push({ Id, SenderFault: error.status < 500, Code: error.code, Message: error.message });
      }
    return { Successful, Failed };
  };

function readEntries(input: JsonObject): JsonObject[] {
  const entries = members(input).objects('Entries');
  if (entries.length === 0)
    throw new AwsFault('EmptyBatchRequest', 'There should be at least one entry in the request.');
  if (entries.length > MOST_ENTRIES)
    throw new AwsFault(
      'TooManyEntriesInBatchRequest',
      `Maximum number of entries per request are ${MOST_ENTRIES}. You have sent ${entries.length}.`,
    );
  const ids = entries.map((entry) => members(entry).string('Id'));
  if (!ids.every((id) => /^[\w-]{1,80}$/.test(id)))
    throw new AwsFault(
      'InvalidBatchEntryId',
      'A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.',
    );
  const twice = ids.find((id, place) => ids.indexOf(id) !== place);
  if (twice !== undefined) throw new AwsFault('BatchEntryIdsNotDistinct', `Id ${twice} repeated.`);
  return entries;
}
