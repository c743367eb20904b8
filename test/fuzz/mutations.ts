import fc from 'fast-check';
import { mutationsOf } from '../domain/event-fixtures.ts';

/** What somebody puts into a text to see what happens: of YAML, JSON, URLs, regular expressions, terminals. */
const NASTY = [
  '',
  '\0',
  '\n',
  '\r\n',
  '\t',
  ' ',
  '\u2028',
  '\u202E',
  '\uD800',
  '\uFEFF',
  '%',
  '%00',
  '%2F',
  '{',
  '}',
  '[',
  ']',
  '"',
  "'",
  '\\',
  ':',
  ': ',
  '- ',
  '#',
  '&a ',
  '*a',
  '<<: *a',
  '!!js/function "x"',
  '---\n',
  'null',
  '~',
  'true',
  '-1',
  '0',
  '1e999',
  '9007199254740993',
  '0x1F',
  '.5',
  '99999999999999999999999999',
  'USD',
  '__proto__',
  'constructor',
  '.*',
  '(a+)+$',
  '\u001B[31m',
  'x'.repeat(10_000),
] as const;

type Edit = (text: string) => string;

const edit: fc.Arbitrary<Edit> = fc
  .tuple(
    fc.constantFrom('insert', 'cut', 'repeat', 'replace', 'swap case'),
    fc.nat(),
    fc.nat(),
    fc.constantFrom(...NASTY),
  )
  .map(([kind, from, size, nasty]) => (text) => {
    const start = text.length === 0 ? 0 : from % text.length;
    const end = Math.min(text.length, start + (size % 40));
    const [before, part, after] = [text.slice(0, start), text.slice(start, end), text.slice(end)];
    switch (kind) {
      case 'insert':
        return before + nasty + part + after;
      case 'cut':
        return before + after;
      case 'repeat':
        return before + part + part + after;
      case 'replace':
        return before + nasty + after;
      case 'swap case':
        return before + (part === part.toUpperCase() ? part.toLowerCase() : part.toUpperCase()) + after;
    }
  });

/** One of the texts with a few edits, or cut together from two of them; now and then something else altogether. */
export const textsLike = (corpus: readonly string[]): fc.Arbitrary<string> => {
  const kept = fc.constantFrom(...corpus);
  const edited = fc
    .tuple(kept, fc.array(edit, { minLength: 1, maxLength: 5 }))
    .map(([text, edits]) => edits.reduce((result, apply) => apply(result), text));
  const crossed = fc
    .tuple(kept, kept, fc.nat(), fc.nat())
    .map(([a, b, cutA, cutB]) => a.slice(0, cutA % (a.length + 1)) + b.slice(cutB % (b.length + 1)));
  return fc.oneof({ weight: 6, arbitrary: edited }, { weight: 2, arbitrary: crossed }, fc.string(), fc.json());
};

/** The same for texts that are JSON: their values change as well, and the result is mostly JSON again. */
export const jsonLike = (corpus: readonly string[]): fc.Arbitrary<string> => {
  const values = corpus.map((text) => JSON.parse(text) as unknown);
  const mutated = fc
    .constantFrom(...values)
    .chain((value) => mutationsOf(value))
    .map((value) => JSON.stringify(value) ?? 'null');
  return fc.oneof({ weight: 6, arbitrary: mutated }, textsLike(corpus));
};
