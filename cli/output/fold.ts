import { stripVTControlCharacters } from 'node:util';

/** How wide a text is on the screen. Colours are escape sequences, and take no room. */
export const widthOf = (text: string): number => [...stripVTControlCharacters(text)].length;

/** How wide the terminal is in which a person reads the output, if one does. */
export const terminalWidth = (
  stream: { readonly isTTY?: boolean; readonly columns?: number } = process.stdout,
): number | undefined =>
  // A terminal that does not know its width says 0.
  stream.isTTY === true && stream.columns !== undefined && stream.columns > 0 ? stream.columns : undefined;

const NO_BREAK = '\u00a0';

/** Text that is to be copied, such as a command: {@link folded} leaves it on one line. */
export const unbroken = (text: string): string => text.replaceAll(' ', NO_BREAK);

/**
 * Breaks lines that are too long for a terminal between words; what is broken off stands under the text that it belongs to,
 * right of a mark or label such as `  why        `. A word that is longer than a line stays whole: commands and ARNs are copied.
 *
 * @param width of the terminal; `undefined` where nobody looks, as in pipes: nothing is broken then
 */
export const folded = (text: string, width: number | undefined = terminalWidth()): string =>
  text
    .split('\n')
    .flatMap((line) => (width === undefined || widthOf(line) <= width ? [line] : foldedLine(line, width)))
    .join('\n')
    .replaceAll(NO_BREAK, ' ');

function foldedLine(line: string, width: number): readonly string[] {
  const hang = ' '.repeat(hangOf(stripVTControlCharacters(line), width));
  const lines: string[] = [];
  let current = '';
  for (const [, gap = '', word = ''] of line.matchAll(/([^\S\u00a0]*)([\S\u00a0]+)/g)) {
    // A mark stays with what it marks.
    if (!/^\s*\S?$/.test(stripVTControlCharacters(current)) && widthOf(current + gap + word) > width) {
      lines.push(current);
      current = hang + word;
    } else current += gap + word;
  }
  return [...lines, current];
}

/** A label is set off by two spaces; a mark is one character. */
function hangOf(line: string, width: number): number {
  const [indent = ''] = /^\s*/.exec(line) ?? [];
  const [label] = /^\s*\S+(?: \S+){0,2} {2,}/.exec(line) ?? /^\s+[-→+~=!?] /.exec(line) ?? [];
  const hang = label?.length ?? (indent === '' ? 0 : indent.length + 2);
  return hang <= width / 2 ? hang : Math.min(indent.length, 2);
}
