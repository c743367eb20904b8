import type { SSMClient } from '@aws-sdk/client-ssm';
import * as z from 'zod';
import { epochMs } from '../domain/clock.ts';
import { Fault } from '../domain/fault.ts';
import { IndexEntryReader } from '../domain/profiles/index-entry-document.ts';
import type { IndexReading, IndexSource } from '../domain/profiles/index-source.ts';
import type { PublishedIndex } from '../domain/profiles/publish-index.ts';
import { asking } from './asking.ts';
import { indexDocument, pack, readIndexDocument, versionOf } from './index-document.ts';
import { thisMachine } from './machine.ts';
import { ssmSdk } from './sdk-packages.ts';

/** A parameter of the standard tier holds 4 KB, and this much of it is left for a part (SSM API reference, PutParameter). */
const PART_BYTES = 3_900;
/** Names that one GetParameters takes (SSM API reference). */
const NAMES_PER_REQUEST = 10;
/** More parts than this take longer to read than a process likes to wait; about 5,000 profiles. */
const MOST_PARTS = 100;
/** How often parts of different documents are read again: somebody is just writing. */
const READINGS = 5;
const PAUSE_MS = 200;

const part = z.object({
  schema: z.literal(1),
  /** Hash of the whole text: parts of several documents do not have it. */
  version: z.string(),
  parts: z.int().min(1).max(MOST_PARTS),
  data: z.string(),
});

/**
 * The index as a document in Parameter Store: the parameters `<name>/0`, `<name>/1` and so on hold one part each.
 * A document that fits into one parameter may also stand in `<name>/0` as plain JSON.
 *
 * @param pause between readings that met a writer, in milliseconds
 */
export function parameterSource(
  client: SSMClient,
  name: string,
  pause: (ms: number) => Promise<unknown> = thisMachine.wait,
): IndexSource {
  const reader = new IndexEntryReader();
  return {
    name: `the parameter ${name}`,
    async read() {
      return await asking(`reading the index from the parameter ${name}`, async () => {
        for (let reading = 1; ; reading++) {
          const text = await readOnce(client, name);
          if (text !== undefined) return readIndexDocument(text, `the parameter ${name}`, reader);
          if (reading === READINGS) throw torn(name);
          await pause(PAUSE_MS * reading);
        }
      });
    },
  };
}

/** The document's text; undefined where the parts are of several documents. */
async function readOnce(client: SSMClient, name: string): Promise<string | undefined> {
  const values = await readParts(client, name, 0, NAMES_PER_REQUEST);
  const [value] = values;
  if (value === undefined)
    throw new Fault('IndexDocumentMissing', {
      doing: `reading the index from the parameter ${name}`,
      problem: `there is no parameter ${name}/0`,
      next: 'Check the name, or let the sweep write it.',
    });
  const first = partOf(value);
  if (first === undefined) return value;
  for (let from = NAMES_PER_REQUEST; from < first.parts; from += NAMES_PER_REQUEST)
    values.push(...(await readParts(client, name, from, Math.min(first.parts, from + NAMES_PER_REQUEST))));
  const data = values.slice(0, first.parts).map((text) => (text === undefined ? undefined : partOf(text)?.data));
  if (data.includes(undefined)) return undefined;
  const whole = data.join('');
  return versionOf(whole) === first.version ? whole : undefined;
}

async function readParts(
  client: SSMClient,
  name: string,
  from: number,
  until: number,
): Promise<(string | undefined)[]> {
  const names = Array.from({ length: until - from }, (_, i) => `${name}/${from + i}`);
  const { GetParametersCommand } = await ssmSdk();
  const { Parameters = [] } = await client.send(new GetParametersCommand({ Names: names, WithDecryption: true }));
  const values = new Map(Parameters.map((parameter) => [parameter.Name, parameter.Value]));
  return names.map((partName) => values.get(partName));
}

function partOf(value: string): z.infer<typeof part> | undefined {
  try {
    const read = part.safeParse(JSON.parse(value));
    return read.success ? read.data : undefined;
  } catch {
    return undefined;
  }
}

const torn = (name: string): Fault =>
  new Fault('IndexDocumentTorn', {
    doing: `reading the index from the parameter ${name}`,
    problem: 'its parts belong to different documents',
    next: 'Somebody is writing it; if this lasts, a writer broke off, and the next sweep writes it again.',
  });

/** What is there is no index, and writing one is the remedy; that it cannot be read for another reason is not. */
const MENDED_BY_WRITING = new Set(['IndexDocumentMissing', 'IndexDocumentTorn', 'IndexDocumentUnreadable']);
const REWRITE_MS = 3_600_000;

/**
 * Writes the index where it says something new, and once an hour. What is there stays where the index does not fit into
 * {@link MOST_PARTS} parameters: then publishing fails with `IndexTooLarge`.
 */
export function indexParameter(client: SSMClient, name: string): PublishedIndex {
  const source = parameterSource(client, name, async () => {});
  return {
    async publish(reading, now) {
      const before = await source.read().catch((error: unknown) => {
        if (error instanceof Fault && MENDED_BY_WRITING.has(error.code)) return undefined;
        throw error;
      });
      const isRecent = before?.writtenAt !== undefined && now - before.writtenAt < REWRITE_MS;
      if (before !== undefined && isRecent && isSame(before, reading)) return 'unchanged';
      const text = pack(indexDocument({ ...reading, writtenAt: now }));
      const pieces = text.match(new RegExp(`.{1,${PART_BYTES}}`, 'g')) ?? [];
      if (pieces.length > MOST_PARTS)
        throw new Fault('IndexTooLarge', {
          doing: `writing the index to the parameter ${name}`,
          problem: `it needs ${pieces.length} parameters, and ${MOST_PARTS} are read`,
          next: 'Use the table, the tagging API or the resolver function as the source of so many profiles.',
        });
      const version = versionOf(text);
      await asking(`writing the index to the parameter ${name}`, async () => {
        const { PutParameterCommand } = await ssmSdk();
        for (const [at, data] of pieces.entries())
          await client.send(
            new PutParameterCommand({
              Name: `${name}/${at}`,
              Value: JSON.stringify({ schema: 1, version, parts: pieces.length, data }),
              Type: 'String',
              Overwrite: true,
              Description: 'The governor’s index of profiles, for helpers and functions that cannot reach its table',
            }),
          );
      });
      return 'written';
    },
  };
}

const isSame = (one: IndexReading, other: IndexReading): boolean =>
  indexDocument({ ...one, writtenAt: epochMs(0) }) === indexDocument({ ...other, writtenAt: epochMs(0) });
