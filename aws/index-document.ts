import { createHash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import * as z from 'zod';
import { type EpochMs, epochMs } from '../domain/clock.ts';
import { Fault } from '../domain/fault.ts';
import { type IndexEntryReader, serialiseIndexEntry } from '../domain/profiles/index-entry-document.ts';
import type { IndexReading } from '../domain/profiles/index-source.ts';
import { entryForHelpers } from '../domain/profiles/shared-entry.ts';

/**
 * The whole index as one document, for places that hold a text: JSON, or the same packed (gzip, base64). Entries have
 * the form in which the table holds them; see docs/index-sources.md.
 */
const document = z.object({
  schema: z.literal(1),
  writtenAt: z.number(),
  entries: z.array(z.looseObject({ arn: z.string() })),
  /** Profiles whose entries the writer could not read. */
  unreadable: z.array(z.string()).default([]),
});

/** The document as JSON. Profiles that have ended are not in it. */
export function indexDocument({ entries, withheld, writtenAt }: IndexReading & { writtenAt: EpochMs }): string {
  return JSON.stringify({
    schema: 1,
    writtenAt,
    entries: entries
      .filter(({ endedAt }) => endedAt === undefined)
      .map((entry): unknown => JSON.parse(serialiseIndexEntry(entryForHelpers(entry)))),
    unreadable: withheld.map(({ arn }) => arn),
  });
}

export const pack = (json: string): string => gzipSync(json, { level: 9 }).toString('base64');

/** Names a text by its content, so that parts of two texts are told apart. */
export const versionOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32);

/** Expanded documents are held in memory as a whole. */
const MOST_BYTES = 256 * 1024 * 1024;

/**
 * Reads a document, packed or not. An entry that this version cannot read is withheld.
 *
 * @throws {Fault} `IndexDocumentUnreadable` where it is no index at all
 */
export function readIndexDocument(text: string, place: string, reader: IndexEntryReader): IndexReading {
  const parsed = document.safeParse(jsonOf(text));
  if (!parsed.success)
    throw new Fault('IndexDocumentUnreadable', {
      doing: `reading the index from ${place}`,
      problem: `it is not an index of this version: ${z.prettifyError(parsed.error)}`,
      next: 'Write it in the form that docs/index-sources.md shows.',
    });
  const { entries, unreadable, writtenAt } = parsed.data;
  const reading = reader.begin();
  for (const entry of entries) reading.take(entry.arn, JSON.stringify(entry));
  const read = reading.end();
  return {
    entries: read.entries,
    withheld: [...read.withheld, ...unreadable.map((arn) => ({ arn, why: 'unreadable' as const }))],
    writtenAt: epochMs(writtenAt),
  };
}

function jsonOf(text: string): unknown {
  try {
    const json = text.trimStart().startsWith('{')
      ? text
      : gunzipSync(Buffer.from(text, 'base64'), { maxOutputLength: MOST_BYTES }).toString('utf8');
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
