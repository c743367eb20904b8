import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { EVENTS } from '../domain/event-fixtures.ts';

const FOLDER = new URL('corpus/', import.meta.url);

/** Inputs that are kept: good ones to start from, and bad ones that once went wrong. */
export function corpusOf(name: string): readonly string[] {
  const folder = new URL(`${name}/`, FOLDER);
  return readdirSync(folder)
    .sort()
    .map((file) => readFileSync(new URL(file, folder), 'utf8'));
}

/** Captured events and payloads whose names begin so, as text. */
export const capturedAs = (...prefixes: readonly string[]): readonly string[] =>
  [...EVENTS]
    .filter(([name]) => prefixes.some((prefix) => name.startsWith(prefix)))
    .map(([, value]) => JSON.stringify(value));

/** Keeps an input that went wrong, under a name that its content gives. Returns where. */
export function keep(name: string, input: string, fingerprint: string): string {
  const folder = new URL(`${name}/`, FOLDER);
  mkdirSync(folder, { recursive: true });
  const file = new URL(`found-${fingerprint}.txt`, folder);
  writeFileSync(file, input);
  return file.pathname;
}
