/** Texts of policies: wildcards and policy variables. */
import { kindOf, type RequestContext } from './context.ts';

const VARIABLE = /\$\{([^}]*)\}/g;
const LITERALS = new Set(['*', '?', '$']);

/** @throws {RangeError} for a variable that is not modelled, or whose key has several values */
export function checkVariables(text: string): void {
  for (const [variable, name = ''] of text.matchAll(VARIABLE)) {
    if (LITERALS.has(name)) continue;
    if (kindOf(name) === 'multi') throw new RangeError(`policy variable ${variable} has several values`);
  }
}

type Piece = { readonly literal: string } | { readonly pattern: string };

/** `undefined`: a variable has no value in this request, so the text matches nothing (UNVERIFIED for negations). */
function resolve(text: string, context: RequestContext): Piece[] | undefined {
  const pieces: Piece[] = [];
  let end = 0;
  for (const match of text.matchAll(VARIABLE)) {
    pieces.push({ pattern: text.slice(end, match.index) });
    const name = match[1] ?? '';
    const value = LITERALS.has(name) ? name : context.get(name.toLowerCase())?.[0];
    if (value === undefined) return undefined;
    pieces.push({ literal: value });
    end = match.index + match[0].length;
  }
  pieces.push({ pattern: text.slice(end) });
  return pieces;
}

/** The text with its variables filled in, in which `*` is a star; undefined when one of them has no value. */
export function plainText(text: string, context: RequestContext): string | undefined {
  return resolve(text, context)
    ?.map((piece) => ('literal' in piece ? piece.literal : piece.pattern))
    .join('');
}

/** `*` and `?` stand for any text and any character; in the value of a variable they stand for themselves. */
export function like(text: string, actual: string, context: RequestContext): boolean {
  const pieces = resolve(text, context);
  if (pieces === undefined) return false;
  const source = pieces.map((piece) =>
    'literal' in piece ? quote(piece.literal) : quote(piece.pattern).replaceAll('\\*', '.*').replaceAll('\\?', '.'),
  );
  return new RegExp(`^${source.join('')}$`, 's').test(actual);
}

/** Part by part, so that a wildcard does not reach over a colon, but in the last of the six parts. */
export function arnLike(text: string, actual: string, context: RequestContext): boolean {
  if (text === '*') return true;
  const [patterns, parts] = [arnParts(text), arnParts(actual)];
  return (
    parts.length === ARN_PARTS &&
    patterns.length === ARN_PARTS &&
    patterns.every((pattern, index) => like(pattern, parts[index] ?? '', context))
  );
}

const ARN_PARTS = 6;

/** A colon inside a variable, as in `${aws:PrincipalTag/tenant}`, parts nothing. */
export function arnParts(arn: string): string[] {
  const parts = arn.match(/(?:\$\{[^}]*\}|[^:])*(?::|$)/g) ?? [];
  const texts = parts.slice(0, ARN_PARTS - 1).map((part) => part.replace(/:$/, ''));
  const rest = parts.slice(ARN_PARTS - 1).join('');
  return parts.length < ARN_PARTS ? texts : [...texts, rest];
}

function quote(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
